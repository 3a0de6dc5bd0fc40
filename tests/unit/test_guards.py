"""Guard rails see what other processes do."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from yardstick.guards import guard_rails

BUSY = "import time\nend = time.time() + {}\nwhile time.time() < end: pass"


def test_the_document_is_filled_when_the_block_ends_and_is_json() -> None:
    with guard_rails() as document:
        assert document == {}
        time.sleep(0.05)
    assert document.keys() == {
        *("load_before", "load_after", "foreign_cores", "cpu_mhz_before", "cpu_mhz_after", "swapped_bytes", "wall_s"),
        "foreign_gpu_processes",
    }
    assert json.loads(json.dumps(document)) == document


def test_the_wall_time_is_that_of_the_block() -> None:
    with guard_rails() as document:
        time.sleep(0.2)
    assert 0.2 <= document["wall_s"] < 10


def test_work_of_another_process_counts_as_foreign() -> None:
    with guard_rails() as document:
        # The grandchild is not waited for by this process, so its time is not this process's own.
        command = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {BUSY.format(1.0)!r}])"
        subprocess.run([sys.executable, "-c", command], check=True)
        time.sleep(1.0)
    assert document["foreign_cores"] > 0.2


def test_work_of_this_process_is_not_foreign() -> None:
    with guard_rails() as idle:
        time.sleep(0.5)
    with guard_rails() as busy:
        end = time.perf_counter() + 0.5
        while time.perf_counter() < end:
            pass
    # Others may be at work on this machine: only what this process adds is judged.
    assert busy["foreign_cores"] < idle["foreign_cores"] + 0.7


def test_an_error_in_the_block_is_passed_on() -> None:
    with pytest.raises(ZeroDivisionError), guard_rails():
        raise ZeroDivisionError
