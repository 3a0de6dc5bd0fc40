"""Fetch one registered model, from the hub into the cache or into an Ollama server, and record what arrived."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from yardstick.config import load_config
from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.hub.progress import Console
from yardstick.paths import CONFIG
from yardstick.registry import HubSource, ModelEntry, OllamaSource, load_registry


def main() -> int:
    """Return 0 when the record is written, 1 after one line that says what is wrong, 130 after Ctrl-C."""
    arguments = _arguments()
    with contextlib.ExitStack() as stack:
        console = Console(sys.stderr)
        try:
            if arguments.log:
                console = Console(sys.stderr, stack.enter_context(_opened(arguments.log)))
            _fetch(arguments, console)
        except YardstickError as error:
            console.say(f"error: {error}")
            return 1
        except KeyboardInterrupt:
            console.say("error: interrupted; the same command goes on where this one stopped")
            return 130
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="id of the model in the registry")
    parser.add_argument("--registry", type=Path, default=Path("config/models.yaml"), help="default: %(default)s")
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON; default: %(default)s")
    parser.add_argument("--output", type=Path, required=True, help="JSON record of the snapshot to write")
    parser.add_argument("--log", type=Path, help="file that gets the lines of the standard error, too")
    return parser.parse_args()


def _opened(log: Path) -> TextIO:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return log.open("a", encoding="utf-8")
    except OSError as error:
        where = error.filename or log
        raise YardstickError(f"{where}: the log cannot be written ({error.strerror}); give another --log") from None


def _fetch(arguments: argparse.Namespace, console: Console) -> None:
    entry = _entry(arguments.registry, arguments.model)
    if isinstance(entry.source, HubSource):
        record = _fetch_from_hub(entry, entry.source, console)
    elif isinstance(entry.source, OllamaSource):
        from yardstick.ollama_pull import pull

        settings = load_config(arguments.config).engines.ollama
        if not settings.pull:
            raise YardstickError(
                f"{arguments.config}: engines.ollama.pull is false; set it to true to fetch {entry.id}"
            )
        record = pull(entry, entry.source, settings.url, console)
    else:
        kind = next(iter(entry.source.model_dump()))
        raise YardstickError(f"{entry.id}: its source is {kind}, so there is nothing to fetch; measure it")
    write_atomically(arguments.output, (json.dumps(record, indent=2) + "\n").encode())


def _fetch_from_hub(entry: ModelEntry, source: HubSource, console: Console) -> dict[str, Any]:
    # Imported late: reading the registry and refusing a wrong id takes no half second.
    from yardstick.hub.download import fetch

    fetched = fetch(
        source.hub,
        source.revision,
        file=source.file,
        allow_pickle=entry.allow_pickle,
        allow_remote_code=entry.allow_remote_code,
        on_progress=console,
    )
    return {
        "model": entry.id,
        "repo": source.hub,
        "revision": source.revision,
        "path": str(fetched.path.absolute()),
        "files": [asdict(file) for file in fetched.files],
    }


def _entry(registry: Path, model: str) -> ModelEntry:
    entries = load_registry(registry)
    if model not in entries:
        raise YardstickError(f"{registry}: no model {model!r}; choose from: {', '.join(entries)}")
    return entries[model]


if __name__ == "__main__":
    sys.exit(main())
