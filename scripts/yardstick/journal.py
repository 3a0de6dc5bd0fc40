"""The journal of a long suite: answers kept task by task, so that a killed job goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yardstick.errors import YardstickError
from yardstick.paths import JOURNAL
from yardstick.shard_paths import ShardPath


class AnswerJournal:
    """One line of JSON per task below `resources/`. Its name holds the answers' identity, so it can never be stale."""

    def __init__(self, path: ShardPath, root: Path = Path()) -> None:
        self.file = (
            root / JOURNAL / f"{path.metric}-{path.model}-{path.machine}-{path.definition}-{path.environment}.jsonl"
        )

    def known(self) -> Mapping[str, list[dict[str, Any]]]:
        """Return task -> rows. What a killed process left half written is not read; the task is answered again."""
        try:
            lines = self.file.read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
        found: dict[str, list[dict[str, Any]]] = {}
        # A line that was cut is no JSON.
        for line in lines:
            try:
                rows = json.loads(line)
                found[rows[0]["task"]] = rows
            except (ValueError, LookupError, TypeError):
                continue
        return found

    def note(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append the rows of some tasks, and have the system store them before going on.

        Raises:
            YardstickError: the disk is full or not writable.
        """
        tasks: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            tasks.setdefault(row["task"], []).append(row)
        # A line's end comes first: what a killed process began stays a line of its own.
        content = "".join("\n" + json.dumps(task) + "\n" for task in tasks.values())
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("ab") as file:
                file.write(content.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise YardstickError(
                f"{self.file}: cannot be written ({error.strerror}); free the disk and run again"
            ) from None

    def forget(self) -> None:
        """Delete the journal: its answers are in a shard now."""
        self.file.unlink(missing_ok=True)
