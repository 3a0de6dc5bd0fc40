"""What every engine must do: the real ones on the same weights, and those of which only the protocol can be had."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

import psutil
import pytest
from engines import MARKED, MODEL, REAL, SCHEDULE, SCRIPTED, need, spec
from working_copy import ROOT, SCRIPTS
from yardstick.backends.base import Completion, Engine, TimedCompletion
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


def parameters(*names: str) -> list[Any]:
    """Return engines as parameters of tests, those that must be installed first with their mark."""
    return [pytest.param(name, marks=[getattr(pytest.mark, name)] if name in MARKED else []) for name in names]


ENGINES = {**REAL, **SCRIPTED}
# The order of both is the same, so that pytest opens each engine once.
every_engine = pytest.mark.parametrize("engine", parameters(*ENGINES), indirect=True)
same_weights = pytest.mark.parametrize("engine", parameters(*REAL), indirect=True)
scripted = pytest.mark.parametrize("engine", parameters(*SCRIPTED), indirect=True)


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    with ENGINES[request.param](folder) as engine:
        before = children()
        try:
            engine.prepare()
            engine.load()
            yield engine
        finally:
            engine.close()
            engine.close()
        assert not children() - before


def children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


@same_weights
def test_prompts_have_the_same_tokens(engine: Engine, reference: Reference) -> None:
    assert [engine.tokenize(prompt) for prompt in PROMPTS] == reference.tokens


@same_weights
def test_greedy_tokens_are_those_of_transformers(engine: Engine, reference: Reference) -> None:
    for prompt, expected, text in zip(PROMPTS, reference.generated, reference.texts, strict=True):
        found = engine.generate(prompt, 40)
        assert found.output_tokens == 40
        if found.token_ids:
            assert found.token_ids == expected.token_ids
        # Behind the end of text, llama-server forbids that token where others go on with it.
        assert found.text.startswith(text.rstrip("\ufffd"))


@same_weights
def test_counts_are_exact(engine: Engine, reference: Reference) -> None:
    for prompt, expected in zip(PROMPTS, reference.generated, strict=True):
        assert engine.generate(prompt, 40).prompt_tokens == expected.prompt_tokens


@every_engine
@pytest.mark.parametrize("new_tokens", [1, 2, 17, 100])
def test_the_asked_length_is_honoured(engine: Engine, new_tokens: int) -> None:
    for completion in (engine.generate(PROMPTS[0], new_tokens), engine.stream(PROMPTS[0], new_tokens).completion):
        assert completion.output_tokens == new_tokens
        assert len(completion.token_ids) in (0, new_tokens)
        assert completion.finish == "length"


@every_engine
def test_streaming_gives_the_same_text_with_a_time_for_each_token(engine: Engine) -> None:
    timed, generated = engine.stream(PROMPTS[0], 24), engine.generate(PROMPTS[0], 24)
    assert timed.completion.text == generated.text or engine.changes_prompts
    assert timed.completion.prompt_tokens == generated.prompt_tokens
    assert len(timed.token_times_s) == 24
    assert all(before <= after for before, after in itertools.pairwise([timed.start_s, *timed.token_times_s]))
    assert timed.token_times_s[-1] > timed.start_s


@every_engine
def test_requests_together_give_what_each_gives_alone(engine: Engine) -> None:
    prompts = PROMPTS[: min(4, engine.most_in_flight or 4)]
    together = engine.stream_together(prompts, 16)
    alone = [engine.generate(prompt, 16) for prompt in prompts]
    assert [timed.completion.output_tokens for timed in together] == [16] * len(prompts)
    assert [timed.completion.prompt_tokens for timed in together] == [found.prompt_tokens for found in alone]
    if not engine.changes_prompts:
        assert [timed.completion.text for timed in together] == [found.text for found in alone]


@same_weights
def test_chat_answers_are_those_of_transformers(engine: Engine, reference: Reference) -> None:
    chats = [engine.render_chat(question) for question in QUESTIONS]
    found = engine.answer(chats, SUITE.max_new_tokens, is_rendered=True)
    assert [answer.text for answer in found] == [answer.text for answer in reference.answers]
    assert [answer.finish for answer in found] == [answer.finish for answer in reference.answers]
    assert [answer.output_tokens for answer in found] == [answer.output_tokens for answer in reference.answers]


@every_engine
def test_the_same_request_gives_the_same_answer(engine: Engine) -> None:
    first, second = (engine.answer(PROMPTS[1:2], 12, is_rendered=False) for _ in range(2))
    assert first == second
    assert engine.changes_prompts or engine.generate(PROMPTS[1], 12) == engine.generate(PROMPTS[1], 12)


@every_engine
def test_a_prompt_that_exceeds_the_context_is_one_line(engine: Engine) -> None:
    with pytest.raises(YardstickError) as raised:
        engine.generate("word " * 700, 40)
    assert len(str(raised.value).splitlines()) == 1
    assert str(raised.value).startswith("tiny: ")


@every_engine
def test_memory_and_versions_can_be_told(engine: Engine) -> None:
    assert all(psutil.pid_exists(pid) for pid in engine.process_ids())
    assert engine.process_ids()
    assert all(isinstance(version, str) and version for version in engine.versions().values())
    assert engine.versions()
    reported = engine.reported_memory()
    assert reported.reserved_bytes >= 0
    assert reported.model_bytes is None or reported.model_bytes > 0


TOLERANCE_S = 0.005


PLANNED_S = [
    SCHEDULE["ttft_ms"] / 1000,
    *itertools.islice(itertools.cycle(gap / 1000 for gap in SCHEDULE["gaps_ms"]), 11),
]


@scripted
def test_times_are_those_of_the_servers_schedule(engine: Engine) -> None:
    """A busy machine delays each step in some requests; a client that counts or delays wrongly does so in all of them."""
    least_s = [1.0] * len(PLANNED_S)
    for _ in range(50):
        found_s = steps(engine.stream(PROMPTS[4], len(PLANNED_S)))
        errors_s = [abs(found - planned) for found, planned in zip(found_s, PLANNED_S, strict=True)]
        least_s = [min(pair) for pair in zip(least_s, errors_s, strict=True)]
        if max(least_s) <= TOLERANCE_S:
            break
    assert max(least_s) <= TOLERANCE_S


def steps(timed: TimedCompletion) -> list[float]:
    """Return the time to the first token and the gaps after it, seconds."""
    return [after - before for before, after in itertools.pairwise([timed.start_s, *timed.token_times_s])]


JOB = """
import sys
from pathlib import Path
import psutil
sys.path[:0] = sys.argv[3:]
from engines import REAL, SCRIPTED
with {**REAL, **SCRIPTED}[sys.argv[1]](Path(sys.argv[2])) as engine:
    try:
        engine.prepare()
        engine.load()
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        engine.close()
    print("closed", len(psutil.Process().children(recursive=True)), flush=True)
"""
IMPORTED = (SCRIPTS, ROOT / "tests", ROOT / "tests/backends")
STARTING = parameters("llama_cpp", "vllm", "vllm_stand_in", "trtllm_stand_in")


@pytest.mark.parametrize("end", ["close", "crash", "ctrl_c"])
@pytest.mark.parametrize("name", STARTING)
def test_nothing_is_left_running(name: str, end: str, tmp_path: Path) -> None:
    """Of engines in a process of their own, and with servers that they start; one that ran before is not theirs to end."""
    need(name)
    command = [sys.executable, "-c", JOB, name, str(tmp_path), *map(str, IMPORTED)]
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True, start_new_session=True) as job:
        try:
            family = family_of(job, starts_server=name in ("vllm", "vllm_stand_in", "trtllm_stand_in"))
            finish(job, end)
        finally:
            job.kill()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []


def family_of(job: Popen[str], *, starts_server: bool) -> list[psutil.Process]:
    """Return what a job has started once its engine is loaded."""
    assert job.stdout is not None
    assert job.stdout.readline() == "ready\n"
    family = psutil.Process(job.pid).children(recursive=True)
    assert bool(family) == starts_server
    return family


def finish(job: Popen[str], end: str) -> None:
    assert job.stdin is not None
    assert job.stdout is not None
    if end == "crash":
        job.kill()
    elif end == "ctrl_c":
        os.killpg(job.pid, signal.SIGINT)
    else:
        job.stdin.close()
        assert job.stdout.readline() == "closed 0\n"
    job.wait(60)
