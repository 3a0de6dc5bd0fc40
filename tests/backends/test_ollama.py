"""The Ollama engine against a server that speaks its protocol and has every one of its faults."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from engines import spec
from servers.fake_ollama import BUSY, OPTIONS, FakeOllama
from servers.fake_server import Seen
from servers.schedule import Schedule, ScriptedModel
from yardstick.backends.base import ServerSpec
from yardstick.backends.ollama import OllamaEngine
from yardstick.errors import YardstickError

MODEL = "tiny:latest"
PROMPT = "Why is the sky blue?"
CHAT, GENERATE = "/api/chat", "/api/generate"


def engine_for(server: FakeOllama, *, context_length: int = 512, **changes: Any) -> OllamaEngine:
    settings = {"url": server.url, "model": MODEL, "waiting": lambda text: None, **changes}
    return OllamaEngine(spec(None, context_length=context_length, server=ServerSpec(**settings)))


@contextlib.contextmanager
def loaded(server: FakeOllama, **changes: Any) -> Iterator[OllamaEngine]:
    with server.running():
        engine = engine_for(server, **changes)
        engine.prepare()
        engine.load()
        try:
            yield engine
        finally:
            engine.close()


@pytest.fixture
def server() -> FakeOllama:
    return FakeOllama(schedule=Schedule(ttft_ms=5, gaps_ms=(2,)))


@pytest.fixture
def engine(server: FakeOllama) -> Iterator[OllamaEngine]:
    with loaded(server) as engine:
        yield engine


def answered(server: FakeOllama) -> list[Seen]:
    """Return the requests that were given tokens for."""
    return [seen for seen in server.requests if seen.sent]


def one_line(error: pytest.ExceptionInfo[YardstickError]) -> str:
    text = str(error.value)
    assert len(text.splitlines()) == 1
    assert text.startswith("tiny: ")
    return text


def test_the_texts_at_which_an_answer_ends_are_told_to_the_server(engine: OllamaEngine, server: FakeOllama) -> None:
    engine.answer_until([PROMPT] * 2, 3, [("\n", "Question:"), ()], is_rendered=False)
    assert [seen.body["options"].get("stop") for seen in answered(server)] == [["\n", "Question:"], None]


def test_loading_and_every_request_name_all_settings(engine: OllamaEngine, server: FakeOllama) -> None:
    engine.generate(PROMPT, 3)
    engine.stream(PROMPT, 3)
    engine.answer([PROMPT], 3, is_rendered=False)
    engine.answer([PROMPT], 3, is_rendered=True)
    load = server.asked(GENERATE)[1]
    for seen in [load, *answered(server)]:
        options = seen.body["options"]
        assert (options["num_ctx"], options["seed"], options["temperature"]) == (512, 0, 0)
        assert options["repeat_penalty"] == 1.0
        assert set(options) <= set(OPTIONS)
    assert len(answered(server)) == 4
    assert all(seen.body["think"] is False for seen in answered(server))
    assert all(seen.body["options"]["num_predict"] == 3 for seen in answered(server))


def test_prompts_are_raw_and_questions_go_through_the_template(engine: OllamaEngine, server: FakeOllama) -> None:
    engine.answer([PROMPT], 3, is_rendered=False)
    assert engine.answer([PROMPT], 3, is_rendered=True)[0].prompt_tokens == 7
    raw, chat = answered(server)
    assert (raw.path, raw.body["raw"], raw.body["prompt"]) == (GENERATE, True, PROMPT)
    assert (chat.path, chat.body["messages"]) == (CHAT, [{"role": "user", "content": PROMPT}])


def test_the_model_is_loaded_once_and_for_all_requests(engine: OllamaEngine, server: FakeOllama) -> None:
    # The server loads anew when one of these differs between requests.
    engine.generate(PROMPT, 3)
    engine.answer([PROMPT], 3, is_rendered=True)
    loading = [seen for seen in server.requests if (seen.body or {}).get("keep_alive") == -1]
    names = ("num_ctx", "num_thread", "num_gpu", "num_batch", "main_gpu", "use_mmap")
    assert len({tuple(seen.body["options"].get(name) for name in names) for seen in loading}) == 1
    assert len(loading) == 3


def test_preparing_and_closing_unload_the_model(server: FakeOllama) -> None:
    server.loaded = 4096
    with server.running():
        engine = engine_for(server)
        engine.prepare()
        assert server.loaded is None
        engine.load()
        assert server.loaded == 512
        engine.close()
        assert server.loaded is None
        engine.close()


def test_a_model_that_the_server_lacks_is_one_line_with_the_remedy(server: FakeOllama) -> None:
    with server.running(), pytest.raises(YardstickError) as raised:
        engine_for(server, model="nix:7b").prepare()
    assert "fetch it with: ollama pull nix:7b" in one_line(raised)


def test_another_digest_than_the_registrys_is_one_line(server: FakeOllama) -> None:
    digest = server.models[0].digest
    with server.running():
        engine_for(server, digest=digest[:12]).prepare()
        with pytest.raises(YardstickError) as raised:
            engine_for(server, digest="0123456789ab").prepare()
    assert digest[:12] in one_line(raised)
    assert "0123456789ab" in str(raised.value)


def test_versions_and_memory_are_the_servers(engine: OllamaEngine, server: FakeOllama) -> None:
    assert engine.versions() == {"ollama": server.version, "digest": server.models[0].digest}
    assert engine.reported_memory().model_bytes == server.models[0].size
    assert engine.accelerator_bytes() == server.models[0].size
    assert os.getpid() in engine.process_ids()


def test_counts_text_and_durations_are_the_servers(engine: OllamaEngine, server: FakeOllama) -> None:
    timed = engine.stream(PROMPT, 4)
    assert timed.completion.output_tokens == len(timed.completion.text.split()) == 4
    assert timed.completion.finish == "length"
    assert timed.completion.prompt_tokens == len(answered(server)[0].body["prompt"].split())
    assert timed.engine_decode_s == pytest.approx(0.006)


def test_timed_prompts_share_no_prefix_so_the_cache_serves_none(engine: OllamaEngine) -> None:
    # A cached token would make the prefill shorter by its share of the prompt.
    timed = [engine.stream(PROMPT, 1) for _ in range(12)]
    engine.generate(PROMPT, 1)
    assert [found.engine_prefill_s for found in timed] == pytest.approx([0.005] * 12)
    assert len({found.completion.prompt_tokens for found in timed}) == 1


def test_each_token_has_the_time_at_which_it_came(engine: OllamaEngine, server: FakeOllama) -> None:
    timed = engine.stream(PROMPT, 6)
    (seen,) = answered(server)
    assert len(timed.token_times_s) == 6
    assert timed.start_s < seen.arrived_s
    sent_s = [sent.time_s for sent in seen.sent]
    assert all(found > truth for found, truth in zip(timed.token_times_s, sent_s, strict=True))
    assert all(before < after for before, after in itertools.pairwise(timed.token_times_s))


def test_lines_with_several_tokens_give_as_many_times_as_tokens(server: FakeOllama) -> None:
    server.schedule = Schedule(tokens_per_chunk=(2, 3))
    with loaded(server) as engine:
        timed = engine.stream(PROMPT, 10)
    assert timed.completion.output_tokens == len(timed.token_times_s) == 10
    assert len(set(timed.token_times_s)) == len(answered(server)[0].sent) == 4


def test_tokens_without_text_are_counted_though_they_have_no_line(server: FakeOllama) -> None:
    server.schedule = Schedule(withheld=(1, 3))
    with loaded(server) as engine:
        timed = engine.stream(PROMPT, 6)
    assert timed.completion.output_tokens == len(timed.token_times_s) == 6
    assert len(answered(server)[0].sent) == 4


def test_an_early_end_of_text_is_told(server: FakeOllama) -> None:
    server.scripted = ScriptedModel(ends_after=3)
    with loaded(server) as engine:
        completion = engine.generate(PROMPT, 10)
        timed = engine.stream(PROMPT, 10)
    assert (completion.output_tokens, completion.finish) == (3, "stop")
    assert len(timed.token_times_s) == 3


def test_zeros_that_the_server_leaves_out_are_zeros(server: FakeOllama) -> None:
    server.counts_cached = False
    with loaded(server) as engine:
        assert engine.stream(PROMPT, 1).engine_decode_s == 0.0
        first, second = engine.answer([PROMPT, PROMPT], 3, is_rendered=False)
    assert first.text == second.text
    assert (first.prompt_tokens, second.prompt_tokens) == (5, 0)


@pytest.mark.parametrize("newer", [False, True])
def test_an_answer_that_is_dropped_for_its_repeats_is_a_short_one(server: FakeOllama, newer: bool) -> None:
    server.scripted = ScriptedModel(repeats_from=4)
    server.repeat_limit, server.tells_repeats = (100, True) if newer else (30, False)
    with loaded(server) as engine:
        timed = engine.stream(PROMPT, 300)
    # The first of the equal tokens and as many repeats as are allowed.
    assert timed.completion.output_tokens == len(timed.token_times_s) == 4 + 1 + server.repeat_limit
    assert timed.completion.finish == "stop"
    assert timed.engine_decode_s is None


def test_a_stream_that_ends_for_no_reason_is_an_error(engine: OllamaEngine, server: FakeOllama) -> None:
    server.fail("end", after=2)
    with pytest.raises(YardstickError) as raised:
        engine.stream(PROMPT, 6)
    assert "ended the stream early" in one_line(raised)


@pytest.mark.parametrize("after", [0, 2, None])
def test_an_error_after_a_good_status_is_one_line(engine: OllamaEngine, server: FakeOllama, after: int | None) -> None:
    server.fail("error", after=after, message="an error was encountered while running the model: CUDA error")
    with pytest.raises(YardstickError) as raised:
        engine.stream(PROMPT, 6)
    assert "CUDA error" in one_line(raised)


def test_a_connection_that_breaks_is_one_line(engine: OllamaEngine, server: FakeOllama) -> None:
    server.fail("cut", after=2)
    with pytest.raises(YardstickError) as raised:
        engine.stream(PROMPT, 6)
    assert "broke off" in one_line(raised)


def test_a_busy_server_is_one_line(engine: OllamaEngine, server: FakeOllama) -> None:
    server.fail("status", status=503, message=BUSY)
    with pytest.raises(YardstickError) as raised:
        engine.stream(PROMPT, 6)
    assert "answers 503: server busy, please try again." in one_line(raised)


def test_a_server_that_cannot_load_the_model_is_one_line(server: FakeOllama) -> None:
    with server.running():
        engine = engine_for(server)
        engine.prepare()
        server.fail(
            "status", GENERATE, status=500, message="model requires more system memory (9 GiB) than is available"
        )
        with pytest.raises(YardstickError) as raised:
            engine.load()
        engine.close()
    assert "requires more system memory" in one_line(raised)


def test_a_server_that_does_not_answer_is_given_up(server: FakeOllama) -> None:
    with loaded(server, request_limit_s=0.3) as engine:
        server.fail("hang", times=1)
        with pytest.raises(YardstickError) as raised:
            engine.stream(PROMPT, 6)
    assert "does not answer in time" in one_line(raised)


def test_slow_headers_are_waited_for(engine: OllamaEngine, server: FakeOllama) -> None:
    server.fail("slow_headers", delay_ms=50)
    timed = engine.stream(PROMPT, 3)
    assert timed.completion.output_tokens == 3
    assert timed.token_times_s[0] - timed.start_s > 0.05


def test_no_server_is_one_line(server: FakeOllama) -> None:
    with server.running():
        engine = engine_for(server)
    with pytest.raises(YardstickError) as raised:
        engine.prepare()
    assert "no server at" in one_line(raised)


def test_another_server_at_the_address_is_one_line(server: FakeOllama) -> None:
    server.fail("garbage")
    with server.running(), pytest.raises(YardstickError) as raised:
        engine_for(server).prepare()
    assert "is another server there?" in one_line(raised)


def test_closing_says_when_the_server_is_gone(server: FakeOllama) -> None:
    said: list[str] = []
    with server.running():
        engine = engine_for(server, waiting=said.append)
        engine.load()
    engine.close()
    assert len(said) == 1
    assert said[0].startswith("not unloaded: ")


def test_thoughts_that_come_anyway_are_tokens_but_no_text(server: FakeOllama) -> None:
    server.thinking, server.thinks_anyway = 2, True
    with loaded(server) as engine:
        timed = engine.stream(PROMPT, 5)
    assert timed.completion.output_tokens == len(timed.token_times_s) == 5
    assert len(timed.completion.text.split()) == 3


def test_requests_together_are_in_flight_together() -> None:
    # No answer begins before all four are asked for.
    with loaded(FakeOllama(together=4)) as engine:
        timed = engine.stream_together([PROMPT] * 4, 5)
    assert [found.completion.output_tokens for found in timed] == [5] * 4


def test_a_prompt_that_would_be_cut_silently_is_one_line(server: FakeOllama) -> None:
    # Ollama drops the middle of a prompt that is too long, and says nothing.
    with loaded(server, context_length=64) as engine, pytest.raises(YardstickError) as raised:
        engine.generate("word " * 100, 4)
    assert "context" in one_line(raised)


def test_tokens_cannot_be_told(engine: OllamaEngine) -> None:
    with pytest.raises(YardstickError) as raised:
        engine.tokenize(PROMPT)
    assert "does not tell tokens" in one_line(raised)
