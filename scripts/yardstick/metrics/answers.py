"""Answers of a suite: each question asked once, decoded greedily, batched where the engine can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yardstick.backends.base import Engine
from yardstick.metrics.observations import Observations, Progress


def observe(
    engine: Engine,
    *,
    questions: Mapping[str, str],
    prompt: str,
    is_chat: bool,
    max_new_tokens: int,
    batch_size: int,
    progress: Progress,
) -> Observations:
    """Return one row per task with the model's continuation; nothing is scored here.

    Args:
        engine: a prepared engine; it is loaded here.
        questions: task id -> question.
        prompt: how a question is put, with ``{question}`` in it.
        is_chat: whether the result is put through the model's chat template.
        max_new_tokens: longest answer in tokens.
        batch_size: prompts answered together.
        progress: told (done, total) between batches.
    """
    engine.load()
    asked = [(task, _ask(engine, question, prompt, is_chat)) for task, question in questions.items()]
    rows: list[dict[str, Any]] = []
    for start in range(0, len(asked), batch_size):
        batch = asked[start : start + batch_size]
        completions = engine.answer([text for _, text in batch], max_new_tokens, is_rendered=is_chat)
        for (task, text), completion in zip(batch, completions, strict=True):
            rows.append(
                {
                    "task": task,
                    "prompt": text,
                    "prompt_tokens": completion.prompt_tokens,
                    "output_tokens": completion.output_tokens,
                    "answer": completion.text,
                    "finish": completion.finish,
                }
            )
        progress(len(rows), len(asked))
    return Observations(rows)


def _ask(engine: Engine, question: str, prompt: str, is_chat: bool) -> str:
    text = prompt.replace("{question}", question)
    return engine.render_chat(text) if is_chat else text
