"""Convert a small Llama model, such as those that are shipped, to a GGUF file for llama.cpp."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from yardstick.errors import YardstickError

_FORMATS = ("f32", "f16", "q8_0", "q4_0")


def main() -> int:
    """Return 0 when the file is written, 1 after one line that says what is wrong."""
    arguments = _arguments()
    try:
        _convert(arguments)
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="folder with config.json, tokenizer.json and model.safetensors")
    parser.add_argument("--output", type=Path, required=True, help="GGUF file to write")
    parser.add_argument(
        "--format", choices=_FORMATS, default="f32", help="numbers of the matrices (default: %(default)s)"
    )
    return parser.parse_args()


def _convert(arguments: argparse.Namespace) -> None:
    try:
        from yardstick.gguf_conversion import convert
    except ModuleNotFoundError as error:
        if error.name != "gguf":
            raise
        raise YardstickError(
            "the package gguf is not installed; run: pip install -r envs/requirements-llama-cpp.txt"
        ) from None
    convert(arguments.model, arguments.output, arguments.format)


if __name__ == "__main__":
    sys.exit(main())
