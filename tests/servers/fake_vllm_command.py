#!/usr/bin/env python3
"""A stand-in for the program `vllm`: `vllm serve MODEL --host ... --port ...`. What rules it is told in fake_command.py."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.fake_command import run

# As vLLM 0.32.0 prints them.
_LOG = """INFO 01-01 00:00:00 [model_runner.py:4000] Model loading took 1.25 GiB memory and 1.0 seconds
INFO 01-01 00:00:01 [kv_cache_utils.py:1300] Available KV cache memory: 2.50 GiB
INFO:     Application startup complete."""


def arguments() -> argparse.Namespace:
    """Return the arguments; one that `vllm serve` does not have ends the program, as there."""
    parser = argparse.ArgumentParser(prog="vllm", allow_abbrev=False)
    serve = parser.add_subparsers(dest="command", required=True).add_parser("serve", allow_abbrev=False)
    serve.add_argument("model")
    serve.add_argument("--served-model-name", nargs="+")
    serve.add_argument("--host")
    for name in ("port", "max-model-len", "max-num-seqs", "seed", "tensor-parallel-size"):
        serve.add_argument(f"--{name}", type=int)
    for name in ("dtype", "load-format", "revision", "gpu-memory-utilization", "kv-cache-memory-bytes"):
        serve.add_argument(f"--{name}")
    for name in ("distributed-executor-backend", "tokenizer", "quantization", "max-num-batched-tokens"):
        serve.add_argument(f"--{name}")
    for name in ("enforce-eager", "trust-remote-code", "enable-prefix-caching", "enable-chunked-prefill"):
        serve.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=None)
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    name = (asked.served_model_name or [asked.model])[0]
    settings = {
        "reuses_prompts": asked.enable_prefix_caching is not False,
        "context_length": asked.max_model_len or 512,
    }
    return run("vllm", name, asked.port or 8000, log=_LOG, settings=settings)


if __name__ == "__main__":
    sys.exit(main())
