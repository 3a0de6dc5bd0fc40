"""Where facts come from, and that those of the shipped registry are the models'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gguf_bytes import llama
from yardstick.errors import YardstickError
from yardstick.hardware.locate import facts_of
from yardstick.paths import REGISTRY
from yardstick.registry import ModelEntry, load_registry, parse_registry

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = load_registry(ROOT / REGISTRY)
CONFIG = {"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "n_head": 2, "n_positions": 16, "vocab_size": 10}
PARAMETERS = 10 * 8 + 16 * 8 + 2 * (12 * 64 + 13 * 8) + 16


def entry(**changes: Any) -> ModelEntry:
    fields = {
        "id": "some", "tier": "ci_safe", "backend": "transformers", "dtype": "float32", "context_length": 16,
        "source": {"hub": "owner/some", "revision": "0" * 40}, "chat_template": False, "parameters": PARAMETERS,
        "license": "mit", "description": "A model.", "memory_mb": 1, **changes,
    }  # fmt: skip
    return parse_registry({"models": [fields]}, file="models.yaml")["some"]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def keep(root: Path, content: Any) -> None:
    (root / "config").mkdir(exist_ok=True)
    (root / "config/architectures.json").write_text(json.dumps(content))


@pytest.mark.parametrize("name", SHIPPED)
def test_counts_the_parameters_of_every_registered_model(name: str) -> None:
    # Llama 3's GGUF files store 64 factors of its positions, which Transformers computes.
    assert facts_of(SHIPPED[name], ROOT).parameters == pytest.approx(SHIPPED[name].parameters, abs=64)


def test_reads_a_local_folder_and_a_gguf_file(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model.gguf").write_bytes(llama())

    assert facts_of(entry(source={"path": "model"}), tmp_path).parameters == PARAMETERS
    assert facts_of(entry(source={"path": "model.gguf"}, backend="llama_cpp"), tmp_path).family == "llama"


@pytest.mark.parametrize("file", [None, "model.gguf"])
def test_reads_the_hubs_cache_without_weights(tmp_path: Path, file: str | None) -> None:
    snapshot = tmp_path / "hub/models--owner--some/snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(CONFIG))
    (snapshot / "model.gguf").write_bytes(llama())
    source = {"hub": "owner/some", "revision": "0" * 40, **({"file": file} if file else {})}

    facts = facts_of(entry(source=source, backend="llama_cpp" if file else "transformers"), tmp_path)

    assert facts.family == ("llama" if file else "gpt2")


def test_takes_the_fields_that_the_repository_keeps(tmp_path: Path) -> None:
    keep(tmp_path, {"some": CONFIG})

    assert facts_of(entry(), tmp_path).parameters == PARAMETERS
    quantised = facts_of(entry(quantization="q8_0"), tmp_path)
    assert quantised.weight_bytes("float32") == round(PARAMETERS * 8.5 / 8)


@pytest.mark.parametrize(
    ("kept", "changes", "told"),
    [
        ({}, {}, "some: nothing here tells its shape; add"),
        ({"some": CONFIG}, {"parameters": 9 * PARAMETERS}, "this shape has 2048"),
        ({"some": 3}, {}, "'some' is no JSON object"),
        ([], {}, "not a JSON object"),
        ({"some": {**CONFIG, "n_layer": 0}}, {}, "config/architectures.json: some: n_layer must be"),
        ({"some": CONFIG}, {"quantization": "awq-4bit"}, "'awq-4bit' is not known"),
    ],
)
def test_says_in_one_line_what_is_missing(tmp_path: Path, kept: Any, changes: dict[str, Any], told: str) -> None:
    keep(tmp_path, kept)

    with pytest.raises(YardstickError) as caught:
        facts_of(entry(**changes), tmp_path)

    assert told.replace("2048", str(PARAMETERS)) in str(caught.value)
    assert "\n" not in str(caught.value)
