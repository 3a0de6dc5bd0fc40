"""Locks between real processes: they end with the process that holds them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from working_copy import ROOT
from yardstick.errors import YardstickError
from yardstick.locks import hold_run_lock, machine_lock

HOLD_RUN = """
import sys, time
from pathlib import Path
from yardstick.locks import hold_run_lock
descriptor = hold_run_lock(Path(sys.argv[1]), "a test")
print("held", flush=True)
time.sleep(60)
"""
HOLD_MACHINE = """
import sys, time
from yardstick.locks import machine_lock
with machine_lock(is_exclusive=sys.argv[1] == "exclusive", waiting=lambda: print("waits", flush=True)):
    print("held", flush=True)
    time.sleep(60)
"""
Holder = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    """Start a process that takes a lock and keeps it until it is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, argument: object) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts"), "TMPDIR": str(tmp_path)}
        command = [sys.executable, "-c", program, str(argument)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_second_run_is_told_who_holds_the_lock(holder: Holder, tmp_path: Path) -> None:
    first = holder(HOLD_RUN, tmp_path / "run.lock")
    assert said(first) == "held"
    pattern = rf"another run works in this folder \(process {first.pid}, a test, since .* UTC\); wait for it or stop it"
    with pytest.raises(YardstickError, match=pattern):
        hold_run_lock(tmp_path / "run.lock", "another test")


def test_the_run_lock_of_a_killed_process_is_free(holder: Holder, tmp_path: Path) -> None:
    first = holder(HOLD_RUN, tmp_path / "run.lock")
    assert said(first) == "held"
    kill(first)
    os.close(hold_run_lock(tmp_path / "run.lock", "another test"))


def test_the_lock_file_names_its_last_holder_alone(tmp_path: Path) -> None:
    os.close(hold_run_lock(tmp_path / "run.lock", "a very long description " * 5))
    os.close(hold_run_lock(tmp_path / "run.lock", "short"))
    (line,) = (tmp_path / "run.lock").read_text().splitlines()
    assert line.startswith(f"process {os.getpid()}, short, since ")


def test_a_started_program_does_not_keep_the_run_lock(tmp_path: Path) -> None:
    descriptor = hold_run_lock(tmp_path / "run.lock", "a test")
    child = subprocess.Popen(["sleep", "60"])
    os.close(descriptor)
    try:
        os.close(hold_run_lock(tmp_path / "run.lock", "another test"))
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(
    ("first", "second"), [("exclusive", "exclusive"), ("exclusive", "shared"), ("shared", "exclusive")]
)
def test_timing_excludes_all_else_and_waits_until_it_is_killed(first: str, second: str, holder: Holder) -> None:
    holding = holder(HOLD_MACHINE, first)
    assert said(holding) == "held"
    waiting = holder(HOLD_MACHINE, second)
    assert said(waiting) == "waits"
    kill(holding)
    assert said(waiting) == "held"


def test_jobs_that_merely_compute_share_the_machine(holder: Holder) -> None:
    for process in (holder(HOLD_MACHINE, "shared"), holder(HOLD_MACHINE, "shared")):
        assert said(process) == "held"


@pytest.fixture
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_callback_is_called_once_when_the_lock_is_taken(own_temporary_folder: Path) -> None:
    calls: list[str] = []
    is_held, is_waiting = threading.Event(), threading.Event()

    def hold() -> None:
        with machine_lock(is_exclusive=True, waiting=lambda: calls.append("first")):
            is_held.set()
            is_waiting.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait()
    with machine_lock(is_exclusive=True, waiting=lambda: (calls.append("second"), is_waiting.set())):
        thread.join()
    assert calls == ["second"]


def test_an_error_within_frees_the_machine(own_temporary_folder: Path) -> None:
    def waiting() -> None:
        raise AssertionError("the lock is not free")

    with pytest.raises(ZeroDivisionError), machine_lock(is_exclusive=True, waiting=waiting):
        raise ZeroDivisionError
    with machine_lock(is_exclusive=True, waiting=waiting):
        pass


def test_a_link_in_place_of_the_lock_is_refused(own_temporary_folder: Path) -> None:
    (own_temporary_folder / "yardstick-machine.lock").symlink_to(own_temporary_folder / "elsewhere")
    with (
        pytest.raises(YardstickError, match=r"yardstick-machine\.lock: cannot be locked \(.*\); remove it"),
        machine_lock(is_exclusive=True, waiting=lambda: None),
    ):
        pass
    assert not (own_temporary_folder / "elsewhere").exists()


def test_other_users_may_lock_the_file_too(own_temporary_folder: Path) -> None:
    with machine_lock(is_exclusive=False, waiting=lambda: None):
        pass
    assert (own_temporary_folder / "yardstick-machine.lock").stat().st_mode & 0o444 == 0o444
