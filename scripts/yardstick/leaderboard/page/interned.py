"""Values that many rows share, stored once."""

from __future__ import annotations

import json
from typing import Any


class Interned:
    """A list of distinct JSON values; rows hold places in it, which keeps the page small."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[str, int] = {}

    def place(self, value: Any) -> int:
        """Return the place of a value, which is added if it is new."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]
