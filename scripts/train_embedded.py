"""Train the embedded models from generated text and write them, with their model cards."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# Set before the libraries start their threads: one thread is fastest for models this small, and deterministic.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from yardstick.embedded.recipes import RECIPES
from yardstick.embedded.suite_guard import SuiteGuard
from yardstick.errors import YardstickError


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=Path("workflow/resources/embedded"), help="folder that gets one folder per model"
    )
    parser.add_argument("--only", choices=sorted(RECIPES), help="train this model alone")
    parser.add_argument(
        "--suite",
        type=Path,
        default=Path("config/suites/reasoning.yaml"),
        help="suite whose questions must not be in the training text",
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Train the models that the command line asks for."""
    arguments = _arguments(argv)
    try:
        guard = SuiteGuard.from_file(arguments.suite)
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    from yardstick.embedded.build import build  # loads PyTorch, which takes seconds that --help need not wait for

    for name, recipe in RECIPES.items():
        if arguments.only in (None, name):
            build(recipe, arguments.output / name, guard, report=lambda line: print(line, flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
