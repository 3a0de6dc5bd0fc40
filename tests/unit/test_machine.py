"""The label of a machine and the facts that travel with results."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yardstick import machine
from yardstick.config import MACHINE_PATTERN


def label_of(cpu: str, cores: int | None = 2, gibibytes: float = 23.4) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "cpu_model", lambda: cpu)
        patch.setattr(machine.os, "cpu_count", lambda: cores)
        patch.setattr(machine, "memory_bytes", lambda: int(gibibytes * 2**30))
        return machine.machine_label("auto")


@pytest.mark.parametrize(
    ("cpu", "label"),
    [
        ("AMD EPYC", "amd-epyc-2c-24gb"),
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", "intel-xeon-2c-24gb"),
        ("AMD Ryzen 9 5950X 16-Core Processor", "amd-ryzen-9-5950x-2c-24gb"),
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", "intel-core-i7-8550u-2c-24gb"),
        ("AMD Ryzen 7 PRO 4750U with Radeon Graphics", "amd-ryzen-7-pro-4750u-2c-24gb"),
        ("CPU @ 2.0GHz", "cpu-2c-24gb"),
    ],
)
def test_a_label_is_processor_cores_and_memory(cpu: str, label: str) -> None:
    assert label_of(cpu) == label


@pytest.mark.parametrize(("reported", "installed"), [(0.9, 1), (7.7, 8), (8, 8), (8.1, 12), (62.5, 64), (9000, 9000)])
def test_memory_is_rounded_up_to_what_is_installed(reported: float, installed: int) -> None:
    assert label_of("x", gibibytes=reported) == f"x-2c-{installed}gb"


def test_an_unknown_number_of_cores_is_one() -> None:
    assert label_of("x", cores=None).startswith("x-1c-")


@given(cpu=st.text() | st.text("aB1 -_()@.", max_size=80), cores=st.integers(1, 4096), memory=st.floats(0.1, 1e6))
def test_every_label_can_be_a_folder_of_results(cpu: str, cores: int, memory: float) -> None:
    label = label_of(cpu, cores, memory)
    assert re.fullmatch(MACHINE_PATTERN, label)
    assert len(label) <= 64


def test_a_label_that_is_set_stands_for_the_machine() -> None:
    assert machine.machine_label("ci") == "ci"


def test_facts_are_json_and_say_nothing_of_a_name() -> None:
    facts = machine.machine_facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts.keys() == {"cpu", "cores", "memory_bytes", "system", "architecture", "accelerators"}


def test_memory_is_what_the_system_says() -> None:
    found = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    assert found
    assert machine.memory_bytes() == pytest.approx(int(found[1]) * 1024, rel=0.05)
