"""The flat columns of a row, in a stable order, with what each means: taken from the fields of `document.Row`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from yardstick.catalog import SUITES
from yardstick.leaderboard.document import Row, SuiteScore
from yardstick.leaderboard.text import one_line, spreadsheet


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: as `pandas.json_normalize` would call it, for example ``latency.p50_s``.
        keys: keys and places that lead to the value in a row of the JSON document.
        description: what it means, with its unit.
    """

    name: str
    keys: tuple[str | int, ...]
    description: str

    def value(self, row: Mapping[str, Any]) -> Any:
        """Return the column's value of one row, None where the row has none."""
        value: Any = row
        for key in self.keys:
            if value is None:
                return None
            value = value.get(key) if isinstance(value, dict) else value[key]
        return value


@cache
def columns() -> tuple[Column, ...]:
    """Return the columns in the order of the fields of a row."""
    return tuple(_columns_of(Row, ()))


def definitions() -> dict[str, str]:
    """Return what each column means, and each field of the levels, which no flat table can hold."""
    return {column.name: column.description for column in (*columns(), *_columns_of_levels())}


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows of the JSON document as CSV, guarded against formulas in text cells."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(column.name for column in columns())
    for row in rows:
        writer.writerow(_cell(column.value(row)) for column in columns())
    return file.getvalue()


def _columns_of_levels() -> Iterator[Column]:
    for name, field in Row.model_fields.items():
        part = _part_of(field)
        for inner, list_field in part.model_fields.items() if part else ():
            if level := _level_of(list_field):
                yield from _columns_of(level, (name, inner))


def _columns_of(model: type[BaseModel], keys: tuple[str | int, ...]) -> Iterator[Column]:
    for name, field in model.model_fields.items():
        if _level_of(field):
            continue
        if field.annotation == dict[str, SuiteScore]:
            for suite in SUITES[1:]:
                yield from _columns_of(SuiteScore, (*keys, name, suite))
            continue
        part = _part_of(field)
        if part is not None:
            yield from _columns_of(part, (*keys, name))
        elif _is_interval(field):
            for place, end in enumerate(("low", "high")):
                yield _column((*keys, name), f"_{end}", f"{end} end of the {field.description}", (place,))
        else:
            yield _column((*keys, name), "", field.description or "", ())


def _column(keys: tuple[str | int, ...], ending: str, description: str, place: tuple[int, ...]) -> Column:
    return Column(".".join(str(key) for key in keys) + ending, (*keys, *place), description)


def _part_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model that a field holds, alone or beside None."""
    return next((kind for kind in _kinds(field) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _level_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of which a field holds a list."""
    if get_origin(field.annotation) is not list:
        return None
    (kind,) = get_args(field.annotation)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _is_interval(field: FieldInfo) -> bool:
    # An interval is bounded to two numbers; a bare list of numbers is not.
    return list[float] in _kinds(field) and (field.annotation != list[float] or bool(field.metadata))


def _kinds(field: FieldInfo) -> list[Any]:
    """Return the types that a field may have, without their annotations."""
    kinds = get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else (field.annotation,)
    return [get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds]


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return spreadsheet(value)
    if isinstance(value, list):
        return spreadsheet(" ".join(str(part) for part in value))
    if isinstance(value, dict):
        return spreadsheet("; ".join(f"{key} {_amount(part)}" for key, part in value.items()))
    return value


def _amount(part: Any) -> str:
    return f"{part['solved']}/{part['n']}" if isinstance(part, dict) else one_line(str(part))
