"""Where the facts of a registered model come from: its own files, or the fields of them that the repository keeps."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.hardware.facts import ModelFacts, StoredWeights
from yardstick.hardware.families import model_facts
from yardstick.hardware.fields import read_config
from yardstick.hardware.gguf_header import gguf_facts
from yardstick.hub.cache import repository_folder
from yardstick.identity import model_path
from yardstick.paths import ARCHITECTURES
from yardstick.registry import EmbeddedSource, HubSource, LocalSource, ModelEntry

# Bits of a weight, block scales among them, where only the kind of quantisation is known.
_NOMINAL_BITS = {
    "q2_k": 3.2, "q3_k_m": 3.9, "q4_0": 4.55, "q4_k_s": 4.6, "q4_k_m": 4.85, "q5_0": 5.55, "q5_k_m": 5.7,
    "q6_k": 6.6, "q8_0": 8.5,
}  # fmt: skip
# A registry may count buffers or tied weights twice; more than this means another model.
_MOST_DIFFERENCE = 0.05


def facts_of(entry: ModelEntry, root: Path) -> ModelFacts:
    """Return the facts of a registered model; no weight is read and nothing is fetched.

    Args:
        entry: the model.
        root: the repository's root.

    Raises:
        YardstickError: nothing here tells its shape, or what does is broken or another model's.
    """
    source = entry.source
    if isinstance(source, LocalSource | EmbeddedSource):
        return _of_files(model_path(source, root))
    kept = _architectures(root / ARCHITECTURES)
    if entry.id in kept:
        return _quantised(_checked(model_facts(kept[entry.id], f"{ARCHITECTURES}: {entry.id}"), entry), entry)
    if isinstance(source, HubSource):
        snapshot = repository_folder(source.hub) / "snapshots" / source.revision
        file = snapshot / (source.file or "config.json")
        if file.exists():
            return _of_files(file if source.file else snapshot)
    raise YardstickError(
        f"{entry.id}: nothing here tells its shape; add the fields of its config.json to {ARCHITECTURES} (docs/hardware.md)"
    )


def _of_files(path: Path) -> ModelFacts:
    """Return the facts of a GGUF file, or of a folder with a `config.json`."""
    if path.suffix == ".gguf":
        return gguf_facts(path)
    return model_facts(read_config(path / "config.json"), str(path / "config.json"))


@cache
def _architectures(file: Path) -> dict[str, dict[str, object]]:
    """Return model id -> fields of its `config.json`, as the repository keeps them."""
    if not file.exists():
        return {}
    kept = read_config(file)
    if bad := next((name for name, fields in kept.items() if not isinstance(fields, dict)), None):
        raise YardstickError(f"{file}: {bad[:60]!r} is no JSON object; give the fields of the model's config.json")
    return kept


def _checked(facts: ModelFacts, entry: ModelEntry) -> ModelFacts:
    if abs(facts.parameters / entry.parameters - 1) > _MOST_DIFFERENCE:
        raise YardstickError(
            f"{ARCHITECTURES}: {entry.id}: this shape has {facts.parameters} parameters, the registry says "
            f"{entry.parameters}; correct the one or the other"
        )
    return facts


def _quantised(facts: ModelFacts, entry: ModelEntry) -> ModelFacts:
    """Return facts with the bytes of quantised weights, by the nominal size of the kind."""
    if entry.quantization is None:
        return facts
    bits = _NOMINAL_BITS.get(entry.quantization.lower())
    if bits is None:
        raise YardstickError(
            f"{entry.id}: the size of quantisation {entry.quantization!r} is not known; fetch the model, "
            f"or choose from: {', '.join(_NOMINAL_BITS)}"
        )
    sizes = [round(count * bits / 8) for count in (facts.parameters, facts.parameters - facts.looked_up)]
    return replace(facts, stored=StoredWeights(*sizes))
