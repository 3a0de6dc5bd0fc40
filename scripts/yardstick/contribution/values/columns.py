"""Bounds that every column keeps, taken from the shards' schemas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from yardstick.shards import SCHEMAS

Rows = Sequence[Mapping[str, Any]]

# No request, run or gap is longer than this, in seconds: a year of one request is a broken clock.
_MOST_SECONDS = 3e7
_MOST_COUNT = 2**53
_MOST_LETTERS = 200_000


def column_problems(metric: str, rows: Rows) -> Iterator[str]:
    """Yield the first value of each column that no measurement has."""
    if not rows:
        yield "it holds no rows"
    for field in SCHEMAS[metric]:
        for row in rows:
            if problem := _problem(field, row[field.name]):
                yield f"{field.name}: {problem}"
                break


def _problem(field: pa.Field, value: Any) -> str | None:
    if value is None:
        return None if field.nullable else "an empty value"
    if field.name == "likelihoods":
        return None if all(math.isfinite(item) for item in value) else "a likelihood that is no number"
    if pa.types.is_list(field.type):
        return _list_problem(field.type.value_type, value)
    return _scalar_problem(field.type, value, is_positive=not field.nullable)


def _list_problem(kind: pa.DataType, value: Any) -> str | None:
    if value is None:
        return "an empty value"
    for item in value:
        # Tokens that reach a client together have no time between them.
        nested = pa.types.is_list(kind)
        problem = _list_problem(kind.value_type, item) if nested else _scalar_problem(kind, item, is_positive=False)
        if problem:
            return problem
    return None


def _scalar_problem(kind: pa.DataType, value: Any, *, is_positive: bool) -> str | None:
    if value is None:
        return "an empty value"
    if pa.types.is_floating(kind):
        if not math.isfinite(value):
            return f"{value} is no time"
        if value < 0 or (is_positive and value == 0):
            return f"{value} is not possible, time is positive"
        return f"{value:g} s is longer than a year" if value > _MOST_SECONDS else None
    if pa.types.is_integer(kind):
        return None if 0 <= value <= _MOST_COUNT else f"{value} is not possible"
    if pa.types.is_string(kind):
        return None if len(value) <= _MOST_LETTERS else f"a text of {len(value)} letters"
    return None
