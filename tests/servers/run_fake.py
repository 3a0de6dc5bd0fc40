"""A fake server in a process of its own, so that it does not share an interpreter with the client that is timed.

As a program: `python run_fake.py KIND SETTINGS` prints its address and serves until its standard input ends. Its times are
`time.perf_counter`, on Linux the same clock in every process.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.fake_llama_server import FakeLlamaServer
from servers.fake_ollama import FakeOllama
from servers.fake_openai import FakeOpenAI
from servers.fake_server import RECORD_PATH, FakeServer, Seen, Sent
from servers.fake_trtllm import FakeTrtllm
from servers.fake_vllm import FakeVllm
from servers.schedule import Schedule, ScriptedModel

KINDS: dict[str, type[FakeServer]] = {
    server.kind: server for server in (FakeOllama, FakeOpenAI, FakeVllm, FakeTrtllm, FakeLlamaServer)
}


def built(kind: str, settings: dict[str, Any]) -> FakeServer:
    """Return a fake from settings as JSON has them."""
    schedule = Schedule(**settings.pop("schedule", {}))
    return KINDS[kind](schedule=schedule, scripted=ScriptedModel(**settings.pop("scripted", {})), **settings)


@dataclass(frozen=True)
class RemoteFake:
    """A fake in another process."""

    url: str

    @property
    def requests(self) -> list[Seen]:
        """All requests so far, with their true send times."""
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.url + RECORD_PATH) as answer:
            found = json.load(answer)
        return [Seen(**{**seen, "sent": [Sent(**sent) for sent in seen["sent"]]}) for seen in found]


@contextlib.contextmanager
def in_process(kind: str, **settings: Any) -> Iterator[RemoteFake]:
    """Run a fake in a process of its own."""
    command = [sys.executable, __file__, kind, json.dumps(settings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield RemoteFake(process.stdout.readline().strip())
        finally:
            process.stdin.close()


def main() -> None:
    server = built(sys.argv[1], json.loads(sys.argv[2]))
    threading.Thread(target=server.serve, daemon=True).start()
    print(server.url, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
