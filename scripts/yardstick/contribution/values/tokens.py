"""Numbers of tokens that a prompt and its answer can have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yardstick.registry import ModelEntry

# A server may end at the end of text where it is asked to go on; the others decode as many tokens as they are asked.
_MAY_END_EARLY = ("ollama", "openai")
# A prompt may get special tokens, and where a server caches prompts a short prefix that differs for each request.
_MOST_ADDED_TOKENS = 40


def has_exact_length(entry: ModelEntry) -> bool:
    """Tell whether the engine decodes exactly as many tokens as it is asked for in timing metrics."""
    return entry.backend not in _MAY_END_EARLY


def output_problems(tokens: int, entry: ModelEntry, *, asked: int, answers: int) -> Iterator[str]:
    """Yield what is wrong with the new tokens of some answers.

    Args:
        tokens: new tokens of all answers together.
        entry: the model.
        asked: tokens asked of each answer.
        answers: number of answers.
    """
    if tokens > asked * answers:
        yield f"output_tokens: {tokens}, but {asked * answers} were asked"
    elif has_exact_length(entry) and tokens != asked * answers:
        yield f"output_tokens: {tokens}, and {entry.backend} decodes all {asked * answers} that are asked"
    elif tokens < answers:
        yield f"output_tokens: {tokens}, fewer than one for each of {answers} answers"


def prompt_problems(tokens: int, prompts: Sequence[str], entry: ModelEntry) -> Iterator[str]:
    """Yield what is wrong with the tokens of some prompts together: no token is shorter than a byte."""
    most = sum(len(prompt.encode()) + _MOST_ADDED_TOKENS for prompt in prompts)
    if not len(prompts) <= tokens <= most:
        yield f"prompt_tokens: {tokens} for {len(prompts)} prompts of {most} bytes at most"
    elif tokens > entry.context_length * len(prompts):
        yield f"prompt_tokens: {tokens} exceed the context of {entry.context_length} tokens"


def spread_problems(counts: Sequence[int], *, is_prefixed: bool) -> Iterator[str]:
    """Yield what is wrong with the token counts of one prompt over its requests.

    Args:
        counts: one count per request.
        is_prefixed: whether requests get a prefix each, so that counts may differ by its length.
    """
    if max(counts) - min(counts) > (_MOST_ADDED_TOKENS if is_prefixed else 0):
        yield f"prompt_tokens: {min(counts)} and {max(counts)} for the same prompt"
