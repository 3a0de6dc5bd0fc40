"""Models for benchmarks: the embedded ones, and random weights of distilgpt2's shape, since microsecond tokens distort."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "scripts"), str(REPOSITORY / "tests")]

EMBEDDED = REPOSITORY / "workflow/resources/embedded"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def write_random_distilgpt2(folder: Path) -> Path:
    """Write random weights of distilgpt2's shape (82 M parameters) with an embedded model's tokenizer."""
    import torch
    import transformers

    torch.manual_seed(0)
    transformers.utils.logging.disable_progress_bar()
    config = transformers.GPT2Config(n_layer=6, bos_token_id=0, eos_token_id=0, pad_token_id=0)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copy(EMBEDDED / "yardstick-base" / name, folder / name)
    return folder


def registry_entry(name: str, folder: str, *, parameters: int = 81_912_576) -> dict[str, Any]:
    """Return the registry's entry for a local model."""
    return {
        "id": name,
        "tier": "ci_safe",
        "backend": "transformers",
        "source": {"path": folder},
        "dtype": "float32",
        "context_length": 512,
        "chat_template": False,
        "parameters": parameters,
        "license": "mit",
        "description": "Random weights for benchmarks.",
        "memory_mb": 1500,
    }


def machine_line() -> str:
    """Return the machine and the date, for the head of a benchmark's output."""
    from datetime import UTC, datetime

    from yardstick.machine import machine_label

    return f"{machine_label('auto')}, {datetime.now(UTC):%Y-%m-%d}"
