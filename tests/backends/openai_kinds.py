"""The servers with OpenAI's completions API that tests know, and the engine for each."""

from __future__ import annotations

import pytest
from servers.fake_llama_server import FakeLlamaServer
from servers.fake_openai import FakeOpenAI
from servers.fake_trtllm import FakeTrtllm
from servers.fake_vllm import FakeVllm
from yardstick.backends.openai_server import OpenAIServerEngine
from yardstick.backends.trtllm import TrtllmEngine
from yardstick.backends.vllm import VllmEngine
from yardstick.errors import YardstickError

PROMPT = "Why is the sky blue?"
# Each kind of server, and the engine for it; `openai` runs with any of them.
KINDS: dict[str, tuple[type[FakeOpenAI], type[OpenAIServerEngine]]] = {
    "openai": (FakeOpenAI, OpenAIServerEngine),
    "llama-server": (FakeLlamaServer, OpenAIServerEngine),
    "vllm": (FakeVllm, VllmEngine),
    "trtllm": (FakeTrtllm, TrtllmEngine),
}


def one_line(error: pytest.ExceptionInfo[YardstickError]) -> str:
    text = str(error.value)
    assert len(text.splitlines()) == 1
    assert text.startswith("tiny: ")
    return text
