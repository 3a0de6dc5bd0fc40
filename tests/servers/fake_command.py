"""What the stand-ins for `vllm` and `trtllm-serve` share: a record of the start, a child process, faults.

The environment rules them:
- FAKE_SERVER_RECORD: file that gets, as JSON, the arguments, the process ids of the stand-in and of its child, and the
  environment. It is there, whole, before the server listens.
- FAKE_SERVER_FAULTS: words out of
  `crash` (print a traceback and end with status 1 before listening), `crash_later` (the same once it has been asked for
  its health), `silent` (never listen), `unhealthy` (listen, and answer 503 for ever), `deaf` (ignore SIGTERM, and so does
  the child), `stray` (the child leaves the process group and the session).
- FAKE_SERVER_SETTINGS: settings of the fake server as JSON, see `run_fake.built`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from servers.fake_server import FakeServer
from servers.run_fake import built

# The alarm is for a test that fails: nothing of it may stay for ever.
_CHILD = "import signal; {deaf}signal.alarm(600); print('up', flush=True); signal.pause()"
_TRACEBACK = """Traceback (most recent call last):
  File "engine.py", line 1, in <module>
    raise ValueError(reason)
ValueError: {reason}
"""


def run(kind: str, model: str, port: int, *, log: str, settings: dict[str, Any] | None = None) -> int:
    """Start a child, write the record, then serve or fail as the environment says.

    Args:
        kind: of the fake server.
        model: name under which it has its model.
        port: where it listens.
        log: lines that the real program prints once its model is loaded.
        settings: of the fake server, below those of the environment.
    """
    faults = set(os.environ.get("FAKE_SERVER_FAULTS", "").split())
    if "deaf" in faults:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    child = _start_child(faults)
    _write_record(child)
    if "crash" in faults:
        _crash()
    if "silent" in faults:
        threading.Event().wait()
    server = built(kind, {**(settings or {}), **_settings(), "model": model, "port": port})
    print(log, flush=True)
    if "unhealthy" in faults:
        server.fail("status", "/health", status=503, message="the engine is not ready")
    if "crash_later" in faults:
        threading.Thread(target=_crash_once_asked, args=(server,), daemon=True).start()
    server.serve()
    return 0


def _settings() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(os.environ.get("FAKE_SERVER_SETTINGS", "{}"))
    return found


def _start_child(faults: set[str]) -> subprocess.Popen[str]:
    """Start a child and wait until it is as deaf as it shall be."""
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if "deaf" in faults else ""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD.format(deaf=deaf)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session="stray" in faults,
    )
    assert child.stdout is not None
    child.stdout.readline()
    return child


def _write_record(child: subprocess.Popen[str]) -> None:
    if "FAKE_SERVER_RECORD" not in os.environ:
        return
    record = Path(os.environ["FAKE_SERVER_RECORD"])
    content = {"arguments": sys.argv[1:], "pid": os.getpid(), "child": child.pid, "environment": dict(os.environ)}
    part = record.with_suffix(".part")
    part.write_text(json.dumps(content))
    part.rename(record)


def _crash_once_asked(server: FakeServer) -> None:
    asked = threading.Event()
    answered = server.handle

    def handle(exchange: Any) -> None:
        answered(exchange)
        asked.set()

    server.handle = handle  # type: ignore[method-assign]
    asked.wait()
    _crash()


def _crash() -> None:
    reason = "no room for the cache: raise gpu_memory_utilization"
    print(_TRACEBACK.format(reason=reason), end="", file=sys.stderr, flush=True)
    os._exit(1)
