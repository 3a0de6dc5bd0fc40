"""A server that the measurement starts, waits for and ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

from yardstick.backends import server_guard
from yardstick.errors import YardstickError

_POLL_S = 0.1
_SAY_EVERY_S = 5.0


def free_port() -> int:
    """Return a port of the loopback interface that nothing listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class ManagedServer:
    """A server of one's own on loopback, with all processes that it starts.

    Attributes:
        url: its address.
        log: the file with all that it prints.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, port: int, environment: Mapping[str, str], log: Path | None
    ) -> None:
        self._name = name
        self._command = list(command)
        self._environment = {**os.environ, **environment}
        self._guard: subprocess.Popen[str] | None = None
        self.url = f"http://127.0.0.1:{port}"
        self.log = log or Path(tempfile.gettempdir()) / f"yardstick-server-{os.getpid()}.log"

    def start(self, *, limit_s: float, waiting: Callable[[str], None], health: str = "/health") -> None:
        """Start the server and wait until it is healthy.

        Args:
            limit_s: seconds within which it must be.
            waiting: told from time to time what is waited for.
            health: path that answers 200 once the server is ready.

        Raises:
            YardstickError: the program is missing, ended, or is not ready in time; the log is named.
        """
        self._launch()
        start_s = said_s = time.monotonic()
        with httpx.Client(timeout=2.0, trust_env=False) as client:
            while not _is_healthy(client, self.url + health):
                self._check_alive()
                now_s = time.monotonic()
                if now_s - start_s > limit_s:
                    self.stop()
                    raise YardstickError(
                        f"{self._name}: the server is not ready after {limit_s:.0f} s; raise start_limit_s in "
                        f"config/config.yaml, or see why in {self.log}"
                    )
                if now_s - said_s >= _SAY_EVERY_S:
                    waiting(f"waits for the server, {now_s - start_s:.0f} s so far")
                    said_s = now_s
                time.sleep(_POLL_S)
        self._check_alive()

    def stop(self) -> None:
        """End the server and all of its processes; harmless when there is none."""
        if self._guard is None:
            return
        guard, self._guard = self._guard, None
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()
        if guard.stdout is not None:
            guard.stdout.close()

    def _launch(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        guard = subprocess.Popen(
            [sys.executable, server_guard.__file__, str(self.log), *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            start_new_session=True,
        )
        self._guard = guard
        assert guard.stdout is not None
        answer = guard.stdout.readline().strip()
        if not answer.isdigit():
            self.stop()
            raise YardstickError(
                f"{self._name}: {self._command[0]} cannot be started ({answer.removeprefix('error ')}); install it, or "
                "set its command in config/config.yaml"
            )

    def _check_alive(self) -> None:
        assert self._guard is not None
        status = self._guard.poll()
        if status is not None:
            self.stop()
            raise YardstickError(
                f"{self._name}: the server ended with status {status} ({_last_line(self.log)}); its log is {self.log}"
            )


def _is_healthy(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _last_line(log: Path) -> str:
    """Return the last line that names an error, else the last one, shortened."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower()] or lines or ["it printed nothing"]
    return telling[-1][-200:]
