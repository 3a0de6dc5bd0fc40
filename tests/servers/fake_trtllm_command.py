#!/usr/bin/env python3
"""A stand-in for the program `trtllm-serve`. What rules it is told in fake_command.py."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.fake_command import run


def arguments() -> argparse.Namespace:
    """Return the arguments; `serve` is the default command of the real program and may be left out."""
    parser = argparse.ArgumentParser(prog="trtllm-serve", allow_abbrev=False)
    parser.add_argument("model")
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--config", "--extra_llm_api_options", type=Path)
    for name in ("port", "max_seq_len", "max_batch_size", "max_num_tokens", "tp_size", "pp_size", "ep_size"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("backend", "tokenizer", "kv_cache_free_gpu_memory_fraction", "revision"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--trust_remote_code", action="store_true")
    words = sys.argv[1:]
    return parser.parse_args(words[1:] if words[:1] == ["serve"] else words)


def configuration(file: Path | None) -> dict[str, Any]:
    """Return the file with the settings, which is JSON here, and so YAML too."""
    found: dict[str, Any] = json.loads(file.read_text()) if file else {}
    return found


def main() -> int:
    asked = arguments()
    found = configuration(asked.config)
    settings = {
        "context_length": asked.max_seq_len or 512,
        "reuses_prompts": found.get("kv_cache_config", {}).get("enable_block_reuse", True),
        "has_statistics": found.get("enable_iter_perf_stats", False),
        "has_prometheus": found.get("return_perf_metrics", False),
    }
    folder = Path(asked.model)
    name = folder.name if folder.is_dir() else asked.model
    return run("trtllm", name, asked.port or 8000, log="INFO:     Application startup complete.", settings=settings)


if __name__ == "__main__":
    sys.exit(main())
