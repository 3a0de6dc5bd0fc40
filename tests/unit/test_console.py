"""What a job says: progress on the terminal, all else in the log. Each job is a real process."""

from __future__ import annotations

import errno
import os
import pty
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from working_copy import ROOT

HEAD = """
import os, subprocess, sys, warnings
from pathlib import Path
from yardstick.console import run_job
from yardstick.errors import YardstickError
"""
TAIL = "\nsys.exit(run_job('latency tiny', Path(sys.argv[1]) if len(sys.argv) > 1 else None, job))\n"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}


@dataclass
class Finished:
    """A job that has ended."""

    status: int
    terminal: str
    log: str


def run(job: str, tmp_path: Path, *, has_log: bool = True) -> Finished:
    body = "".join(f"    {line}\n" for line in job.splitlines())
    log = tmp_path / "logs/job.log"
    command = [sys.executable, "-c", f"{HEAD}def job(console):\n{body}{TAIL}", *([str(log)] if has_log else [])]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    return Finished(done.returncode, done.stdout + done.stderr, log.read_text() if log.exists() else "")


def test_output_of_libraries_goes_to_the_log_alone(tmp_path: Path) -> None:
    job = "print('python')\nos.write(2, b'native\\n')\nsubprocess.run(['echo', 'child'])\nwarnings.warn('careful')"
    done = run(job, tmp_path)
    assert (done.status, done.terminal) == (0, "")
    assert all(word in done.log for word in ("python", "native", "child", "careful"))


def test_what_is_said_is_on_the_terminal_and_in_the_log(tmp_path: Path) -> None:
    done = run("console.say('begins')", tmp_path)
    assert done.terminal == "latency tiny: begins\n"
    assert done.log == "latency tiny: begins\n"


def test_a_mistake_of_the_user_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    done = run("raise YardstickError('x.yaml: mend it')", tmp_path)
    assert (done.status, done.terminal) == (1, "latency tiny: error: x.yaml: mend it\n")
    assert done.log == "error: x.yaml: mend it\n"


def test_the_traceback_of_an_unexpected_error_is_in_the_log_alone(tmp_path: Path) -> None:
    done = run("raise ValueError('two\\nlines')", tmp_path)
    assert done.status == 1
    assert done.terminal == (
        f"latency tiny: error: unexpected ValueError: two lines; the traceback is in {tmp_path / 'logs/job.log'}\n"
    )
    assert "Traceback" in done.log
    assert done.log.splitlines()[-1].startswith("error: unexpected ValueError: two lines")


def test_a_long_error_is_cut(tmp_path: Path) -> None:
    assert len(run("raise ValueError('x' * 100_000)", tmp_path).terminal) < 500


def test_an_interrupt_ends_with_130_and_says_what_to_do(tmp_path: Path) -> None:
    done = run("os.kill(os.getpid(), 2)", tmp_path)
    assert done.status == 128 + signal.SIGINT
    assert done.terminal == "latency tiny: stopped on request; nothing finished is lost, run the same command again\n"


def test_without_a_log_output_stays_on_the_terminal(tmp_path: Path) -> None:
    done = run("print('library')\nconsole.say('begins')\nraise ValueError('no')", tmp_path, has_log=False)
    assert set(done.terminal.splitlines()) == {
        "library",
        "latency tiny: begins",
        "latency tiny: error: unexpected ValueError: no",
    }


def test_an_earlier_log_is_replaced(tmp_path: Path) -> None:
    run("raise ValueError('first')", tmp_path)
    assert run("print('second')", tmp_path).log == "second\n"


def test_quick_progress_is_not_printed_off_a_terminal(tmp_path: Path) -> None:
    done = run("for n in range(1, 6):\n    console.progress(n, 5)", tmp_path)
    assert (done.terminal, done.log) == ("", "")


def test_slow_progress_is_a_line_with_the_time_left(tmp_path: Path) -> None:
    clock = "import itertools, time\nticks = itertools.count(10**9, 20)\ntime.monotonic = lambda: next(ticks)\n"
    done = run(clock + "for n in range(1, 5):\n    console.progress(n, 4)", tmp_path)
    assert done.terminal.splitlines() == [
        "latency tiny: 1 of 4",
        "latency tiny: 2 of 4, about 40 s left",
        "latency tiny: 3 of 4, about 20 s left",
        "latency tiny: 4 of 4",
    ]


def _read_to_end(terminal: int) -> bytes:
    """Read what stands in a terminal that nobody writes to any more; one read need not return all of it."""
    parts = []
    while True:
        try:
            parts.append(os.read(terminal, 10_000))
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return b"".join(parts)


def test_progress_on_a_terminal_is_one_line_that_is_cleared(tmp_path: Path) -> None:
    job = "import time\n    for n in range(1, 4):\n        time.sleep(0.25)\n        console.progress(n, 3)\n    console.say('done')"
    main, terminal = pty.openpty()
    command = [sys.executable, "-c", f"{HEAD}def job(console):\n    {job}\n{TAIL}", str(tmp_path / "job.log")]
    subprocess.run(command, stderr=terminal, env=ENVIRONMENT, check=True)
    os.close(terminal)
    shown = _read_to_end(main).decode()
    os.close(main)
    assert "\r\033[Klatency tiny: 1 of 3" in shown
    assert shown.endswith("3 of 3\r\033[Klatency tiny: done\r\n")
    assert shown.count("\n") == 1


def test_text_that_the_terminal_cannot_show_is_no_error(tmp_path: Path) -> None:
    assert run("console.say('caf\\u00e9 \\udcff')", tmp_path, has_log=False).status == 0


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "logs").touch()
    done = run("pass", tmp_path)
    assert done.status == 1
    assert len(done.terminal.splitlines()) == 1
    assert "logs" in done.terminal
