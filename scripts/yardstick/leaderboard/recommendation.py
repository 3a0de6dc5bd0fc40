"""The recommendation as text: the models worth running, what each of them trades off, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from yardstick.leaderboard.cells import NOTHING, number
from yardstick.leaderboard.cells import machine as place_of
from yardstick.leaderboard.choosing import GOALS, MEMORY, SCORE, SPEED, Goal, Limit, best_tradeoffs, kept
from yardstick.leaderboard.document import Row

_HEADINGS = ("Model", "Score", "Tokens/s", "Needs", "Trade-off")
_SIDES = ("left", "right", "right", "right", "left")


def recommendation(rows: Sequence[Row], machine: str, limits: Sequence[Limit]) -> str:
    """Return the models worth running under limits, one line each.

    Args:
        rows: the leaderboard's.
        machine: label of this machine; its rows count alone where it has any.
        limits: what is asked.
    """
    here = [row for row in rows if row.machine == machine]
    among = here or list(rows)
    if not among:
        return "Nothing is measured yet, so nothing can be recommended; measure with: snakemake --cores 1 ci_safe"
    place = f"measured on {machine}" if here else f"measured on other machines (none on {machine})"
    fitting = kept(among, limits)
    best = best_tradeoffs(fitting)
    heading = _heading(len(fitting), f"{_rows(len(among))} {place}", limits)
    if not best:
        return "\n".join([f"{heading}.", *(_why_none(among, fitting, limits))])
    lines = [f"{heading}; {_worth(len(best))}:", "", _table(best), *_left_out(fitting, best)]
    return "\n".join(lines)


def tradeoff(row: Row, best: Sequence[Row]) -> str:
    """Return what a row is best at among the best trade-offs, and what that costs, in one line.

    Args:
        row: one of them.
        best: all of them.
    """
    if len(best) == 1:
        return "best in score, speed and memory"
    leaders = {goal: max(best, key=goal.gain) for goal in GOALS}
    won = [goal for goal in GOALS if goal.gain(row) == goal.gain(leaders[goal])]
    praise = " and ".join(goal.best for goal in won) or "a compromise"
    costs: dict[str, list[str]] = {}
    for goal in GOALS:
        if goal not in won:
            costs.setdefault(_label(leaders[goal], best), []).append(_cost(goal, row, leaders[goal]))
    lost = [f"{' and '.join(of_one)} {leader}" for leader, of_one in costs.items()]
    return "; ".join([praise, *lost])


def _cost(goal: Goal, row: Row, leader: Row) -> str:
    """Return how far a row is from the best one in a goal, up to the leader's name."""
    mine, theirs = abs(goal.gain(row)), abs(goal.gain(leader))
    if goal is SCORE:
        tie = " (a shared rank)" if row.rank == leader.rank else ""
        return f"score {theirs - mine:.2f} lower{tie} than"
    if goal is SPEED:
        return f"{number(theirs / mine)}× slower than" if mine else "slower than"
    return f"{number(mine / theirs)}× the memory of" if theirs else "more memory than"


def _rows(count: int) -> str:
    return "1 result" if count == 1 else f"{count} results"


def _heading(count: int, measured: str, limits: Sequence[Limit]) -> str:
    if not limits:
        return f"{measured}, and no limit (memory_gb, min_reasoning, min_tokens_per_s, max_latency_s)"
    asked = ", ".join(f"{limit.setting}={limit.bound:g}" for limit in limits)
    return f"{count} of {measured} {'keeps' if count == 1 else 'keep'} {asked}"


def _worth(count: int) -> str:
    return "this one is worth running" if count == 1 else f"these {count} are worth running"


def _table(best: Sequence[Row]) -> str:
    lines = [[_name(row, best), *_numbers(row), tradeoff(row, best)] for row in best]
    text: str = tabulate(lines, headers=_HEADINGS, tablefmt="plain", colalign=_SIDES, disable_numparse=True)
    return text


def _label(row: Row, among: Sequence[Row]) -> str:
    """Return the model, and where it was measured if it is there more than once."""
    is_shared = sum(other.model == row.model for other in among) > 1
    return f"{row.model} on {place_of(row.model_dump())}" if is_shared else row.model


def _name(row: Row, among: Sequence[Row]) -> str:
    """Return a row's label and flags."""
    return _label(row, among) + (f" ({', '.join(row.flags)})" if row.flags else "")


def _names(some: Sequence[Row], among: Sequence[Row]) -> str:
    return ", ".join(_name(row, among) for row in some)


def _numbers(row: Row) -> list[str]:
    score, speed, needed = (goal.of(row) for goal in (SCORE, SPEED, MEMORY))
    return [
        NOTHING if score is None else f"{score:.2f}",
        NOTHING if speed is None else number(speed),
        NOTHING if needed is None else _megabytes(needed),
    ]


def _megabytes(amount: float) -> str:
    return f"{number(amount / 1000)} GB" if amount >= 1000 else f"{number(amount)} MB"


def _left_out(fitting: Sequence[Row], best: Sequence[Row]) -> list[str]:
    """Return a line on the rows that keep the limits and are not worth running, and on those that cannot be judged."""
    incomplete = [row for row in fitting if any(goal.of(row) is None for goal in GOALS)]
    beaten = [row for row in fitting if row not in best and row not in incomplete]
    lines = []
    if beaten:
        lines.append(f"No better in anything than one of these: {_names(beaten, fitting)}")
    if incomplete:
        lines.append(f"Not measured in full, so not judged: {_names(incomplete, fitting)}")
    return ["", *lines] if lines else []


def _why_none(among: Sequence[Row], fitting: Sequence[Row], limits: Sequence[Limit]) -> list[str]:
    """Return why nothing can be recommended: what each limit leaves, and how near the nearest comes."""
    if fitting:
        return _left_out(fitting, [])[1:]
    return [_what_a_limit_leaves(among, limit) for limit in limits]


def _what_a_limit_leaves(among: Sequence[Row], limit: Limit) -> str:
    left = sum(limit.keeps(row) for row in among)
    line = f"  {limit.setting}={limit.bound:g} alone leaves {left} of {len(among)}"
    measured = [row for row in among if limit.goal.of(row) is not None]
    if left or not measured:
        return line
    nearest = max(measured, key=limit.goal.gain)
    return f"{line}; the nearest is {nearest.model} with {abs(limit.goal.gain(nearest)) / limit.scale:.3g}"
