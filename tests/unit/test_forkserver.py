"""The fork server with real processes and a light load: output, exit statuses, and every way to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from working_copy import ROOT
from yardstick import forkserver

pytestmark = pytest.mark.skipif(not forkserver.is_available(), reason="needs pidfd_open")

SERVER = """
import os, signal, subprocess, sys, time
from pathlib import Path
from yardstick.forkserver import serve

def preload():
    global LOADED
    LOADED = os.getpid()

def handle(request):
    return eval(request["do"])

serve(sys.argv[1], preload, handle)
"""
CALLER = """
import sys
from yardstick.forkserver import run_in_fork
sys.exit(run_in_fork(sys.argv[1], {"do": sys.argv[2]}))
"""
# A parent that starts the server as a run does, and lives until it is killed.
PARENT = """
import subprocess, sys, time
server = subprocess.Popen([sys.executable, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
server.stdout.readline()
print(server.pid, flush=True)
time.sleep(60)
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
SLEEP = "Path('child').write_text(str(os.getpid())) and time.sleep(60)"


class Box:
    """A server in a folder of its own, and callers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "server.py"
        self.program.write_text(SERVER)
        self.address = "fork.sock"
        self.callers: list[subprocess.Popen[str]] = []
        command = [sys.executable, str(self.program), self.address]
        self.server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, cwd=folder
        )
        assert self.server.stdout is not None
        assert self.server.stdout.readline() == b"listening\n"

    def start(self, do: str, **environment: str) -> subprocess.Popen[str]:
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-c", CALLER, self.address, do]
        caller = subprocess.Popen(command, **pipes, env={**ENVIRONMENT, **environment}, cwd=self.folder)
        self.callers.append(caller)
        return caller

    def run(self, do: str, **environment: str) -> tuple[int, str, str]:
        caller = self.start(do, **environment)
        output, errors = caller.communicate(timeout=20)
        return caller.returncode, output, errors

    def child(self) -> int:
        """Return the process that `SLEEP` runs in, once it does."""
        file = self.folder / "child"
        until(lambda: file.exists() and file.read_text() != "")
        return int(file.read_text())

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.server.pid).children()

    def close(self) -> None:
        assert self.server.stdin is not None
        self.server.stdin.close()
        self.server.wait(10)
        for caller in self.callers:
            caller.kill()
            caller.communicate()


def until(is_so: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, waited for or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    opened = Box(tmp_path)
    yield opened
    opened.close()


def test_output_goes_to_the_caller(box: Box) -> None:
    do = "print('out') or print('err', file=sys.stderr) or os.system('echo native') or 0"
    status, output, errors = box.run(do)
    assert (status, sorted(output.split()), errors) == (0, ["native", "out"], "err\n")


@pytest.mark.parametrize("status", [0, 1, 2, 130, 255])
def test_the_exit_status_is_passed_on(status: int, box: Box) -> None:
    assert box.run(str(status))[0] == status


def test_an_error_is_status_1_with_its_traceback(box: Box) -> None:
    status, _, errors = box.run("1 / 0")
    assert status == 1
    assert errors.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_a_child_that_exits_passes_its_status_on_without_a_traceback(box: Box) -> None:
    assert box.run("sys.exit(3)") == (3, "", "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_crash_gives_128_and_the_signal(number: int, box: Box) -> None:
    assert box.run(f"os.kill(os.getpid(), {number})")[0] == 128 + number


def test_a_child_has_the_environment_and_the_folder_of_its_caller(box: Box) -> None:
    status, output, _ = box.run(
        "print(os.environ['ONLY'], os.getcwd()) or 0", ONLY="é", A="x" * 100_000, B="é" * 60_000
    )
    assert (status, output) == (0, f"é {box.folder}\n")


def test_children_share_what_was_loaded_and_nothing_else(box: Box) -> None:
    first = box.run("print(LOADED, globals().setdefault('LEFT', 'first')) or 0")
    second = box.run("print(LOADED, globals().setdefault('LEFT', 'second')) or 0")
    assert (first[1], second[1]) == (f"{box.server.pid} first\n", f"{box.server.pid} second\n")


def test_requests_run_side_by_side(box: Box) -> None:
    # Each waits for the other: one after another, they would never end.
    do = "Path('{}').touch() or [time.sleep(0.01) for _ in iter(Path('{}').exists, True)] and 0 or 0"
    callers = [box.start(do.format("a", "b")), box.start(do.format("b", "a"))]
    assert [caller.wait(20) for caller in callers] == [0, 0]


def test_many_requests_at_once_each_get_their_own_answer(box: Box) -> None:
    callers = [box.start(f"print({number}) or {number}") for number in range(8)]
    ends = [(caller.communicate(timeout=30)[0], caller.returncode) for caller in callers]
    assert ends == [(f"{number}\n", number) for number in range(8)]


def test_ended_children_leave_no_zombie(box: Box) -> None:
    for status in (0, 1):
        box.run(str(status))
    box.run("os.kill(os.getpid(), 9)")
    assert box.children() == []


def test_a_child_ends_with_its_caller(box: Box) -> None:
    caller = box.start(SLEEP)
    child = box.child()
    caller.kill()
    until(lambda: is_gone(child))
    until(lambda: box.children() == [])
    assert box.run("0")[0] == 0


def test_a_child_and_its_caller_that_end_together_do_not_end_the_server(box: Box) -> None:
    caller = box.start(SLEEP)
    child = box.child()
    # The server sees both ends at the same time, the child's first.
    os.kill(box.server.pid, signal.SIGSTOP)
    os.kill(child, signal.SIGKILL)
    until(lambda: is_gone(child))
    caller.kill()
    caller.wait()
    os.kill(box.server.pid, signal.SIGCONT)
    assert box.run("5")[0] == 5


def test_a_caller_that_leaves_without_a_request_is_no_error(box: Box) -> None:
    leave = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({box.address!r})"
    for extra in ("", "; s.sendall(b'{')"):
        subprocess.run([sys.executable, "-c", leave + extra], cwd=box.folder, check=True)
    assert box.run("5")[0] == 5


def test_a_caller_whose_server_was_killed_is_told_once_its_child_is_gone(box: Box) -> None:
    caller = box.start(SLEEP)
    child = box.child()
    box.server.kill()
    os.kill(child, signal.SIGKILL)
    _, errors = caller.communicate(timeout=20)
    assert (caller.returncode, errors) == (1, "error: the process that measures has ended without a word\n")


def test_the_server_ends_with_its_input_and_takes_children_and_socket_along(box: Box) -> None:
    caller = box.start(SLEEP)
    child = box.child()
    assert box.server.stdin is not None
    box.server.stdin.close()
    assert box.server.wait(10) == 0
    until(lambda: is_gone(child))
    assert caller.wait(10) == 1
    assert not (box.folder / box.address).exists()


def test_without_a_server_the_caller_gets_an_error_to_fall_back_on(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        forkserver.run_in_fork(str(tmp_path / "none.sock"), {})


def test_the_socket_is_for_this_user_alone(box: Box) -> None:
    assert (box.folder / box.address).stat().st_mode & 0o077 == 0


def test_a_socket_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    first = Box(tmp_path)
    first.server.kill()
    first.close()
    assert (tmp_path / first.address).exists()
    second = Box(tmp_path)
    assert second.run("5")[0] == 5
    second.close()


def test_the_server_and_its_children_end_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    arguments = [str(tmp_path / "server.py"), "fork.sock"]
    command = [sys.executable, "-c", PARENT, *arguments]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT, cwd=tmp_path, text=True)
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    caller = subprocess.Popen([sys.executable, "-c", CALLER, "fork.sock", SLEEP], env=ENVIRONMENT, cwd=tmp_path)
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text() != "")
    child = int((tmp_path / "child").read_text())
    parent.kill()
    parent.communicate()
    until(lambda: is_gone(server))
    until(lambda: is_gone(child))
    assert caller.wait(10) == 1


def test_ctrl_c_interrupts_children_and_not_the_server(box: Box) -> None:
    caller = box.start(SLEEP)
    child = box.child()
    os.kill(box.server.pid, signal.SIGINT)
    os.kill(child, signal.SIGINT)
    _, errors = caller.communicate(timeout=20)
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert box.run("5")[0] == 5
