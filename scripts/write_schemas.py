"""Write the JSON Schemas in workflow/schemas/ from the pydantic models, their one source."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from yardstick.config import Config
from yardstick.files import write_atomically
from yardstick.leaderboard.document import Leaderboard
from yardstick.registry import RegistryFile
from yardstick.suites.load import SuiteFile

MODELS: dict[str, type[BaseModel]] = {
    "config.schema.json": Config,
    "leaderboard.schema.json": Leaderboard,
    "models.schema.json": RegistryFile,
    "suite.schema.json": SuiteFile,
}


def main() -> int:
    """Return 0, or 1 after a line for each schema that ``--check`` finds different."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("workflow/schemas"), help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file differs")
    arguments = parser.parse_args()
    differing = [name for name in MODELS if _content(arguments.folder / name) != schema_bytes(name)]
    for name in differing:
        if arguments.check:
            print(
                f"{arguments.folder / name}: differs from its model; run: python scripts/write_schemas.py",
                file=sys.stderr,
            )
        else:
            write_atomically(arguments.folder / name, schema_bytes(name))
    return 1 if arguments.check and differing else 0


def schema_bytes(name: str) -> bytes:
    """Return the content of one schema file."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= MODELS[name].model_json_schema(mode="serialization" if MODELS[name] is Leaderboard else "validation")
    return (json.dumps(schema, indent=2, ensure_ascii=False) + "\n").encode()


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
