"""The short list at the end of a run that failed: what, why in one line, and where its log is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from yardstick.paths import FETCHED, LOGS
from yardstick.shard_paths import ShardPath

Explain = Callable[[ShardPath], tuple[str, str] | None]


def failure_lines(unfinished: Sequence[ShardPath], explain: Explain = lambda path: None) -> list[str]:
    """Return the lines of the list; a download that failed stands once for all that waited for it.

    Args:
        unfinished: the wanted shards that are missing.
        explain: returns why a scheduler did not bring a shard, and the log that tells more, or None.
    """
    if not unfinished:
        return ["Every wanted result is there, but the leaderboard could not be built; the lines above say why."]
    lines: dict[str, None] = {}
    for path in unfinished:
        if found := explain(path):
            lines[f"  {path.metric} {path.model}: {found[0]}{f' (log: {found[1]})' if found[1] else ''}"] = None
            continue
        log = log_path(path)
        reason = _reason(log)
        if reason is None and (fetch := _failed_fetch(path.model)):
            reason, log = fetch
            lines[f"  fetch {path.model}: {reason} (log: {log})"] = None
        elif reason is not None:
            lines[f"  {path.metric} {path.model}: {reason} (log: {log})"] = None
    head = f"{len(unfinished)} wanted results are missing:"
    tail = "Everything else is finished and on the leaderboard; the same command tries only the missing ones again."
    return [head, *lines, tail]


def log_path(path: ShardPath) -> Path:
    """Return the log file of the job that makes a shard, as the rules name it."""
    return LOGS / path.metric / path.model / path.machine / f"{path.definition}-{path.environment}.log"


def _failed_fetch(model: str) -> tuple[str, Path] | None:
    # A revision is hexadecimal, so that gpt2 does not answer for gpt2-medium; a fetched model has its record.
    for log in sorted((LOGS / "fetch").glob(f"{model}-{'[0-9a-f]' * 12}.log")):
        if not (FETCHED / f"{log.stem}.json").exists() and (reason := _reason(log)):
            return reason, log
    return None


def _reason(log: Path) -> str | None:
    """Return why a job failed, from the end of its log, or None when it never began."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return errors[-1] if errors else "ended without a word, as when the system runs out of memory"
