"""Histories: which results are compared with which."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from regressions_world import grown_by, plan_of, put, requests, slow_requests
from working_copy import WorkingCopy
from yardstick.errors import YardstickError
from yardstick.machine import machine_facts
from yardstick.regressions import search as searching
from yardstick.regressions.points import History, confirmation_epoch, confirmed_epoch, histories
from yardstick.regressions.search import Finding, Outcome, search

MODEL = "yardstick-mini"


def history_of(root: Path) -> History:
    plan = plan_of(root)
    (history,) = histories(plan, list(plan.inputs.registry.values()), root / "results", threads=1)
    return history


def epochs(history: History) -> list[str]:
    return [point.environment["epoch"] for point in [*history.earlier, history.newest]]


@pytest.fixture
def root(working_copy: WorkingCopy) -> Path:
    return working_copy.root


def week(root: Path, number: int, seconds: float = 1.0, **options: Any) -> None:
    put(
        root,
        "latency",
        MODEL,
        slow_requests(seconds),
        at=f"2026-01-{number:02d}T00:00:00Z",
        epoch=f"w{number}",
        **options,
    )


def test_points_are_in_the_order_of_time_with_their_confirmations(root: Path) -> None:
    for number in (3, 1, 2):
        week(root, number)
    put(root, "latency", MODEL, requests(2.0), at="2026-01-02T01:00:00Z", epoch="w2-confirm")
    history = history_of(root)
    assert epochs(history) == ["w1", "w2", "w3"]
    assert [point.confirmation is not None for point in history.earlier] == [False, True]


def test_a_confirmation_is_no_point_of_its_own_even_when_it_is_the_newest(root: Path) -> None:
    week(root, 1)
    put(root, "latency", MODEL, requests(2.0), at="2026-01-09T00:00:00Z", epoch="w1-confirm")
    assert epochs(history_of(root)) == ["w1"]


@pytest.mark.parametrize("epoch", ["", "2026-W30"])
def test_the_epoch_of_a_confirmation_names_what_it_confirms(epoch: str) -> None:
    assert confirmed_epoch(epoch) is None
    assert confirmed_epoch(confirmation_epoch(epoch)) == epoch


@pytest.mark.parametrize(
    "other",
    [
        {"machine": {**machine_facts(), "cpu": "another"}},
        {"machine": {**machine_facts(), "accelerators": ["another"]}},
        {"environment": {"threads": 2}},
        {"environment": {"device": "cuda"}},
    ],
)
def test_other_processors_accelerators_threads_and_devices_are_not_compared(root: Path, other: dict[str, Any]) -> None:
    week(root, 1, **other)
    week(root, 2)
    week(root, 3)
    assert epochs(history_of(root)) == ["w2", "w3"]


def test_other_versions_are_compared(root: Path) -> None:
    week(root, 1, environment={"packages": {"torch": "1"}, "python": "3.10"})
    week(root, 2)
    assert epochs(history_of(root)) == ["w1", "w2"]


def test_times_that_no_clock_gives_are_named(root: Path) -> None:
    path = put(root, "latency", MODEL, requests(0.0, 1.0), at="2026-01-01T00:00:00Z")
    with pytest.raises(YardstickError, match=rf"{path.environment}\.parquet: its content cannot be true"):
        history_of(root)


def found(root: Path, monkeypatch: pytest.MonkeyPatch, again: list[dict[str, Any]], **options: Any) -> Finding:
    """Return what a search finds, with a second measurement that yields given rows."""
    plan = plan_of(root)
    measured = []

    def measure_again(_plan: object, entry: Any, point: Any) -> Any:
        epoch = confirmation_epoch(point.environment["epoch"])
        metric = point.path.metric
        measured.append(put(root, metric, entry.id, again, at="2026-02-01T00:00:00Z", epoch=epoch, **options))
        return measured[-1]

    monkeypatch.chdir(root)
    monkeypatch.setattr(searching, "measure_again", measure_again)
    monkeypatch.setattr(searching, "hold_run_lock", lambda path, description: 0)
    monkeypatch.setattr(searching, "fork_server", nullcontext)
    (finding,) = search(plan, list(plan.inputs.registry.values()), root / "results", say=print)
    (second,) = search(plan_of(root), list(plan.inputs.registry.values()), root / "results", say=print)
    # A second search finds the same and measures nothing.
    assert second.outcome == finding.outcome
    assert len(measured) <= 1
    return finding


@pytest.mark.parametrize("weeks", [1, 2, 5])
def test_a_slowdown_is_an_alarm_only_if_it_is_measured_twice(
    root: Path, monkeypatch: pytest.MonkeyPatch, weeks: int
) -> None:
    for number in range(1, weeks + 1):
        week(root, number)
    week(root, 20, 1.1)
    assert found(root, monkeypatch, slow_requests(1.1)).outcome is Outcome.WORSE


def test_a_slowdown_that_is_gone_at_the_second_look_is_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    week(root, 1)
    week(root, 2, 1.1)
    assert found(root, monkeypatch, slow_requests(1.02)).outcome is Outcome.NOT_CONFIRMED


def test_a_busy_machine_raises_no_alarm(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    week(root, 1)
    week(root, 2, 1.1)
    finding = found(root, monkeypatch, slow_requests(1.1), guards={"foreign_cores": 1.5})
    assert (finding.outcome, finding.note) == (Outcome.DOUBTFUL, "busy")


def test_a_second_measurement_on_another_processor_decides_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    week(root, 1)
    week(root, 2, 1.1)
    finding = found(root, monkeypatch, slow_requests(1.1), machine={**machine_facts(), "cpu": "another"})
    assert (finding.outcome, finding.note) == (Outcome.UNCHECKED, "the second measurement ran on another processor")


def test_what_is_not_worse_is_not_measured_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "memory", MODEL, grown_by(50_000_000), at="2026-01-01T00:00:00Z", epoch="w1")
    put(root, "memory", MODEL, grown_by(40_000_000), at="2026-01-02T00:00:00Z", epoch="w2")
    assert found(root, monkeypatch, []).outcome is Outcome.BETTER
    assert len(list((root / "results").rglob("*.parquet"))) == 2
