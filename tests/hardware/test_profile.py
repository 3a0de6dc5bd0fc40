"""Profiles of machines: what is measured, what is made of it, and where it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from yardstick.config import load_config
from yardstick.errors import YardstickError
from yardstick.hardware import probes
from yardstick.hardware.profile import MachineProfile
from yardstick.hardware.profile_job import profile_identity, profile_path
from yardstick.hardware.profile_text import profile_text
from yardstick.shards import SCHEMAS, read_shard, write_shard
from yardstick.source_code import closure_hashes

ROOT = Path(__file__).resolve().parents[2]
KIB = 1024


def linear(tokens: int, matrix: int, working_set: int, seconds: float, **changes: Any) -> dict[str, Any]:
    return {
        "quantity": "linear", "device": "cpu", "threads": 1, "dtype": "float32", "layout": "linear", "tokens": tokens,
        "matrix_bytes": matrix, "working_set_bytes": working_set, "value": seconds, "unit": "s", **changes,
    }  # fmt: skip


ROWS = [
    linear(1, 16 * KIB, 64 * KIB, 1e-6),
    linear(1, 16 * KIB, 1024 * KIB, 4e-6),
    linear(1, 64 * KIB, 64 * KIB, 4e-6),
    linear(1, 64 * KIB, 1024 * KIB, 16e-6),
    linear(8, 64 * KIB, 1024 * KIB, 32e-6),
    linear(32, 64 * KIB, 1024 * KIB, 128e-6),
]
PROFILE = MachineProfile("box", ROWS)


def seconds(tokens: int = 1, matrix: int = 16 * KIB, all_bytes: int = 64 * KIB, **changes: Any) -> float:
    place: dict[str, Any] = {"device": "cpu", "threads": 1, "dtype": "float32", "layout": "linear", **changes}
    return PROFILE.multiply_s(tokens=tokens, matrix_bytes=matrix, all_bytes=all_bytes, **place)


def test_says_what_was_measured() -> None:
    assert seconds() == pytest.approx(1e-6)
    assert seconds(matrix=64 * KIB, all_bytes=1024 * KIB) == pytest.approx(16e-6)
    assert seconds(32, 64 * KIB, 1024 * KIB) == pytest.approx(128e-6)


def test_lies_between_neighbours_on_both_axes() -> None:
    assert seconds(matrix=32 * KIB) == pytest.approx(2e-6)
    assert seconds(all_bytes=256 * KIB) == pytest.approx(2e-6)
    assert seconds(16, 64 * KIB, 1024 * KIB) == pytest.approx(64e-6)


def test_grows_with_the_size_beyond_what_was_measured_but_not_with_the_turns() -> None:
    assert seconds(matrix=640 * KIB) == pytest.approx(40e-6)
    assert seconds(all_bytes=2**40) == pytest.approx(4e-6)
    assert seconds(320, 64 * KIB, 1024 * KIB) == pytest.approx(1280e-6)
    assert seconds(matrix=1) == pytest.approx(1e-6)


@given(st.integers(1, 2**32), st.integers(1, 2**32), st.integers(1, 4096))
def test_more_is_never_faster(matrix: int, more: int, tokens: int) -> None:
    assert seconds(tokens, matrix) <= seconds(tokens, matrix + more) * (1 + 1e-9)
    assert seconds(tokens, matrix) <= seconds(tokens + more, matrix) * (1 + 1e-9)


def test_takes_the_nearest_of_what_is_missing() -> None:
    assert seconds(threads=7) == seconds()
    # Half the bytes, as a float32 matrix of half the size.
    assert seconds(dtype="bfloat16", matrix=16 * KIB) == seconds(matrix=32 * KIB)
    assert PROFILE.has("cpu", "float32", 1)
    assert not PROFILE.has("cpu", "bfloat16", 1)


def test_names_a_device_without_profile() -> None:
    with pytest.raises(YardstickError, match="the profile of box says nothing of device cuda; measure it"):
        seconds(device="cuda")
    with pytest.raises(YardstickError, match="says nothing of device cpu"):
        PROFILE.bandwidth("cpu", 1)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the sizes so small that all is measured in a second or two."""
    monkeypatch.setattr(probes, "MATRIX_BYTES", (16 * KIB, 256 * KIB))
    monkeypatch.setattr(probes, "WORKING_SETS", (256 * KIB, 1024 * KIB))
    monkeypatch.setattr(probes, "PROMPT_MATRIX_BYTES", (64 * KIB,))
    monkeypatch.setattr(probes, "PROMPT_TOKENS", (8, 32))
    monkeypatch.setattr(probes, "_DISK_BYTES", 4 * 2**20)
    monkeypatch.setattr(probes, "_ALL_S", 0.2)


@pytest.mark.usefixtures("small")
def test_measures_this_machine_and_keeps_it_as_a_shard(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    try:
        rows = list(probes.profile(torch, tmp_path / "disk", lambda done, total: None))
    finally:
        torch.set_num_threads(threads)
    config = load_config(ROOT / "config/config.yaml")
    path = profile_path(config)
    write_shard(tmp_path, path, rows, profile_identity(config).as_document(), {"measured_at": "now"})
    profile = MachineProfile(path.machine, read_shard(tmp_path, path).rows)

    assert all(row["value"] > 0 for row in rows)
    assert {tuple(row) for row in rows} == {tuple(SCHEMAS["machine_profile"].names)}
    for dtype in probes.DTYPES:
        small_s, large_s = (
            profile.multiply_s(
                device="cpu", threads=1, dtype=dtype, layout="linear", tokens=1, matrix_bytes=size, all_bytes=2**20
            )
            for size in (16 * KIB, 256 * KIB)
        )
        assert small_s < large_s
    assert profile.dispatch_s("cpu", 1) < 1e-3
    assert path.machine in profile_text(profile, "now")
    assert not list((tmp_path / "disk").iterdir())


def test_a_change_of_predictions_measures_no_machine_again() -> None:
    measured_with = closure_hashes("yardstick.hardware.probes")

    names = ("__init__", "machine", "hardware/__init__", "hardware/formats", "hardware/probes")
    assert set(measured_with) == {f"yardstick/{name}.py" for name in names}
