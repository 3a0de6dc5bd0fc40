"""Append an entry to the text of the registry, keeping every byte and comment that is there."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml

from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.registry import parse_registry
from yardstick.validation import read_yaml


def entry_text(entry: dict[str, Any]) -> str:
    """Return a registry entry as a YAML list item."""
    return yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=110)


def add_entry(registry: Path, entry: dict[str, Any], *, dry_run: bool = False) -> None:
    """Append an entry to the registry file, after validating the file as it will be.

    Args:
        registry: the YAML file, which must be valid.
        entry: the fields in the order in which they are written.
        dry_run: validate only.

    Raises:
        YardstickError: the file or the entry is not valid; the file stays as it was.
    """
    parse_registry(read_yaml(registry), file=str(registry))
    before = registry.read_bytes()
    after = before + _addition(before, entry, registry)
    _validate(before, after, entry, registry)
    if not dry_run:
        write_atomically(registry.resolve(), after)


def _addition(before: bytes, entry: dict[str, Any], registry: Path) -> bytes:
    """Return the entry's lines with the indentation and line ends of the file."""
    newline = "\r\n" if b"\r\n" in before else "\n"
    indent = " " * _column_of_items(before, registry)
    lines = [f"{indent}{line}" for line in entry_text(entry).splitlines()]
    gap = "" if before.endswith(b"\n") else newline
    return (gap + newline + newline.join(lines) + newline).encode()


def _column_of_items(content: bytes, registry: Path) -> int:
    """Return the column of the dashes of the list of models."""
    root = yaml.compose(content, Loader=yaml.SafeLoader)
    # The file is a valid registry, so its root is a mapping with the key "models".
    items = next(value for key, value in root.value if key.value == "models")  # type: ignore[union-attr]
    if items.flow_style:
        raise YardstickError(f"{registry}: models is written as [...]; write it as one '- id: ...' item a line first")
    return int(items.start_mark.column)


def _validate(before: bytes, after: bytes, entry: dict[str, Any], registry: Path) -> None:
    """Refuse a file that the schema refuses, and one in which anything but the new entry changed."""
    old, new = _parsed(before), _parsed(after)
    parse_registry(new, file=str(registry))
    if new != {"models": [*old["models"], entry]}:
        raise YardstickError(f"{registry}: the entry cannot be appended to this layout; paste it in by hand")


def _parsed(content: bytes) -> Any:
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(content)
        file.flush()
        return read_yaml(Path(file.name))
