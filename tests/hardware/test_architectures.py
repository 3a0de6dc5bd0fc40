"""Keeping the fields that a model's facts need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import transformers
from test_families import CASES
from yardstick.errors import YardstickError
from yardstick.hardware.architectures import keep_architecture
from yardstick.hardware.families import model_facts


@pytest.mark.parametrize(("family", "options"), CASES)
def test_what_is_kept_has_the_same_facts_as_all_of_it(tmp_path: Path, family: str, options: dict[str, Any]) -> None:
    file = tmp_path / "architectures.json"
    file.write_text('{"older": {}}')
    whole = transformers.AutoConfig.for_model(family, **options).to_dict()

    keep_architecture(file, "some", whole)

    kept = json.loads(file.read_text())
    assert list(kept) == ["older", "some"]
    assert model_facts(kept["some"], "kept") == model_facts(whole, "whole")


def test_an_unknown_family_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "architectures.json"

    with pytest.raises(YardstickError, match="model_type is 'mamba', and only these are known"):
        keep_architecture(file, "some", {"model_type": "mamba"})

    assert not file.exists()
