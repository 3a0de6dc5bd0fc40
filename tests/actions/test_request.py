"""What continuous integration is asked to measure: values from outside are checked before anything uses them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick.errors import YardstickError
from yardstick.publishing.request import iso_week, parse_request

DAY = date(2026, 7, 26)


def test_nothing_asked_is_the_first_tier_without_an_epoch() -> None:
    request = parse_request({"MODELS": "", "EPOCH": ""}, DAY)
    assert (request.tier, request.models, request.cores) == ("ci_safe", (), 1)
    assert request.settings() == ["machine=auto", "strict=true"]


def test_what_is_asked_reaches_snakemake() -> None:
    asked = {"TIER": "ci_borderline", "MODELS": "gpt2, distilgpt2", "EPOCH": "2026-W30", "MACHINE": "ci", "CORES": "2"}
    request = parse_request(asked, DAY)
    assert request.settings() == ["machine=ci", "strict=true", "models=gpt2,distilgpt2", "epoch=2026-W30"]


@pytest.mark.parametrize(
    ("day", "week"),
    [(date(2026, 7, 26), "2026-W30"), (date(2027, 1, 1), "2026-W53"), (date(2024, 12, 30), "2025-W01")],
)
def test_week_stands_for_the_iso_week(day: date, week: str) -> None:
    assert iso_week(day) == week
    assert parse_request({"EPOCH": "week"}, day).epoch == week


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIER", "all; id"),
        ("TIER", "$(id)"),
        ("MODELS", "gpt2;id"),
        ("MODELS", "gpt2 id"),
        ("MODELS", "--config"),
        ("MODELS", "a" * 65),
        ("EPOCH", "-x"),
        ("EPOCH", "`id`"),
        ("EPOCH", "2026-W30\n"),
        ("MACHINE", "../up"),
        ("CORES", "0"),
        ("CORES", "two"),
    ],
)
def test_what_is_not_of_its_form_is_one_clear_line(name: str, value: str) -> None:
    with pytest.raises(YardstickError, match=f"^{name}: ") as raised:
        parse_request({name: value}, DAY)
    assert "\n" not in str(raised.value)


@given(name=st.sampled_from(["TIER", "MODELS", "EPOCH", "MACHINE"]), value=st.text(max_size=20))
def test_nothing_that_a_shell_reads_gets_through(name: str, value: str) -> None:
    try:
        request = parse_request({name: value}, DAY)
    except YardstickError:
        return
    for word in [request.tier, *request.settings()]:
        assert set(word) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-,=")


@pytest.mark.parametrize("name", ["MODELS", "EPOCH", "MACHINE", "TIER"])
def test_a_value_from_outside_is_run_by_neither_make_nor_a_shell(tmp_path: Path, name: str) -> None:
    """The recipe, run by make with the value where GitHub puts it: in the environment."""
    mark = tmp_path / "mark"
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    tools = tmp_path / ".venv/bin"
    tools.mkdir(parents=True)
    (tools / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tools / "python").chmod(0o755)
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    (tmp_path / "envs").symlink_to(ROOT / "envs")
    (tmp_path / ".venv/.ready").touch()
    value = f"x$(shell touch {mark})$(touch {mark})`touch {mark}`;touch {mark}"
    environment = {key: text for key, text in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        ["make", "measure"], cwd=tmp_path, env={**environment, name: value}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f"error: {name}: " in done.stderr
    assert not mark.exists()
