"""Run code that a model wrote where it can do no harm, and hear what its function returns.

bubblewrap gives it namespaces of its own: no network, no other processes, a read-only system without homes and
settings, a small private /tmp. Limits on time, memory, processes, files and output are set inside, before the code is
read. What is right never enters the sandbox, so code that takes over the whole sandbox can still only give answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from yardstick.suites import sandbox_runner

MOST_SECONDS = 10.0
CPU_SECONDS = 5
MEMORY_BYTES = 512 << 20
FILE_BYTES = 8 << 20
TMP_BYTES = 16 << 20
PROCESSES = 8
OUTPUT_BYTES = 1 << 20

_REMEDY = "install it, on Debian: apt-get install bubblewrap"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32")
# No account has it; where root starts the sandbox, the code runs under it.
_NOBODY = 61_357


@dataclass(frozen=True)
class Outcome:
    """What came out of a sandbox.

    Attributes:
        results: case -> ``{"value": ...}`` or ``{"error": text}``; cases that were not reached are missing.
        ended: why the run ended in a word: done, crashed, time or output.
    """

    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    ended: str = "done"


@cache
def sandbox_problem() -> str | None:
    """Return why this machine has no sandbox that holds, with the remedy, or None. A trivial function is tried."""
    if shutil.which("bwrap") is None:
        return f"needs the sandbox bubblewrap (bwrap), which is not installed; {_REMEDY}"
    outcome = run("def double(x):\n    return 2 * x\n", "double", [[21]])
    if outcome.results.get(0) != {"value": 42}:
        return (
            "needs the sandbox bubblewrap, which does not work here; allow it user namespaces "
            "(sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
        )
    return None


def run(code: str, function: str, cases: Sequence[Sequence[Any]], *, most_s: float = MOST_SECONDS) -> Outcome:
    """Define ``function`` by ``code`` in a new sandbox and call it with the arguments of each case.

    Args:
        code: Python source that nobody trusts.
        function: name that the source is to define.
        cases: arguments of each call, JSON values.
        most_s: seconds after which everything in the sandbox is killed.
    """
    request = json.dumps({"code": code, "function": function, "cases": cases, "limits": _limits()}).encode()
    process = subprocess.Popen(
        [*_command(), _python(), "-I", "-S", "-c", _runner_source()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        output, ended = _exchange(process, request, time.monotonic() + most_s)
    finally:
        # bubblewrap's own end takes all that runs inside with it.
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
    results = dict(_results(output, len(cases)))
    return Outcome(results, "crashed" if ended == "done" and len(results) < len(cases) else ended)


def _limits() -> dict[str, int]:
    limits = {"cpu_s": CPU_SECONDS, "memory": MEMORY_BYTES, "file": FILE_BYTES, "processes": PROCESSES}
    return limits | {"user": _NOBODY if os.geteuid() == 0 else 0}


def _command() -> list[str]:
    """Return bubblewrap with its arguments, up to the program that is run."""
    # Root's processes escape the limit on their number, so root's code becomes another user instead.
    is_root = os.geteuid() == 0
    identity = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if is_root else ["--unshare-user"]
    return [
        *("bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *("--cap-drop", "ALL", *identity, "--die-with-parent", "--new-session", "--clearenv"),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(TMP_BYTES), "--tmpfs", "/tmp"),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"),
    ]


def _system() -> Iterator[str]:
    """Yield the arguments that show the system's programs and libraries, and this Python's, read-only."""
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.is_dir():
            yield from ("--ro-bind", name, name)
    yield from ("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache")
    if not sys.base_prefix.startswith("/usr"):
        # Without a mode of their own, folders on the way would be closed to whom the code runs as.
        for parent in reversed(Path(sys.base_prefix).parents[:-1]):
            yield from ("--perms", "0755", "--dir", str(parent))
        yield from ("--ro-bind", sys.base_prefix, sys.base_prefix)


def _python() -> str:
    """Return the interpreter itself, not that of the virtual environment."""
    name = f"python{sysconfig.get_python_version()}"
    return str(Path(sys.base_prefix, "bin", name).resolve())


@cache
def _runner_source() -> str:
    return Path(sandbox_runner.__file__).read_text(encoding="utf-8")


def _exchange(process: subprocess.Popen[bytes], request: bytes, end_s: float) -> tuple[bytes, str]:
    """Give a process its request and return its output, cut off at the limits, and why it ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left_s := end_s - time.monotonic()) > 0:
            for key, _ in selector.select(left_s):
                if key.fileobj is process.stdin:
                    request = _write_some(process.stdin, request)
                    if not request:
                        selector.unregister(process.stdin)
                        with contextlib.suppress(OSError):
                            process.stdin.close()
                    continue
                part = os.read(process.stdout.fileno(), 1 << 16)
                if not part:
                    return bytes(output), "done"
                output += part
                if len(output) > OUTPUT_BYTES:
                    return bytes(output[:OUTPUT_BYTES]), "output"
    return bytes(output), "time"


def _write_some(pipe: Any, request: bytes) -> bytes:
    """Write what the pipe takes and return the rest, nothing where nobody reads any more."""
    try:
        return request[os.write(pipe.fileno(), request) :]
    except BrokenPipeError:
        return b""


def _results(output: bytes, cases: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the results among the lines of an output; anything else in it counts for nothing."""
    for line in output.split(b"\n"):
        try:
            found = json.loads(line)
            case, rest = int(found["case"]), {key: found[key] for key in ("value", "error") if key in found}
        except (ValueError, LookupError, TypeError, RecursionError):
            continue
        if 0 <= case < cases and len(rest) == 1:
            yield case, rest
