"""Numbers and flags out of a file that somebody else wrote: each is checked, and one line says what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yardstick.errors import YardstickError

# No model's configuration is larger; a larger file is not read into memory.
_MOST_BYTES = 4_000_000
_MOST = 100_000_000


class Fields:
    """The fields of one configuration.

    Attributes:
        name: the file, for messages.
    """

    def __init__(self, values: Mapping[str, Any], name: str) -> None:
        self._values = values
        self.name = name

    def whole(self, *keys: str, default: int | None = None) -> int:
        """Return the first of some fields that is set, a whole number from 1.

        Raises:
            YardstickError: none is set and there is no default, or the value is none that a model can have.
        """
        for key in keys:
            value = self._values.get(key)
            if value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST:
                raise self.error(f"{key} must be a whole number from 1 to {_MOST}")
            return value
        if default is None:
            raise self.error(f"lacks {keys[0]}")
        return default

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a field that is true or false."""
        value = self._values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.error(f"{key} must be true or false")
        return value

    def text(self, *keys: str) -> str | None:
        """Return the first of some fields that holds a text, or None."""
        return next((value for key in keys if isinstance(value := self._values.get(key), str)), None)

    def texts(self, key: str) -> list[str]:
        """Return a list of texts, empty where there is none."""
        value = self._values.get(key)
        return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []

    def error(self, problem: str) -> YardstickError:
        """Return the error that names the file and a remedy."""
        return YardstickError(f"{self.name}: {problem}; take the model's own file, its size cannot be told without it")


def read_config(path: Path) -> dict[str, Any]:
    """Return the content of a model's `config.json`.

    Raises:
        YardstickError: it is missing, too large, or no JSON object.
    """
    remedy = "take the model's own config.json"
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise YardstickError(f"{path}: larger than any model's configuration; {remedy}")
        values = json.loads(content)
    except OSError as error:
        raise YardstickError(f"{path}: cannot be read ({error.strerror}); {remedy}") from None
    except (ValueError, RecursionError):
        raise YardstickError(f"{path}: not valid JSON; {remedy}") from None
    if not isinstance(values, dict):
        raise YardstickError(f"{path}: not a JSON object; {remedy}")
    return values
