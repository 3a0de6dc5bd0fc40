"""Look a model up on the hub and add it, pinned to its present commit, to the registry."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from yardstick.errors import YardstickError
from yardstick.paths import ARCHITECTURES


def main() -> int:
    """Return 0 when the entry is added (or would be), 1 after one line that says what is wrong."""
    arguments = _arguments()
    try:
        _add(arguments)
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repo", help="hub repository as owner/name")
    parser.add_argument("--tier", required=True, help="ci_safe, ci_borderline or local_only")
    parser.add_argument("--id", help="id of the entry; default: the repository's name")
    parser.add_argument("--revision", help="branch, tag or commit; default: the main branch")
    parser.add_argument("--dtype", help="float32, bfloat16 or float16; default: what config.json states")
    parser.add_argument("--device", help="cpu, cuda or mps; default: cpu")
    parser.add_argument("--description", help="one or two sentences for readers")
    parser.add_argument("--license", help="licence identifier, where the model card states none")
    parser.add_argument("--context-length", type=int, help="tokens, where config.json states none")
    parser.add_argument("--parameters", type=int, help="number of parameters, where the hub knows none")
    parser.add_argument("--allow-pickle", action="store_true", help="accept weights that are not safetensors")
    parser.add_argument("--allow-remote-code", action="store_true", help="accept the repository's own Python code")
    parser.add_argument("--registry", type=Path, default=Path("config/models.yaml"), help="default: %(default)s")
    parser.add_argument("--dry-run", action="store_true", help="show the entry and write nothing")
    return parser.parse_args()


def _add(arguments: argparse.Namespace) -> None:
    # Imported late: --help takes no half second.
    from yardstick.hub.describe import Wishes, describe
    from yardstick.hub.progress import Console
    from yardstick.hub.registry_text import add_entry, entry_text

    stated = vars(arguments)
    wishes = Wishes(**{field: stated[field] for field in Wishes.__dataclass_fields__})
    entry = describe(arguments.repo, wishes, Console(sys.stderr))
    print(entry_text(entry), end="")
    add_entry(arguments.registry, entry, dry_run=arguments.dry_run)
    if not arguments.dry_run:
        _keep_architecture(arguments, entry)
    done = "is valid; nothing is written" if arguments.dry_run else f"is added to {arguments.registry}"
    print(f"{entry['id']} {done}", file=sys.stderr)


def _keep_architecture(arguments: argparse.Namespace, entry: dict[str, Any]) -> None:
    """Keep the model's shape beside the registry, for predictions; without it the entry is as good."""
    from yardstick.hardware.architectures import keep_architecture
    from yardstick.hub.describe import read_config

    file = arguments.registry.with_name(ARCHITECTURES.name)
    try:
        keep_architecture(file, entry["id"], read_config(arguments.repo, entry["source"]["revision"]))
    except YardstickError as error:
        print(f"note: no predictions for {entry['id']}: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
