"""What a request takes by first principles: each part of its time and memory, from a model's shape and a machine's profile.

The parts are times of this machine and bytes. What a part really costs, in this engine, is a factor that is fitted
(`yardstick.hardware.fit`); with factors of one they are a roofline.
"""

from __future__ import annotations

from dataclasses import dataclass

from yardstick.hardware.facts import Matrix, ModelFacts
from yardstick.hardware.formats import DTYPE_BYTES
from yardstick.hardware.profile import MachineProfile

Terms = dict[str, float]

# Operations that Transformers starts for one token, in a layer and outside of layers; a test counts them.
OPERATIONS = {
    "gpt2": (39, 14), "llama": (55, 26), "mistral": (57, 26), "qwen2": (55, 26), "qwen3": (71, 26), "phi": (53, 20),
    "phi3": (64, 26), "gemma": (59, 30), "gemma2": (95, 84), "gpt_neox": (42, 20), "opt": (28, 16),
}  # fmt: skip
_USUAL_OPERATIONS = (55, 26)
# About so many operations of a layer go over all its activations.
_PASSES = 16
MB = 1e6
# Python, PyTorch and Transformers before any model.
LIBRARY_BYTES = 500e6
# Objects of Python and PyTorch for one layer.
LAYER_BYTES = 20_000.0
# Linux maps so many bytes of a file around one that is read.
PAGES_BYTES = 65_536
# Texts repeat their tokens.
_MOST_ROWS = 32


@dataclass(frozen=True)
class Running:
    """A model as it runs.

    Attributes:
        facts: its shape.
        dtype: number format of the weights in memory; of quantised weights that of the rest.
        device: cpu or cuda.
        threads: threads of the processor.
        is_converted: whether the weights are stored in another number format, so that loading makes a copy.
    """

    facts: ModelFacts
    dtype: str
    device: str
    threads: int
    is_converted: bool = False


def token_terms(running: Running, profile: MachineProfile, *, prompt: int, new_tokens: int) -> Terms:
    """Return the seconds per new token of a whole request, its prompt shared out over the new tokens.

    Raises:
        YardstickError: the profile says nothing of the device.
    """
    facts = running.facts
    decoded = (new_tokens - 1) / new_tokens
    prompted = sum(prompt_terms(running, profile, prompt=prompt).values()) / new_tokens
    dispatch = profile.dispatch_s(running.device, running.threads)
    cache = facts.kv_bytes(prompt + new_tokens // 2, running.dtype)
    return {
        "matrices": decoded * _matrices_s(running, profile, 1),
        "operations": decoded * _operations(facts) * dispatch,
        "step": 100 * dispatch,
        "cache": decoded * cache / profile.bandwidth(running.device, running.threads),
        "prompt": prompted,
    }


def prompt_terms(running: Running, profile: MachineProfile, *, prompt: int) -> Terms:
    """Return the seconds to the first new token after a prompt of so many tokens.

    Raises:
        YardstickError: the profile says nothing of the device.
    """
    facts, size = running.facts, DTYPE_BYTES[running.dtype]
    dispatch = profile.dispatch_s(running.device, running.threads)
    bandwidth = profile.bandwidth(running.device, running.threads)
    touched = _PASSES * prompt * (2 * facts.hidden + facts.intermediate) * size
    scores = 2 * facts.heads * prompt * prompt * size
    return {
        "matrices": _matrices_s(running, profile, prompt),
        "operations": _operations(facts) * dispatch,
        "step": 100 * dispatch,
        "activations": facts.layers * touched / bandwidth,
        "attention": facts.layers * scores / bandwidth,
    }


def load_terms(running: Running) -> Terms:
    """Return the bytes by which a process has grown when the model is loaded."""
    facts = running.facts
    return {
        # Weights in their own number format are mapped, and take memory when they are first used.
        "weights": float(facts.weight_bytes(running.dtype)) if running.is_converted else 0.0,
        "fixed": MB,
        "layers": facts.layers * LAYER_BYTES,
    }


def load_peak_terms(running: Running) -> Terms:
    """Return the bytes by which a process has grown at most while the model is loaded."""
    facts = running.facts
    stored = facts.parameters * DTYPE_BYTES.get(facts.dtype or "", 4)
    return {**load_terms(running), "stored": float(stored) if running.is_converted else 0.0}


def peak_terms(running: Running, *, prompt: int, new_tokens: int) -> Terms:
    """Return the bytes by which a process has grown at most while a request of this length is answered."""
    facts, size = running.facts, DTYPE_BYTES[running.dtype]
    tokens = prompt + new_tokens
    looked_up = 0 if facts.stored else facts.looked_up * size
    is_mapped = not running.is_converted and running.device == "cpu"
    return {
        # Of a mapped table only the pages around the rows that are read take memory.
        "weights": float(facts.weight_bytes(running.dtype) - (looked_up if is_mapped else 0)),
        "rows": float(min(looked_up, min(tokens, _MOST_ROWS) * PAGES_BYTES) if is_mapped else 0),
        "cache": float(facts.kv_bytes(tokens, running.dtype)),
        "activations": float(prompt * (4 * facts.hidden + 2 * facts.intermediate) * size),
        "logits": float(facts.vocab * 4),
        "fixed": MB,
        "layers": facts.layers * LAYER_BYTES,
    }


def _operations(facts: ModelFacts) -> float:
    of_layer, others = OPERATIONS.get(facts.family, _USUAL_OPERATIONS)
    return facts.layers * of_layer + others


def _matrices_s(running: Running, profile: MachineProfile, tokens: int) -> float:
    """Return the seconds of all multiplications with weights: the layers for all tokens, the head for the last."""
    facts = running.facts
    # Quantised weights are read as they are stored.
    size = float(DTYPE_BYTES[running.dtype])
    if facts.stored:
        size = facts.stored.per_token_bytes / max(1, facts.parameters - facts.looked_up)
    all_bytes = round((facts.parameters - facts.looked_up) * size)

    def seconds(matrix: Matrix, count: int) -> float:
        return profile.multiply_s(
            device=running.device,
            threads=running.threads,
            dtype=running.dtype,
            layout=matrix.layout,
            tokens=count,
            matrix_bytes=max(1, round(matrix.parameters * size)),
            all_bytes=max(1, all_bytes),
        )

    of_layer = sum(seconds(matrix, tokens) for matrix in facts.matrices)
    return facts.layers * of_layer + seconds(facts.head, 1)
