"""The fakes with OpenAI's API have the shapes of the real servers.

The samples were recorded from vLLM 0.32.0 and llama-server (llama.cpp of llama-cpp-python 0.3.36), ids shortened and
`system_fingerprint` left out; TensorRT-LLM's shapes follow tensorrt_llm/serve/openai_protocol.py and openai_server.py.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from servers.fake_llama_server import FakeLlamaServer
from servers.fake_openai import FakeOpenAI
from servers.fake_trtllm import FakeTrtllm
from servers.fake_vllm import FakeVllm
from servers.schedule import Schedule, ScriptedModel

PATH = "/v1/completions"
BODY = {"model": "tiny", "prompt": "The cat sat", "max_tokens": 3, "temperature": 0}
USAGE = {"stream": True, "stream_options": {"include_usage": True}}

VLLM_CHUNK = json.loads(
    '{"id":"cmpl-b3c","object":"text_completion","created":1795493491,"model":"mini","choices":[{"index":0,"text":"s",'
    '"logprobs":null,"finish_reason":null,"stop_reason":null,"prompt_token_ids":null,"token_ids":[83]}],'
    '"usage":{"prompt_tokens":4,"total_tokens":8,"completion_tokens":4}}'
)
VLLM_LAST = json.loads(
    '{"id":"cmpl-b3c","object":"text_completion","created":1795493491,"model":"mini","choices":[],'
    '"usage":{"prompt_tokens":4,"total_tokens":10,"completion_tokens":6}}'
)
LLAMA_CHUNK = json.loads(
    '{"choices":[{"text":"s","index":0,"logprobs":null,"finish_reason":null}],"created":1795494438,"model":"mini",'
    '"object":"text_completion","id":"chatcmpl-GOQ"}'
)
LLAMA_LAST = json.loads(
    '{"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}],"created":1795494438,"model":"mini",'
    '"object":"text_completion","usage":{"completion_tokens":6,"prompt_tokens":4,"total_tokens":10,'
    '"prompt_tokens_details":{"cached_tokens":0}},"id":"chatcmpl-GOQ","timings":{"cache_n":0,"prompt_n":4,'
    '"prompt_ms":0.373,"prompt_per_token_ms":0.09325,"prompt_per_second":10723.8,"predicted_n":6,"predicted_ms":1.028,'
    '"predicted_per_token_ms":0.2056,"predicted_per_second":4863.8}}'
)


@contextlib.contextmanager
def running(server: FakeOpenAI) -> Iterator[httpx.Client]:
    with server.running(), httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def events(client: httpx.Client, path: str = PATH, **body: Any) -> list[Any]:
    """Return the events of a stream; the end mark is None."""
    answer = client.post(path, json={**BODY, **USAGE, **body})
    assert answer.headers["content-type"].startswith("text/event-stream")
    data = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    return [None if text == "[DONE]" else json.loads(text) for text in data]


def shape(content: Any) -> Any:
    """Return content with every value replaced by its type: what a client relies on."""
    if isinstance(content, dict):
        return {key: shape(value) for key, value in content.items()}
    if isinstance(content, list):
        return [shape(value) for value in content[:1]]
    return type(content).__name__


def test_vllm_streams_as_recorded() -> None:
    with running(FakeVllm(schedule=Schedule(tokens_per_chunk=(2, 1)))) as client:
        options = {"include_usage": True, "continuous_usage_stats": True}
        first, second, last, done = events(client, stream_options=options, return_token_ids=True)
    assert shape(second) == shape({**VLLM_CHUNK, "choices": [{**VLLM_CHUNK["choices"][0], "finish_reason": "length"}]})
    assert shape(last) == shape(VLLM_LAST)
    assert done is None
    assert [len(event["choices"][0]["token_ids"]) for event in (first, second)] == [2, 1]
    assert len(first["choices"][0]["prompt_token_ids"]) == 3
    assert [event["usage"]["completion_tokens"] for event in (first, second, last)] == [2, 3, 3]


def test_vllm_tells_no_usage_that_was_not_asked_for() -> None:
    with running(FakeVllm()) as client:
        *chunks, done = events(client, stream_options=None)
    assert done is None
    assert len(chunks) == 3
    assert not any("usage" in chunk for chunk in chunks)


def test_vllm_ends_with_an_empty_text_and_counts_the_end() -> None:
    with running(FakeVllm(scripted=ScriptedModel(ends_after=2))) as client:
        *_, end, last, _ = events(client)
        fixed = client.post(PATH, json={**BODY, "ignore_eos": True}).json()
        least = client.post(PATH, json={**BODY, "min_tokens": 3}).json()
    assert (end["choices"][0]["text"], end["choices"][0]["finish_reason"]) == ("", "stop")
    assert last["usage"]["completion_tokens"] == 2
    assert [found["usage"]["completion_tokens"] for found in (fixed, least)] == [3, 3]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (
            {"model": "nix"},
            404,
            {
                "message": "The model `nix` does not exist. Valid aliases: tiny.",
                "type": "NotFoundError",
                "param": "model",
            },
        ),
        (
            {"max_tokens": 2, "min_tokens": 3},
            400,
            {
                "message": "min_tokens must be less than or equal to max_tokens=2, got 3.",
                "type": "BadRequestError",
                "param": None,
            },
        ),
        (
            {"max_tokens": 600},
            400,
            {
                "message": "max_tokens=600 cannot be greater than max_model_len=512. Please request fewer output tokens. "
                "(parameter=max_tokens, value=600)",
                "type": "BadRequestError",
                "param": "max_tokens",
            },
        ),
        (
            {"stream_options": {"include_usage": True}},
            400,
            {
                "message": "Stream options can only be defined when `stream=True`. (parameter=stream_options)",
                "type": "BadRequestError",
                "param": "stream_options",
            },
        ),
    ],
)
def test_vllm_refuses_as_recorded(body: dict[str, Any], status: int, error: dict[str, Any]) -> None:
    with running(FakeVllm()) as client:
        answer = client.post(PATH, json={**BODY, **body})
    assert (answer.status_code, answer.json()) == (status, {"error": {**error, "code": status}})


def test_vllm_refuses_a_prompt_that_leaves_no_room() -> None:
    with running(FakeVllm()) as client:
        answer = client.post(PATH, json={**BODY, "prompt": "word " * 511, "max_tokens": 2})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("This model's maximum context length is 512 tokens. However,")


def test_vllm_ignores_unknown_keys_and_tells_tokens_health_and_metrics() -> None:
    with running(FakeVllm(reuses_prompts=True, cache_bytes=1 << 30)) as client:
        assert client.post(PATH, json={**BODY, "no_such_key": 1}).status_code == 200
        assert client.post(PATH, json=BODY).status_code == 200
        tokens = client.post("/tokenize", json={"model": "tiny", "prompt": "a b a"}).json()
        assert client.get("/health").text == ""
        assert client.get("/version").json() == {"version": "0.32.0"}
        assert client.get("/props").json() == {"detail": "Not Found"}
        metrics = client.get("/metrics").text
    assert set(tokens) == {"count", "max_model_len", "tokens", "token_strs"}
    assert (tokens["count"], tokens["tokens"][0]) == (3, tokens["tokens"][2])
    assert 'kv_cache_memory_bytes="1073741824"' in metrics
    assert 'vllm:prefix_cache_hits_total{engine="0",model_name="tiny"} 3.0' in metrics


def test_llama_server_streams_as_recorded() -> None:
    with running(FakeLlamaServer(schedule=Schedule(ttft_ms=1, gaps_ms=(1,)))) as client:
        *chunks, last, done = events(client)
    assert done is None
    assert [shape(chunk) for chunk in chunks] == [shape(LLAMA_CHUNK)] * 3
    # Completions have the usage beside a choice, not in an event without choices.
    assert shape(last) == shape(LLAMA_LAST)
    assert last["timings"]["predicted_n"] == 3


def test_llama_server_sends_an_empty_text_for_the_end_and_nothing_for_an_incomplete_character() -> None:
    with running(FakeLlamaServer(scripted=ScriptedModel(ends_after=2))) as client:
        texts = [event["choices"][0]["text"] for event in events(client)[:-1]]
    assert [bool(text) for text in texts] == [True, False, False]
    with running(FakeLlamaServer(schedule=Schedule(withheld=(1,)))) as client:
        assert len(events(client)) == 2 + 2


def test_llama_server_honours_ignore_eos_and_not_min_tokens() -> None:
    with running(FakeLlamaServer(scripted=ScriptedModel(ends_after=2))) as client:
        least = client.post(PATH, json={**BODY, "min_tokens": 3}).json()
        fixed = client.post(PATH, json={**BODY, "ignore_eos": True}).json()
    assert [found["usage"]["completion_tokens"] for found in (least, fixed)] == [2, 3]


def test_llama_server_caches_prompts_unless_told_not_to() -> None:
    with running(FakeLlamaServer()) as client:
        counts = [client.post(PATH, json=body).json()["timings"]["cache_n"] for body in (BODY, BODY)]
        off = client.post(PATH, json={**BODY, "cache_prompt": False}).json()["timings"]["cache_n"]
    assert (counts, off) == ([0, 3], 0)


def test_llama_server_refuses_and_loads_as_recorded() -> None:
    with running(FakeLlamaServer(loading=1, context_length=8)) as client:
        loading = client.get("/health")
        assert (loading.status_code, loading.json()) == (
            503,
            {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
        )
        assert client.get("/health").json() == {"status": "ok"}
        missing = client.get("/version")
        assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")
        long = client.post(PATH, json={**BODY, "prompt": "a " * 9})
        past = client.post(PATH, json={**BODY, "max_tokens": 20}).json()
    assert (long.status_code, long.json()["error"]) == (
        400,
        {
            "code": 400,
            "message": "request (9 tokens) exceeds the available context size (8 tokens), try increasing it",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 9,
            "n_ctx": 8,
        },
    )
    assert (past["usage"]["completion_tokens"], past["choices"][0]["finish_reason"]) == (5, "length")


def test_llama_server_takes_content_to_tokenize_and_any_model() -> None:
    with running(FakeLlamaServer()) as client:
        assert len(client.post("/tokenize", json={"content": "a b"}).json()["tokens"]) == 2
        assert client.post("/tokenize", json={"prompt": "a b"}).json() == {"tokens": []}
        assert client.post(PATH, json={**BODY, "model": "nix"}).json()["model"] == "tiny"


def test_trtllm_refuses_keys_that_it_does_not_know() -> None:
    with running(FakeTrtllm()) as client:
        answer = client.post(PATH, json={**BODY, "cache_salt": "x"})
        options = client.post(PATH, json={**BODY, "stream_options": {"include_usage": True}})
    assert answer.status_code == options.status_code == 400
    # The handler of validation errors answers a text, not an object.
    assert "Extra inputs are not permitted" in answer.json()["error"]
    assert "Stream options can only be defined when stream is true." in options.json()["error"]


def test_trtllm_honours_lengths_and_tells_usage_last() -> None:
    with running(FakeTrtllm(scripted=ScriptedModel(ends_after=1))) as client:
        *_, last, done = events(client, ignore_eos=True, min_tokens=3)
    assert done is None
    assert (last["choices"], last["usage"]["completion_tokens"]) == ([], 3)


def test_trtllm_drains_its_statistics_when_they_are_read() -> None:
    with running(FakeTrtllm(memory_bytes=7)) as client:
        client.post(PATH, json=BODY)
        first, second = client.get("/metrics").json(), client.get("/metrics").json()
        assert client.get("/prometheus/metrics").status_code == 404
    # tests/unittest/llmapi/apps/_test_openai_metrics.py
    assert {"cpuMemUsage", "gpuMemUsage", "inflightBatchingStats", "iter", "iterLatencyMS", "kvCacheStats"} <= set(
        first[0]
    )
    assert (first[0]["gpuMemUsage"], second) == (7, [])


SERVERS: dict[str, Callable[..., FakeOpenAI]] = {
    server.kind: server for server in (FakeOpenAI, FakeVllm, FakeTrtllm, FakeLlamaServer)
}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> FakeOpenAI:
    return SERVERS[request.param]()


def test_streams_and_whole_answers_say_the_same(server: FakeOpenAI) -> None:
    with running(server) as client:
        streamed = "".join(event["choices"][0]["text"] for event in events(client) if event and event["choices"])
        whole = client.post(PATH, json=BODY).json()
    assert (whole["choices"][0]["text"], whole["choices"][0]["finish_reason"]) == (streamed, "length")
    counts = {key: whole["usage"][key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")}
    assert counts == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}


def test_chats_are_templated(server: FakeOpenAI) -> None:
    messages = [{"role": "user", "content": "The cat sat"}]
    body = {"model": "tiny", "messages": messages, "max_tokens": 3}
    with running(server) as client:
        whole = client.post("/v1/chat/completions", json=body).json()
        streamed = client.post("/v1/chat/completions", json={**body, "stream": True}).text
    assert whole["usage"]["prompt_tokens"] == 5
    deltas = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: {")]
    said = "".join(delta["choices"][0]["delta"].get("content") or "" for delta in deltas if delta["choices"])
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": said}


def test_comments_are_no_events(server: FakeOpenAI) -> None:
    server.pings = True
    with running(server) as client:
        text = client.post(PATH, json={**BODY, **USAGE}).text
    assert sum(line.startswith(":") for line in text.splitlines()) == 3


def test_faults_of_streams(server: FakeOpenAI) -> None:
    with running(server) as client:
        server.fail("no_done", times=1)
        assert events(client)[-1] is not None
        server.fail("no_usage", times=1)
        assert not any("usage" in event for event in events(client) if event)
        server.fail("end", after=2, times=1)
        assert len(events(client)) == 2


def test_an_error_in_the_middle_of_a_stream() -> None:
    for server in (FakeVllm(), FakeLlamaServer()):
        server.fail("error", after=1, message="out of memory")
        with running(server) as client:
            assert events(client)[1]["error"]["message"] == "out of memory"
    server = FakeTrtllm()
    server.fail("error", after=1)
    with running(server) as client, pytest.raises(httpx.ReadError):
        events(client)
