"""Pulling a model through Ollama, with its faults."""

from __future__ import annotations

from typing import Any

import pytest
from servers.fake_ollama import FakeOllama, OllamaModel
from yardstick.errors import YardstickError
from yardstick.hub.progress import Console
from yardstick.ollama_pull import pull
from yardstick.registry import ModelEntry, OllamaSource

NAME = "big:7b"
DIGEST = OllamaModel(NAME).digest


@pytest.fixture
def server() -> FakeOllama:
    return FakeOllama(model="other:latest", library=(NAME,))


@pytest.fixture
def console() -> Console:
    return Console()


def pulled(server: FakeOllama, console: Console, digest: str | None = DIGEST[:12]) -> dict[str, Any]:
    source = OllamaSource(ollama=NAME, digest=digest)
    entry = ModelEntry.model_construct(id="big", source=source)
    return pull(entry, source, server.url, console)


def test_a_model_is_pulled_and_its_digest_checked(server: FakeOllama, console: Console) -> None:
    with server.running():
        assert pulled(server, console) == {"model": "big", "ollama": NAME, "digest": DIGEST}


def test_a_model_that_is_there_is_not_pulled_again(server: FakeOllama, console: Console) -> None:
    server.models.append(OllamaModel(NAME))
    with server.running():
        pulled(server, console)
    assert server.asked("/api/pull") == []


def test_a_pull_that_breaks_off_is_one_line_and_goes_on_the_next_time(server: FakeOllama, console: Console) -> None:
    server.fail("cut", "/api/pull", times=1, after=4)
    with server.running():
        with pytest.raises(YardstickError, match=r"^big: .* broke off"):
            pulled(server, console)
        assert pulled(server, console)["digest"] == DIGEST


def test_a_stream_that_ends_without_success_is_one_line(server: FakeOllama, console: Console) -> None:
    server.fail("end", "/api/pull", times=1, after=3)
    with server.running(), pytest.raises(YardstickError, match="the same command goes on where it stopped"):
        pulled(server, console)


def test_a_model_that_the_library_lacks_is_one_line(server: FakeOllama, console: Console) -> None:
    server.library.clear()
    with server.running(), pytest.raises(YardstickError, match=r"^big: .*pull model manifest: file does not exist$"):
        pulled(server, console)


def test_a_tag_that_has_moved_is_one_line(server: FakeOllama, console: Console) -> None:
    with (
        server.running(),
        pytest.raises(YardstickError, match=f"is now {DIGEST[:12]}, the registry names 0123456789ab"),
    ):
        pulled(server, console, "0123456789ab")
