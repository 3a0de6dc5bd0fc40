"""What vLLM and TensorRT-LLM share: an OpenAI server that the measurement starts, or one that runs already."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from yardstick.backends.managed_server import ManagedServer, free_port
from yardstick.backends.openai_server import OpenAIServerEngine
from yardstick.errors import YardstickError


class ManagedOpenAIEngine(OpenAIServerEngine):
    """A model in a server of one's own, unless the registry names a running one."""

    _server: ManagedServer | None = None

    @abstractmethod
    def _command(self, model: Path, port: int) -> Sequence[str]:
        """Return the arguments that start the server with a model on a port of the loopback interface."""

    def _environment(self) -> dict[str, str]:
        """Return environment variables for the server."""
        return {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(self.spec.threads)}

    def load(self) -> None:
        """Start the server and wait until it is healthy, or find the running one."""
        server = self.spec.server
        if server.url:
            # Its prompt cache may be on, and nothing tells.
            self.changes_prompts = True
            self._connect(server.url)
            return
        if self.spec.path is None:
            raise YardstickError(f"{self.spec.name}: a served source needs the address of its server; add server.url")
        port = free_port()
        command = [server.command, *self._command(self.spec.path, port), *server.arguments]
        self._server = ManagedServer(
            self.spec.name, command, port=port, environment=self._environment(), log=server.log
        )
        self._server.start(limit_s=server.start_limit_s, waiting=server.waiting)
        self._connect(self._server.url)

    def process_ids(self) -> list[int]:
        """Return this process, below which the server's run, or the processes of a running server."""
        return super().process_ids() if self.spec.server.url else [os.getpid()]

    def close(self) -> None:
        """Close the connections, and end the server with all of its processes if it is ours."""
        super().close()
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _timed_prompt(self, prompt: str) -> str:
        return self._with_prefix(prompt) if self.changes_prompts else prompt

    def _log(self) -> str:
        """Return what the server that was started here has printed so far."""
        return self._server.log.read_text(encoding="utf-8", errors="replace") if self._server else ""
