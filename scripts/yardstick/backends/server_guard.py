"""Run a server so that it ends with the process that started it, whatever ends that one.

Run as a program: `python server_guard.py LOG COMMAND ARGUMENT...`. It starts the command in a session of its own, prints
its process id, and kills all of its processes as soon as its own standard input ends: at a wish, at a crash or at a kill
of the process that holds the other end. It ends with the server's exit status when the server ends first.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

_GRACE_S = 5.0
_PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    """Start the server, watch both ends, leave nothing behind."""
    _adopt_orphans()
    # A session of its own, and a deaf ear: Ctrl-C at a terminal reaches the job, which then closes this input.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with Path(sys.argv[1]).open("ab") as log:
        try:
            server = subprocess.Popen(
                sys.argv[2:],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_default_signals,
            )
        except OSError as error:
            print(f"error {error.strerror}", flush=True)
            return 127
    print(server.pid, flush=True)
    try:
        while server.poll() is None:
            ready, _, _ = select.select([sys.stdin], [], [], 0.1)
            if ready and not os.read(sys.stdin.fileno(), 1):
                break
    finally:
        _end(server)
    return server.returncode


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _adopt_orphans() -> None:
    """Make grandchildren whose parents die children of this process, so that none can hide (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, then kill what is left of its group and of all processes below this one."""
    _signal_group(server.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(_GRACE_S)
    end_s = time.monotonic() + _GRACE_S
    while time.monotonic() < end_s:
        _signal_group(server.pid, signal.SIGKILL)
        if not _kill_descendants():
            break
        time.sleep(0.05)
    server.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _kill_descendants() -> bool:
    """Kill all processes below this one and tell whether there were any."""
    import psutil

    left = [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    for child in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return bool(left)


if __name__ == "__main__":
    sys.exit(main())
