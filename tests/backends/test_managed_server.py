"""A server that a measurement starts ends with it, however that one ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from working_copy import SCRIPTS
from yardstick.backends.managed_server import ManagedServer, free_port
from yardstick.errors import YardstickError

# A server with a grandchild in a session of its own, as vLLM's workers are. It writes all process ids down.
SERVER = """
import http.server, os, subprocess, sys, time
port, notes, mode = int(sys.argv[1]), sys.argv[2], sys.argv[3]
child = "import os, subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True); print(os.getpid(), p.pid, flush=True); time.sleep(600)"
family = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, text=True)
pids = f"{os.getpid()} {family.stdout.readline().strip()}"
if mode == "crash":
    print("loading"); sys.exit("RuntimeError: no memory for the model")
if mode == "deaf":
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if mode == "loading" else 200); self.end_headers()
    def log_message(self, *_): pass
httpd = http.server.HTTPServer(("127.0.0.1", port), Handler)
open(notes + ".part", "w").write(pids); os.rename(notes + ".part", notes)
httpd.serve_forever()
"""


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.02)


def are_gone(pids: list[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Place:
    """Where one server runs and notes its processes."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.notes = folder / "pids"
        self.log = folder / "server.log"

    def server(self, mode: str = "good") -> ManagedServer:
        command = [sys.executable, "-c", SERVER, str(self.port), str(self.notes), mode]
        return ManagedServer("tiny", command, port=self.port, environment={}, log=self.log)

    def pids(self) -> list[int]:
        return [int(pid) for pid in self.notes.read_text().split()]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    if place.notes.exists():
        assert are_gone(place.pids())


def start(server: ManagedServer, limit_s: float = 60) -> list[str]:
    said: list[str] = []
    server.start(limit_s=limit_s, waiting=said.append)
    return said


@pytest.mark.parametrize("mode", ["good", "deaf"])
def test_stopping_ends_the_server_and_its_family(place: Place, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = place.server(mode)
    start(server)
    assert not are_gone(place.pids())
    assert len(place.pids()) == 3
    server.stop()
    assert are_gone(place.pids())
    server.stop()


def test_a_crash_at_start_is_one_line_with_the_reason(place: Place) -> None:
    with pytest.raises(YardstickError, match=r"ended with status 1 \(RuntimeError: no memory for the model\); its log"):
        start(place.server("crash"))


def test_a_program_that_is_missing_is_one_line(tmp_path: Path) -> None:
    server = ManagedServer("tiny", ["no-such-program"], port=1, environment={}, log=tmp_path / "log")
    with pytest.raises(YardstickError, match=r"^tiny: no-such-program cannot be started \(No such file or directory\)"):
        start(server)


def test_a_server_that_does_not_get_ready_is_ended(place: Place) -> None:
    with pytest.raises(YardstickError, match=r"not ready after 2 s; raise start_limit_s"):
        start(place.server("loading"), limit_s=2)


JOB = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from yardstick.backends.managed_server import ManagedServer
server = ManagedServer("tiny", sys.argv[3:], port=int(sys.argv[2]), environment={}, log=Path("server.log"))
try:
    server.start(limit_s=60, waiting=lambda text: None)
    print("ready", flush=True)
    sys.stdin.read()
finally:
    server.stop()
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "job"])
def test_the_server_ends_when_its_job_is_ended(
    place: Place, tmp_path: Path, sent: signal.Signals, whole_group: bool
) -> None:
    command = [sys.executable, "-c", JOB, str(SCRIPTS), str(place.port)]
    server = [sys.executable, "-c", SERVER, str(place.port), str(place.notes), "good"]
    with subprocess.Popen(
        [*command, *server],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as job:
        try:
            assert job.stdout is not None
            assert job.stdout.readline() == "ready\n"
            if whole_group:
                os.killpg(job.pid, sent)
            else:
                job.send_signal(sent)
            job.wait(60)
        finally:
            job.kill()
    wait_for(lambda: are_gone(place.pids()), "the server outlived its job")
