"""Shards that are honest in everything but one thing: each is refused in one line that says what and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from forgeries import FORGERIES, PARTNERS, machine
from forgery import Measured
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yardstick.shards import read_shard


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_shard_is_refused_in_one_line(run_here: Measured, folder: Path, name: str) -> None:
    metric, forge, expected = FORGERIES[name]
    honest = [run_here.draft(partner).write(folder) for partner in PARTNERS.get(metric, [])]
    draft = run_here.draft(metric)
    forge(draft)
    forged = draft.write(folder)
    report = run_here.check(folder, [forged, *honest])
    lines = report.refusals()
    assert lines[0].startswith(f"{forged}: ")
    assert expected in lines[0]
    assert "; " in lines[0], "a remedy"
    assert "\n" not in lines[0]
    assert report.accepted() == sorted(str(path) for path in honest)


def test_there_are_at_least_forty_kinds_and_each_has_its_own_line(run_here: Measured) -> None:
    assert len({expected for _, _, expected in FORGERIES.values()}) >= 40


def test_the_shards_of_a_real_run_are_taken(run_here: Measured, folder: Path) -> None:
    files = [run_here.draft(metric).write(folder) for metric in run_here.shards]
    report = run_here.check(folder, files)
    assert report.refusals() == []
    assert len(report.accepted()) == len(run_here.shards) == 7


def test_scores_without_their_answers_are_refused(run_here: Measured, folder: Path) -> None:
    report = run_here.check(folder, [run_here.draft("reasoning").write(folder)])
    assert "the answers that it scores are missing or refused; contribute both" in report.refusals()[0]


def test_the_rows_of_another_machine_are_refused(run_here: Measured, folder: Path) -> None:
    """Someone else's result under one's own label."""
    draft = run_here.draft("latency")
    draft.place(machine="my-machine")
    report = run_here.check(folder, [run_here.draft("latency").write(folder), draft.write(folder)])
    (line,) = report.refusals()
    assert "its rows are those of results/metric=latency/model=yardstick-mini/machine=" in line


def test_two_machines_under_one_label_are_refused(run_here: Measured, folder: Path) -> None:
    draft = run_here.draft("memory")
    machine(cpu="Another")(draft)
    report = run_here.check(folder, [run_here.draft("latency").write(folder), draft.write(folder)])
    (line,) = report.refusals()
    assert "share a label; measure each machine under its own label" in line


def test_shards_without_the_newer_fields_of_a_run_are_taken(run_here: Measured, folder: Path) -> None:
    draft = run_here.draft("latency")
    for name in ("engine", "sampling"):
        del draft.run[name]
    del draft.run["guards"]["foreign_gpu_processes"]
    assert run_here.check(folder, [draft.write(folder)]).refusals() == []


def test_markup_in_a_shard_stays_text_in_the_report(run_here: Measured, folder: Path) -> None:
    draft = run_here.draft("memory")
    machine(cpu="<img src=x> | `a`")(draft)
    other = run_here.draft("latency")
    text = run_here.check(folder, [draft.write(folder), other.write(folder)]).markdown()
    assert "<img" not in text
    assert "&lt;img src=x&gt; \\| \\`a\\`" in text


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_refused_or_says_the_same(run_here: Measured, folder: Path, data: st.DataObject) -> None:
    """Whatever a byte is changed to: the check ends, and what it takes holds the content that was measured."""
    metric = data.draw(st.sampled_from(sorted(run_here.shards)))
    draft = run_here.draft(metric)
    whole = (folder / draft.write(folder)).read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    value = data.draw(st.integers(0, 255))
    draft.file = lambda content: content[:place] + bytes([value]) + content[place + 1 :]
    file = draft.write(folder)
    if run_here.check(folder, [file]).accepted():
        shard = read_shard(folder / "results", draft.path)
        assert (shard.rows, shard.identity, shard.run) == (draft.rows, draft.content["identity"], draft.run)
