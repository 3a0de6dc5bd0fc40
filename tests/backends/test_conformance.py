"""What every engine must do: the real ones on the same weights, and those of which only the protocol can be had."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from engines import MARKED, MODEL, REAL, spec
from working_copy import ROOT
from yardstick.backends.base import Completion, Engine
from yardstick.backends.transformers import TransformersEngine
from yardstick.errors import YardstickError
from yardstick.suites.suite import load_suite

SUITE = load_suite(ROOT / "config/suites/reasoning.yaml")
QUESTIONS = [task.question for task in SUITE.tasks]
PROMPTS = [
    *(SUITE.base_prompt.replace("{question}", question) for question in QUESTIONS[:4]),
    "The river rises in the hills north of the town, runs past the old mill",
    "It's a tab:\there, two  spaces, and Ελλάδα 日本 🙂.",
]


@dataclass(frozen=True)
class Reference:
    """What Transformers says in float32."""

    tokens: list[list[int]]
    generated: list[Completion]
    texts: list[str]
    chats: list[str]
    answers: list[Completion]


@pytest.fixture(scope="session")
def reference() -> Reference:
    engine = TransformersEngine(spec(MODEL))
    engine.prepare()
    engine.load()
    chats = [engine.render_chat(question) for question in QUESTIONS]
    return Reference(
        [engine.tokenize(prompt) for prompt in PROMPTS],
        [engine.generate(prompt, 40) for prompt in PROMPTS],
        [engine.answer([prompt], 40, is_rendered=False)[0].text for prompt in PROMPTS],
        chats,
        engine.answer(chats, SUITE.max_new_tokens, is_rendered=True),
    )


MARKS = {name: [getattr(pytest.mark, name)] for name in MARKED}


@pytest.fixture(scope="module", params=[pytest.param(name, marks=MARKS.get(name, [])) for name in REAL])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    with REAL[request.param](folder) as engine:
        try:
            engine.prepare()
            engine.load()
            yield engine
        finally:
            engine.close()
            engine.close()


def test_prompts_have_the_same_tokens(engine: Engine, reference: Reference) -> None:
    assert [engine.tokenize(prompt) for prompt in PROMPTS] == reference.tokens


def test_greedy_tokens_are_those_of_transformers(engine: Engine, reference: Reference) -> None:
    for prompt, expected, text in zip(PROMPTS, reference.generated, reference.texts, strict=True):
        found = engine.generate(prompt, 40)
        assert found.output_tokens == 40
        if found.token_ids:
            assert found.token_ids == expected.token_ids
        # Behind the end of text, llama-server forbids that token where others go on with it.
        assert found.text.startswith(text.rstrip("\ufffd"))


def test_counts_are_exact(engine: Engine, reference: Reference) -> None:
    for prompt, expected in zip(PROMPTS, reference.generated, strict=True):
        assert engine.generate(prompt, 40).prompt_tokens == expected.prompt_tokens


@pytest.mark.parametrize("new_tokens", [1, 2, 17, 100])
def test_the_asked_length_is_honoured(engine: Engine, new_tokens: int) -> None:
    for completion in (engine.generate(PROMPTS[0], new_tokens), engine.stream(PROMPTS[0], new_tokens).completion):
        assert completion.output_tokens == new_tokens
        assert len(completion.token_ids) in (0, new_tokens)
        assert completion.finish == "length"


def test_streaming_gives_the_same_text_with_a_time_for_each_token(engine: Engine) -> None:
    timed, generated = engine.stream(PROMPTS[0], 24), engine.generate(PROMPTS[0], 24)
    assert timed.completion.text == generated.text
    assert timed.completion.prompt_tokens == generated.prompt_tokens
    assert len(timed.token_times_s) == 24
    assert all(before <= after for before, after in itertools.pairwise([timed.start_s, *timed.token_times_s]))
    assert timed.token_times_s[-1] > timed.start_s


def test_requests_together_give_what_each_gives_alone(engine: Engine) -> None:
    prompts = PROMPTS[: min(4, engine.most_in_flight or 4)]
    together = engine.stream_together(prompts, 16)
    alone = [engine.generate(prompt, 16) for prompt in prompts]
    assert [timed.completion.text for timed in together] == [completion.text for completion in alone]


def test_chat_answers_are_those_of_transformers(engine: Engine, reference: Reference) -> None:
    chats = [engine.render_chat(question) for question in QUESTIONS]
    found = engine.answer(chats, SUITE.max_new_tokens, is_rendered=True)
    assert [answer.text for answer in found] == [answer.text for answer in reference.answers]
    assert [answer.finish for answer in found] == [answer.finish for answer in reference.answers]
    assert [answer.output_tokens for answer in found] == [answer.output_tokens for answer in reference.answers]


def test_the_same_request_gives_the_same_answer(engine: Engine) -> None:
    assert engine.generate(PROMPTS[1], 12) == engine.generate(PROMPTS[1], 12)


def test_a_prompt_that_exceeds_the_context_is_one_line(engine: Engine) -> None:
    with pytest.raises(YardstickError) as raised:
        engine.generate("word " * 700, 40)
    assert len(str(raised.value).splitlines()) == 1
    assert str(raised.value).startswith("tiny: ")


def test_memory_and_versions_can_be_told(engine: Engine) -> None:
    assert all(psutil.pid_exists(pid) for pid in engine.process_ids())
    assert engine.process_ids()
    assert all(isinstance(version, str) and version for version in engine.versions().values())
    assert engine.versions()
    reported = engine.reported_memory()
    assert reported.reserved_bytes >= 0
    assert reported.model_bytes is None or reported.model_bytes > 0
