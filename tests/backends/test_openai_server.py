"""The engines for OpenAI's completions API against servers of four kinds, with every one of their faults."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from engines import spec
from openai_kinds import KINDS, PROMPT, one_line
from servers.fake_openai import FakeOpenAI
from servers.fake_server import Seen
from servers.fake_trtllm import KNOWN, FakeTrtllm
from servers.schedule import Schedule, ScriptedModel
from yardstick.backends import openai_server
from yardstick.backends.base import ServerSpec
from yardstick.backends.openai_server import OpenAIServerEngine
from yardstick.errors import YardstickError


def engine_for(kind: str, server: FakeOpenAI, **changes: Any) -> OpenAIServerEngine:
    settings = {"url": server.url, "model": "tiny", "waiting": lambda text: None, **changes}
    return KINDS[kind][1](spec(None, server=ServerSpec(**settings)))


@contextlib.contextmanager
def loaded(kind: str, server: FakeOpenAI, **changes: Any) -> Iterator[OpenAIServerEngine]:
    with server.running():
        engine = engine_for(kind, server, **changes)
        engine.prepare()
        engine.load()
        # What loading asked is no answer to a prompt.
        server.requests.clear()
        try:
            yield engine
        finally:
            engine.close()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kind: str) -> FakeOpenAI:
    return KINDS[kind][0](schedule=Schedule(ttft_ms=5, gaps_ms=(2,)))


@pytest.fixture
def engine(kind: str, server: FakeOpenAI) -> Iterator[OpenAIServerEngine]:
    with loaded(kind, server) as engine:
        yield engine


def answered(server: FakeOpenAI) -> list[Seen]:
    return [seen for seen in server.requests if seen.method == "POST"]


def test_every_request_is_greedy_with_a_seed(engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    engine.generate(PROMPT, 3)
    engine.stream(PROMPT, 3)
    engine.answer([PROMPT], 3, is_rendered=False)
    engine.answer([PROMPT], 3, is_rendered=True)
    assert len(answered(server)) == 4
    for seen in answered(server):
        assert (seen.body["temperature"], seen.body["seed"], seen.body["max_tokens"]) == (0, 0, 3)


def test_prompts_are_raw_and_questions_go_through_the_template(engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    assert engine.answer([PROMPT], 3, is_rendered=False)[0].prompt_tokens == 5
    assert engine.answer([PROMPT], 3, is_rendered=True)[0].prompt_tokens == 7
    raw, chat = answered(server)
    assert (raw.path, raw.body["prompt"]) == ("/v1/completions", PROMPT)
    assert (chat.path, chat.body["messages"]) == ("/v1/chat/completions", [{"role": "user", "content": PROMPT}])


def test_the_texts_at_which_an_answer_ends_are_told_to_the_server(
    engine: OpenAIServerEngine, server: FakeOpenAI
) -> None:
    engine.answer_until([PROMPT] * 3, 3, [("\n", "Question:"), (), tuple("abcdef")], is_rendered=False)
    # OpenAI's API takes four; whoever asked cuts at the others.
    assert [seen.body.get("stop") for seen in answered(server)] == [["\n", "Question:"], None, ["a", "b", "c", "d"]]


def test_answers_may_end_and_fixed_lengths_may_not(kind: str, server: FakeOpenAI) -> None:
    server.scripted = ScriptedModel(ends_after=2)
    with loaded(kind, server) as engine:
        (answer,) = engine.answer([PROMPT], 6, is_rendered=False)
        fixed = [engine.generate(PROMPT, 6), engine.stream(PROMPT, 6).completion]
    assert (answer.output_tokens, answer.finish) == (2, "stop")
    # A server that honours nothing beyond the standard cannot go on.
    expected = (2, "stop") if kind == "openai" else (6, "length")
    assert [(completion.output_tokens, completion.finish) for completion in fixed] == [expected] * 2


def test_the_cache_of_prompts_is_off_or_of_no_use(kind: str, server: FakeOpenAI) -> None:
    server.reuses_prompts = kind in ("openai", "llama-server")
    with loaded(kind, server) as engine:
        engine.generate(PROMPT, 1)
        engine.stream(PROMPT, 1)
        engine.generate(PROMPT, 1)
        bodies = [seen.body for seen in answered(server)]
        assert engine.changes_prompts == (kind != "llama-server")
    if kind == "llama-server":
        assert all(body["cache_prompt"] is False for body in bodies)
    else:
        assert len({body["prompt"].split()[0] for body in bodies}) == 3


def test_counts_and_text_are_the_servers(engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    generated, timed = engine.generate(PROMPT, 4), engine.stream(PROMPT, 4)
    for completion, seen in zip((generated, timed.completion), answered(server), strict=True):
        assert completion.output_tokens == len(completion.text.split()) == 4
        assert completion.prompt_tokens == len(seen.body["prompt"].split())
        assert completion.finish == "length"


def test_each_token_has_the_time_at_which_it_came(engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    timed = engine.stream(PROMPT, 6)
    (seen,) = answered(server)
    assert timed.start_s < seen.arrived_s
    assert len(timed.token_times_s) == 6
    sent_s = [sent.time_s for sent in seen.sent]
    assert all(found > truth for found, truth in zip(timed.token_times_s, sent_s, strict=True))
    assert all(before < after for before, after in itertools.pairwise(timed.token_times_s))


def test_the_event_after_the_last_token_is_no_token(
    kind: str, server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A clock that counts its readings: equal gaps mean that every token has its own event's time and no other.
    clock = SimpleNamespace(perf_counter=itertools.count().__next__)
    with loaded(kind, server) as engine:
        monkeypatch.setattr(openai_server, "time", clock)
        timed = engine.stream(PROMPT, 6)
    assert len({after - before for before, after in itertools.pairwise(timed.token_times_s)}) == 1


@pytest.mark.parametrize("kind", ["vllm", "trtllm"], indirect=True)
def test_tokens_that_come_together_share_a_time(kind: str, server: FakeOpenAI) -> None:
    server.schedule = Schedule(ttft_ms=5, gaps_ms=(2,), tokens_per_chunk=(1, 4, 2))
    with loaded(kind, server) as engine:
        timed = engine.stream(PROMPT, 10)
        (seen,) = answered(server)
    sizes = [len(list(group)) for _, group in itertools.groupby(timed.token_times_s)]
    assert sizes == [sent.tokens for sent in seen.sent] == [1, 4, 2, 1, 2]


def test_chunks_with_several_tokens_give_as_many_times_as_tokens(kind: str, server: FakeOpenAI) -> None:
    server.schedule = Schedule(tokens_per_chunk=(2, 3))
    with loaded(kind, server) as engine:
        timed = engine.stream(PROMPT, 10)
    assert timed.completion.output_tokens == len(timed.token_times_s) == 10


def test_tokens_without_text_are_counted(kind: str, server: FakeOpenAI) -> None:
    server.schedule = Schedule(withheld=(1, 3))
    with loaded(kind, server) as engine:
        timed = engine.stream(PROMPT, 6)
    assert timed.completion.output_tokens == len(timed.token_times_s) == 6
    assert len(timed.completion.text.split()) == 6


def test_comments_between_events_are_skipped(kind: str, server: FakeOpenAI) -> None:
    server.pings = True
    with loaded(kind, server) as engine:
        assert len(engine.stream(PROMPT, 6).token_times_s) == 6


@pytest.mark.parametrize("kind", ["vllm"], indirect=True)
def test_vllm_tells_the_ids(engine: OpenAIServerEngine) -> None:
    generated, timed = engine.generate(PROMPT, 4), engine.stream(PROMPT, 4)
    assert len(generated.token_ids) == len(timed.completion.token_ids) == 4


@pytest.mark.parametrize("kind", ["trtllm"], indirect=True)
def test_trtllm_is_sent_no_key_that_it_refuses(engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    engine.stream(PROMPT, 3)
    engine.answer([PROMPT], 3, is_rendered=True)
    completion, chat = answered(server)
    assert set(completion.body) <= KNOWN[False]
    assert set(chat.body) <= KNOWN[True]


@pytest.mark.parametrize("kind", ["llama-server"], indirect=True)
def test_llama_server_tells_its_own_durations(engine: OpenAIServerEngine) -> None:
    timed = engine.stream(PROMPT, 4)
    assert (timed.engine_prefill_s, timed.engine_decode_s) == (pytest.approx(0.005), pytest.approx(0.006))


@pytest.mark.parametrize("kind", ["llama-server"], indirect=True)
def test_an_answer_that_fills_the_context_is_one_line(engine: OpenAIServerEngine) -> None:
    # llama-server stops at the end of the context and says `length`, as if the limit had been reached.
    with pytest.raises(YardstickError) as raised:
        engine.generate("word " * 500, 40)
    assert "context" in one_line(raised)


@pytest.mark.parametrize("kind", ["llama-server", "vllm", "trtllm"], indirect=True)
def test_a_prompt_that_is_too_long_is_one_line(engine: OpenAIServerEngine) -> None:
    with pytest.raises(YardstickError) as raised:
        engine.generate("word " * 600, 4)
    assert "answers 400: " in one_line(raised)


@pytest.mark.parametrize("kind", ["vllm", "llama-server"], indirect=True)
def test_prompts_are_tokenised_by_the_server(engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    assert engine.tokenize("a b a") == server.scripted.tokenize("a b a")


@pytest.mark.parametrize("kind", ["trtllm", "openai"], indirect=True)
def test_a_server_that_cannot_tokenise_is_one_line(engine: OpenAIServerEngine) -> None:
    with pytest.raises(YardstickError) as raised:
        engine.tokenize("a b a")
    one_line(raised)


def test_versions_are_the_servers(kind: str, engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    name = {"llama-server": "llama-server"}.get(kind, "server")
    assert engine.versions() == ({} if kind == "openai" else {name: server.version})
    assert os.getpid() in engine.process_ids()


@pytest.mark.parametrize("kind", ["trtllm"], indirect=True)
def test_trtllm_says_what_it_reserves(engine: OpenAIServerEngine, server: FakeTrtllm) -> None:
    engine.generate(PROMPT, 1)
    assert engine.reported_memory().reserved_bytes == server.memory_bytes


def test_requests_together_are_in_flight_together(kind: str) -> None:
    # No answer begins before four are asked for; what loading asks is let through first.
    server = KINDS[kind][0]()
    with loaded(kind, server) as engine:
        server.hold(4)
        timed = engine.stream_together([PROMPT] * 4, 5)
    assert [found.completion.output_tokens for found in timed] == [5] * 4


def test_the_only_model_needs_no_name(kind: str, server: FakeOpenAI) -> None:
    with loaded(kind, server, model=None) as engine:
        engine.generate(PROMPT, 1)
    assert answered(server)[0].body["model"] == "tiny"


def test_a_model_that_the_server_lacks_is_one_line(kind: str, server: FakeOpenAI) -> None:
    with server.running(), pytest.raises(YardstickError) as raised:
        engine_for(kind, server, model="nix").load()
    assert "has no model 'nix'; it has tiny" in one_line(raised)


@pytest.mark.parametrize("after", [0, 2, None])
def test_an_error_in_the_middle_is_one_line(
    kind: str, engine: OpenAIServerEngine, server: FakeOpenAI, after: int | None
) -> None:
    server.fail("error", after=after, message="CUDA out of memory")
    with pytest.raises(YardstickError) as raised:
        engine.stream(PROMPT, 6)
    # TensorRT-LLM tells no error in a stream: it breaks it off.
    assert ("broke off" if kind == "trtllm" else "CUDA out of memory") in one_line(raised)


def test_a_connection_that_breaks_is_one_line(engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    server.fail("cut", after=2)
    for ask in (engine.stream, engine.generate):
        with pytest.raises(YardstickError) as raised:
            ask(PROMPT, 6)
        assert "broke off" in one_line(raised)


def test_a_stream_that_ends_too_early_is_one_line(engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    server.fail("end", after=2)
    with pytest.raises(YardstickError) as raised:
        engine.stream(PROMPT, 6)
    assert "ended the stream early" in one_line(raised)


def test_a_whole_stream_without_its_end_mark_is_taken(engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    server.fail("no_done")
    assert len(engine.stream(PROMPT, 6).token_times_s) == 6


def test_missing_counts_are_one_line(engine: OpenAIServerEngine, server: FakeOpenAI) -> None:
    server.fail("no_usage")
    for ask in (engine.stream, engine.generate):
        with pytest.raises(YardstickError) as raised:
            ask(PROMPT, 6)
        assert "usage is missing" in one_line(raised)


@pytest.mark.parametrize("status", [500, 503])
def test_a_refusal_is_one_line_with_the_servers_words(
    engine: OpenAIServerEngine, server: FakeOpenAI, status: int
) -> None:
    server.fail("status", status=status, message="the engine is dead")
    for ask in (engine.stream, engine.generate):
        with pytest.raises(YardstickError) as raised:
            ask(PROMPT, 6)
        assert f"answers {status}: the engine is dead" in one_line(raised)


def test_a_server_that_does_not_answer_is_given_up(kind: str, server: FakeOpenAI) -> None:
    with loaded(kind, server, request_limit_s=0.3) as engine:
        server.fail("hang", times=1)
        with pytest.raises(YardstickError) as raised:
            engine.stream(PROMPT, 6)
    assert "does not answer in time" in one_line(raised)


def test_no_server_is_one_line(kind: str, server: FakeOpenAI) -> None:
    with server.running():
        engine = engine_for(kind, server)
    with pytest.raises(YardstickError) as raised:
        engine.load()
    assert "no server at" in one_line(raised)


def test_another_server_at_the_address_is_one_line(kind: str, server: FakeOpenAI) -> None:
    server.fail("garbage")
    with server.running(), pytest.raises(YardstickError) as raised:
        engine_for(kind, server).load()
    assert "is another server there?" in one_line(raised)


@pytest.mark.parametrize("kind", ["llama-server"], indirect=True)
def test_a_server_that_still_loads_its_model_is_one_line(kind: str, server: FakeOpenAI) -> None:
    server.loading = 100
    with server.running(), pytest.raises(YardstickError) as raised:
        engine_for(kind, server).load()
    assert "Loading model" in one_line(raised)
