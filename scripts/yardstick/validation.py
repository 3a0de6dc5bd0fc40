"""Read YAML files into typed models; turn every mistake into one line that names file, entry, field and remedy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo

from yardstick.errors import YardstickError

# libyaml reads a registry of a thousand models about ten times as fast as the pure Python loader.
_SafeLoader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


# A value that only looks like a date or a number, such as 2026-13-45 or `!!int x`, makes the loader raise the latter.
_NOT_YAML = (yaml.YAMLError, ValueError, KeyError, AttributeError, RecursionError)


class _UniqueKeyLoader(_SafeLoader):  # type: ignore[misc]
    """A safe loader that refuses a key given twice, which YAML would silently overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            keys = [key.value for key, _ in node.value]
            twice = next((key for key in keys if keys.count(key) > 1), "<<")
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {twice!r} is given twice; keep one", node.start_mark
            )
        return mapping


class StrictModel(BaseModel):
    """Base of all configuration models: unknown keys are mistakes, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, str_strip_whitespace=True)


Model = TypeVar("Model", bound=BaseModel)


def going_up(values: list[int], info: ValidationInfo) -> list[int]:
    """Refuse a list that does not go up; an `AfterValidator`."""
    if sorted(set(values)) != values:
        raise ValueError(f"the {info.field_name} must go up; sort them and remove repeats")
    return values


def refuse_repeated_ids(ids: Iterable[str]) -> None:
    """Refuse ids of which one is given twice; for validators."""
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise ValueError(f"the id {name!r} is given twice; ids are unique, rename one")
        seen.add(name)


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file.

    Raises:
        YardstickError: the file is missing, unreadable or not YAML.
    """
    try:
        content = path.read_bytes()
        # JSON is read as such: its escapes of characters beyond 16 bits are not YAML's.
        return json.loads(content) if path.suffix == ".json" else yaml.load(content, Loader=_UniqueKeyLoader)
    except FileNotFoundError:
        raise YardstickError(f"{path}: no such file; restore it with: git checkout -- {path}") from None
    except OSError as error:
        raise YardstickError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except _NOT_YAML as error:
        raise YardstickError(f"{path}: not valid YAML: {_one_line(str(error))}; mend that line") from None


def parse(model: type[Model], data: Any, *, file: str) -> Model:
    """Validate ``data`` as ``model``.

    Raises:
        YardstickError: one line for the first mistake, and how many more there are.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise YardstickError(explain(error, model, data, file=file)) from None


def explain(error: ValidationError, model: type[BaseModel], data: Any, *, file: str) -> str:
    """Return one line for a validation error: file, entry, field, what is wrong, what is expected."""
    mistakes = error.errors(include_url=False)
    first = mistakes[0]
    location = _without_union_tags(first["loc"], data)
    expected = _description(model, location)
    parts = [file, *_entry(location, data), _dotted(location), _what(first)]
    line = ": ".join(part for part in parts if part)
    if expected:
        line += f"; expected: {expected}"
    places = {tuple(_without_union_tags(mistake["loc"], data)) for mistake in mistakes}
    if len(places) > 1:
        line += f" (and {len(places) - 1} more)"
    return _one_line(line)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _what(mistake: Any) -> str:
    message = _one_line(mistake["msg"].removeprefix("Value error, "))
    if mistake["type"] == "missing":
        return "is missing; add it"
    if mistake["type"] == "extra_forbidden":
        return "is not a known field; remove it or correct its spelling"
    if mistake["type"] in {"value_error", "unknown_source"}:
        return message
    if mistake["type"] == "model_type":
        return f"{_shown(mistake['input'])} is not valid (a mapping of fields is needed)"
    return f"{_shown(mistake['input'])} is not valid ({message})"


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except RecursionError:
        return "a value that is nested too deep"
    return text if len(text) <= 60 else text[:57] + "..."


def _without_union_tags(location: Sequence[int | str], data: Any) -> list[int | str]:
    """Drop the parts of a location that name a union's branch and not a key of the data."""
    kept: list[int | str] = []
    for position, part in enumerate(location):
        is_last = position == len(location) - 1
        if isinstance(data, dict) and part not in data and not is_last:
            continue
        if not isinstance(data, dict | list):
            continue
        kept.append(part)
        data = _step(data, part)
    return kept


def _step(data: Any, part: int | str) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def _entry(location: Sequence[int | str], data: Any) -> list[str]:
    """Name the list entry that a location lies in by its id, where it has one."""
    for part in location:
        data = _step(data, part)
        if isinstance(part, int):
            name = data.get("id") if isinstance(data, dict) else None
            return [f"entry {part + 1} ({name})" if isinstance(name, str) else f"entry {part + 1}"]
    return []


def _dotted(location: Sequence[int | str]) -> str:
    """Name the field that a location leads to, below the list entry it lies in."""
    fields: list[str] = []
    for part in location:
        fields = [] if isinstance(part, int) else [*fields, part]
    return ".".join(fields)


def _description(model: Any, location: Sequence[int | str]) -> str:
    """Return the description of the field that a location leads to, or an empty text."""
    description = ""
    for part in location:
        if isinstance(part, int):
            description = ""
            continue
        candidates = [m for m in _models_in(model) if str(part) in m.model_fields]
        if not candidates:
            return ""
        field = candidates[0].model_fields[str(part)]
        description, model = field.description or "", field.annotation
    return description


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the pydantic models named anywhere in a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
