"""How a model's numbers changed over time: all valid results, those of older versions and epochs included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from yardstick.catalog import SUITES
from yardstick.errors import YardstickError
from yardstick.leaderboard.page.interned import Interned
from yardstick.leaderboard.page.valid_shards import Key, ValidShard
from yardstick.shards import read_shard
from yardstick.statistics import Interval, mean, student_interval, wilson_interval

# Half a year of weekly rounds; older results stay under `results/`.
MOST_POINTS = 26

_Rows = Sequence[Mapping[str, Any]]
_Value = tuple[float, Interval | None]


def history(results: Path, groups: Mapping[Key, Sequence[ValidShard]], environments: Interned) -> dict[str, list[Any]]:
    """Return model -> series with more than one result, each of one metric, machine and number of threads.

    A point is time, value, low and high end of the 95 % interval (None without one) and the place of the environment.

    Args:
        results: the folder with the shards.
        groups: the valid shards, the newest last.
        environments: takes the environments.
    """
    models: dict[str, list[Any]] = {}
    for (metric, model, machine, threads), group in sorted(groups.items(), key=_order):
        if metric in _FOLLOWED and len(group) > 1:
            points = [_point(results, shard, environments) for shard in group[-MOST_POINTS:]]
            series = {"metric": metric, "machine": machine, "threads": threads, "points": [p for p in points if p]}
            models.setdefault(model, []).append(series)
    return models


def _order(item: tuple[Key, Any]) -> tuple[str, int, str, int]:
    metric, model, machine, threads = item[0]
    place = list(_FOLLOWED).index(metric) if metric in _FOLLOWED else len(_FOLLOWED)
    return model, place, machine, threads or 0


def _point(results: Path, shard: ValidShard, environments: Interned) -> list[Any] | None:
    columns, value_of = _FOLLOWED[shard.path.metric]
    try:
        value, interval = value_of(read_shard(results, shard.path, columns=columns).rows)
    except YardstickError:
        return None
    numbers = [None if number is None else float(f"{number:.5g}") for number in (value, *(interval or (None, None)))]
    return [shard.measured_at, *numbers, environments.place(shard.environment)]


def _score(rows: _Rows) -> _Value:
    greedy = [row["solved"] for row in rows if row["sample"] is None]
    return sum(greedy) / len(greedy), wilson_interval(sum(greedy), len(greedy))


def _mean(values: Sequence[float]) -> _Value:
    # Student's t for all: a bootstrap of each old result would take longer than the whole leaderboard.
    return mean(values), student_interval(values)


def _rate(rows: _Rows) -> _Value:
    return _mean([row["output_tokens"] / row["wall_s"] for row in rows])


def _latency(rows: _Rows) -> _Value:
    return _mean([row["e2e_s"] for row in rows])


def _growth(rows: _Rows) -> _Value:
    return (rows[0]["rss_after_bytes"] - rows[0]["rss_before_bytes"]) / 1e6, None


# Metric -> the columns that are read, and the number that is followed.
_FOLLOWED: dict[str, tuple[list[str], Callable[[_Rows], _Value]]] = {
    **dict.fromkeys(SUITES, (["sample", "solved"], _score)),
    "throughput": (["output_tokens", "wall_s"], _rate),
    "latency": (["e2e_s"], _latency),
    "memory": (["rss_before_bytes", "rss_after_bytes"], _growth),
}
