"""Measure in processes forked from one that has imported PyTorch already: 0.1 s a job where an import costs 4 s.

Each measurement still runs in a process of its own that shares no state with another: the server imports libraries,
computes nothing, holds no model, and sleeps while its children work. docs/performance.md compares both ways.
The server ends with the run that started it; when there is none, jobs import for themselves.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

VARIABLE = "YARDSTICK_FORK_SERVER"
_SOCKET = Path("resources/runs/fork-server.sock")
_LONGEST_REQUEST = 1 << 20


def is_available() -> bool:
    """Tell whether this system can watch processes as the server needs to."""
    return hasattr(os, "pidfd_open")


class ForkServer:
    """The server as the main process of a run sees it."""

    def __init__(self) -> None:
        _SOCKET.parent.mkdir(parents=True, exist_ok=True)
        # The pipe is what keeps the server alive: it closes with this process, however this process ends.
        self._process = subprocess.Popen(
            [sys.executable, "scripts/run_fork_server.py", str(_SOCKET)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        # The server says when it listens; importing goes on after that.
        if self._process.stdout.readline():
            os.environ[VARIABLE] = str(_SOCKET)

    def stop(self) -> None:
        """End the server and its children."""
        os.environ.pop(VARIABLE, None)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def run_in_fork(address: str, request: Mapping[str, Any]) -> int:
    """Have the server run a request with this process's output, and return its exit status.

    Raises:
        OSError: there is no server at the address.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(address)
        document = {**request, "environment": dict(os.environ), "folder": str(Path.cwd())}
        socket.send_fds(connection, [json.dumps(document).encode() + b"\n"], [1, 2])
        answer = connection.makefile("rb").readline()
    if not answer:
        print("error: the process that measures has ended without a word", file=sys.stderr)
        return 1
    return int(answer)


def serve(address: str, preload: Callable[[], None], handle: Callable[[Mapping[str, Any]], int]) -> None:
    """Serve requests until standard input ends.

    Args:
        address: path of the socket, which only this user may use.
        preload: imports what children need.
        handle: runs one request in a child and returns the exit status.
    """
    # Ctrl-C reaches the whole group: children end by it, the server by the end of its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        Path(address).unlink(missing_ok=True)
        old_mask = os.umask(0o077)
        listener.bind(address)
        os.umask(old_mask)
        listener.listen()
        print("listening", flush=True)
        preload()
        gc.collect()
        # Frozen objects are not touched by a child's collector, so their pages stay shared.
        gc.freeze()
        _Server(listener, handle).run()
    Path(address).unlink(missing_ok=True)


class _Server:
    """Accepts requests, forks, and reports how each child ended."""

    def __init__(self, listener: socket.socket, handle: Callable[[Mapping[str, Any]], int]) -> None:
        self._listener = listener
        self._handle = handle
        self._selector = selectors.DefaultSelector()
        self._is_running = True
        self._children: dict[int, int] = {}
        self._connections: set[socket.socket] = set()

    def run(self) -> None:
        self._selector.register(0, selectors.EVENT_READ, self._finish)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        while self._is_running:
            for key, _ in self._selector.select():
                key.data()
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def _finish(self) -> None:
        self._is_running = bool(os.read(0, 1))

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        self._connections.add(connection)
        request, descriptors = _receive(connection)
        if request is None:
            self._close(connection)
            return
        child = os.fork()
        if child == 0:
            self._become_child(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._watch(child, connection)

    def _watch(self, child: int, connection: socket.socket) -> None:
        watched = os.pidfd_open(child)
        self._children[child] = watched

        def ended() -> None:
            _, status = os.waitpid(child, 0)
            self._selector.unregister(watched)
            os.close(watched)
            del self._children[child]
            with contextlib.suppress(OSError):
                connection.sendall(b"%d\n" % _exit_status(status))
            with contextlib.suppress(KeyError):
                self._selector.unregister(connection)
            self._close(connection)

        def abandoned() -> None:
            if child not in self._children:  # it ended in the same moment
                return
            self._selector.unregister(connection)
            os.kill(child, signal.SIGKILL)

        self._selector.register(watched, selectors.EVENT_READ, ended)
        self._selector.register(connection, selectors.EVENT_READ, abandoned)

    def _close(self, connection: socket.socket) -> None:
        self._connections.discard(connection)
        connection.close()

    def _become_child(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> NoReturn:
        status = 1
        try:
            self._selector.close()
            self._listener.close()
            # A copy that stays open would keep a caller waiting after the server was killed.
            for connection in self._connections:
                connection.close()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for target, descriptor in zip((1, 2), descriptors, strict=True):
                os.dup2(descriptor, target)
            os.environ.clear()
            os.environ.update(request["environment"])
            os.chdir(request["folder"])
            status = self._handle(request)
        except SystemExit as error:  # argparse has said what is wrong
            status = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def _receive(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Return a request and the descriptors of its output, or None when the caller is gone."""
    received, descriptors, _, _ = socket.recv_fds(connection, _LONGEST_REQUEST, 2)
    while received and not received.endswith(b"\n"):
        more = connection.recv(_LONGEST_REQUEST)
        if not more:
            break
        received += more
    if not received.endswith(b"\n"):
        for descriptor in descriptors:
            os.close(descriptor)
        return None, []
    return json.loads(received), descriptors


def _exit_status(status: int) -> int:
    """Return the exit status as a shell gives it: 128 and the signal for a process that was killed."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
