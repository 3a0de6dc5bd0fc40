"""The fake Ollama answers as the documents and the source of the real one say (docs/api.md, server/routes.go)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from servers.fake_ollama import BUSY, FakeOllama
from servers.schedule import Schedule, ScriptedModel

RAW = {"model": "tiny:latest", "prompt": "Why is the sky blue?", "raw": True, "options": {"num_predict": 3}}


class Caller:
    def __init__(self, server: FakeOllama) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.url, trust_env=False)

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def lines(self, path: str, **body: Any) -> list[dict[str, Any]]:
        answer = self.post(path, **body)
        assert answer.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.text.splitlines()]

    def last(self, **body: Any) -> dict[str, Any]:
        return self.lines("/api/generate", **{**RAW, **body})[-1]


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(getattr(request, "param", {}))


@pytest.fixture
def ollama(settings: dict[str, Any]) -> Iterator[Caller]:
    schedule = Schedule(ttft_ms=5, gaps_ms=(2,))
    with FakeOllama(**{"schedule": schedule, **settings}).running() as server:
        caller = Caller(server)
        yield caller
        caller.client.close()


def test_the_model_list_has_the_documented_fields(ollama: Caller) -> None:
    # docs/api.md, "List Local Models".
    documented = {"name", "modified_at", "size", "digest", "details"}
    details = {"format", "family", "families", "parameter_size", "quantization_level"}
    (model,) = ollama.client.get("/api/tags").json()["models"]
    assert documented <= set(model)
    assert details <= set(model["details"])
    assert len(model["digest"]) == 64


def test_show_has_no_digest(ollama: Caller) -> None:
    shown = ollama.post("/api/show", model="tiny").json()
    assert {"details", "model_info", "capabilities", "template"} <= set(shown)
    assert "digest" not in shown
    assert shown["model_info"]["general.architecture"] == "llama"


def test_a_stream_ends_with_a_record_of_counts_and_nanoseconds(ollama: Caller) -> None:
    first, *_, last = ollama.lines("/api/generate", **RAW)
    # docs/api.md, "Generate request (Streaming)".
    assert set(first) == {"model", "created_at", "response", "done"}
    assert first["done"] is False
    assert set(last) == {
        *("model", "created_at", "response", "done", "done_reason", "total_duration"),
        *("prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"),
    }
    assert (last["prompt_eval_count"], last["eval_count"], last["done_reason"]) == (5, 3, "length")
    assert (last["prompt_eval_duration"], last["eval_duration"]) == (5_000_000, 4_000_000)


def test_a_prompt_that_is_not_raw_is_templated_and_gives_its_context(ollama: Caller) -> None:
    last = ollama.last(raw=False)
    assert last["prompt_eval_count"] == 7
    assert len(last["context"]) == 10


def test_without_streaming_there_is_one_record(ollama: Caller) -> None:
    whole = ollama.post("/api/generate", **RAW, stream=False)
    streamed = ollama.lines("/api/generate", **RAW)
    assert whole.headers["content-type"] == "application/json"
    assert whole.json()["response"] == "".join(line["response"] for line in streamed)


def test_chat_records_have_messages(ollama: Caller) -> None:
    messages = [{"role": "user", "content": "Hello there"}]
    *_, last = lines = ollama.lines("/api/chat", model="tiny", messages=messages, options={"num_predict": 2})
    assert [line["message"]["role"] for line in lines] == ["assistant"] * 3
    assert last["prompt_eval_count"] == 4
    assert last["message"]["content"] == ""


def test_an_empty_prompt_loads_and_keep_alive_0_unloads(ollama: Caller) -> None:
    # docs/api.md, "Load a model" and "Unload a model": a single JSON object, whatever `stream` says.
    loaded = ollama.post("/api/generate", model="tiny", options={"num_ctx": 256}).json()
    assert {key: loaded[key] for key in ("response", "done", "done_reason")} == {
        "response": "",
        "done": True,
        "done_reason": "load",
    }
    (model,) = ollama.client.get("/api/ps").json()["models"]
    assert {"name", "model", "size", "digest", "details", "expires_at", "size_vram"} <= set(model)
    assert model["context_length"] == 256
    unloaded = ollama.post("/api/generate", model="tiny", keep_alive=0).json()
    assert unloaded["done_reason"] == "unload"
    assert ollama.client.get("/api/ps").json() == {"models": []}


@pytest.mark.parametrize("settings", [{"counts_cached": True}, {"counts_cached": False}], indirect=True)
def test_a_cached_prompt_costs_no_prefill_and_zeros_are_left_out(ollama: Caller, settings: dict[str, Any]) -> None:
    ollama.last()
    again = ollama.last()
    assert "prompt_eval_duration" not in again
    # Older servers counted new tokens alone, and so no key at all for a prompt that is cached as a whole.
    assert again.get("prompt_eval_count") == (5 if settings["counts_cached"] else None)
    assert ollama.last(prompt="other words")["prompt_eval_duration"] == 5_000_000


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"model": "nix"}, 404, "model 'nix' not found"),
        ({"template": "{{ .Prompt }}"}, 400, "raw mode does not support template, system, or context"),
        ({"think": True}, 400, '"tiny:latest" does not support thinking'),
        ({"options": {"num_ctx": "many"}}, 400, 'option "num_ctx" must be of another type'),
    ],
)
def test_wrong_requests_are_refused(ollama: Caller, body: dict[str, Any], status: int, message: str) -> None:
    answer = ollama.post("/api/generate", **{**RAW, **body})
    assert (answer.status_code, answer.json()) == (status, {"error": message})


def test_unknown_keys_are_ignored_and_recorded(ollama: Caller) -> None:
    assert ollama.last(no_such_key=1)["done"]
    assert ollama.server.asked("/api/generate")[0].body["no_such_key"] == 1


def test_a_busy_server_says_so_with_503(ollama: Caller) -> None:
    ollama.server.fail("status", status=503, message=BUSY)
    answer = ollama.post("/api/generate", **RAW)
    assert (answer.status_code, answer.json()) == (503, {"error": BUSY})


def test_an_error_in_the_middle_comes_after_status_200(ollama: Caller) -> None:
    ollama.server.fail("error", after=1, message="an error was encountered while running the model")
    assert ollama.lines("/api/generate", **RAW)[-1] == {"error": "an error was encountered while running the model"}


def test_an_error_before_the_first_token_has_its_status(ollama: Caller) -> None:
    # server/routes.go, streamResponse: nothing was written yet.
    ollama.server.fail("error", after=0, message="no")
    answer = ollama.post("/api/generate", **RAW)
    assert (answer.status_code, answer.json()) == (500, {"error": "no"})


@pytest.mark.parametrize("settings", [{"scripted": ScriptedModel(repeats_from=2)}], indirect=True)
def test_equal_tokens_end_the_stream_without_a_last_record(ollama: Caller) -> None:
    # llm/llama_server.go: more than 30 repeats of a token, and the function returns without an error.
    lines = ollama.lines("/api/generate", **{**RAW, "options": {"num_predict": 100}})
    assert len(lines) == 2 + 31
    assert not any(line["done"] for line in lines)


@pytest.mark.parametrize("settings", [{"scripted": ScriptedModel(ends_after=2)}], indirect=True)
def test_a_model_that_ends_says_stop_and_its_end_of_text_has_no_record(ollama: Caller) -> None:
    lines = ollama.lines("/api/generate", **RAW)
    assert [line["done"] for line in lines] == [False, True]
    assert (lines[-1]["done_reason"], lines[-1]["eval_count"]) == ("stop", 2)


@pytest.mark.parametrize("settings", [{"thinking": 2}], indirect=True)
def test_thoughts_come_first_unless_switched_off(ollama: Caller) -> None:
    first, second, third, _ = ollama.lines("/api/generate", **RAW)
    assert first["thinking"]
    assert second["thinking"]
    assert [first["response"], second["response"]] == ["", ""]
    assert "thinking" not in third
    assert not any("thinking" in line for line in ollama.lines("/api/generate", **RAW, think=False))


@pytest.mark.parametrize("settings", [{"library": ("big:7b",)}], indirect=True)
def test_a_pull_tells_its_progress_and_goes_on_where_it_was_cut(ollama: Caller) -> None:
    ollama.server.fail("cut", "/api/pull", times=1, after=4)
    with pytest.raises(httpx.ReadError):
        ollama.post("/api/pull", model="big:7b")
    assert [model["name"] for model in ollama.client.get("/api/tags").json()["models"]] == ["tiny:latest"]
    lines = ollama.lines("/api/pull", model="big:7b")
    # docs/api.md, "Pull a Model".
    assert lines[0] == {"status": "pulling manifest"}
    assert lines[1]["completed"] == 2_000_000
    assert lines[-2]["completed" if "completed" in lines[-2] else "status"] == "writing manifest"
    assert lines[-1] == {"status": "success"}
    assert len(ollama.client.get("/api/tags").json()["models"]) == 2


def test_a_pull_of_nothing_is_an_error_after_status_200(ollama: Caller) -> None:
    assert ollama.lines("/api/pull", model="nix")[-1] == {"error": "pull model manifest: file does not exist"}


def test_a_prompt_that_is_too_long_loses_its_middle_silently_unless_that_is_forbidden(ollama: Caller) -> None:
    last = ollama.last(prompt="word " * 100, options={"num_ctx": 64, "num_predict": 1})
    assert last["prompt_eval_count"] == 64 - (64 - 4) // 2
    refused = ollama.post(
        "/api/generate", **{**RAW, "prompt": "word " * 100, "options": {"num_ctx": 64}}, truncate=False
    )
    assert (refused.status_code, "exceeds the available context" in refused.json()["error"]) == (400, True)
