"""Which files of a repository are fetched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yardstick.errors import YardstickError
from yardstick.hub import needed_files
from yardstick.hub.selection import is_loadable

INDEX = "model.safetensors.index.json"
JUNK = [
    "README.md",
    ".gitattributes",
    "LICENSE",
    "model.fp16.safetensors",
    "consolidated.safetensors",
    "onnx/model.onnx",
    "onnx/config.json",
    "coreml/model.mlpackage",
    "tf_model.h5",
    "flax_model.msgpack",
    "model-q4.gguf",
    "rust_model.ot",
    "training_args.bin",
    "optimizer.pt",
    "original/tokenizer.model",
    "notes.jinja.txt",
]
TEXT = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "chat_template.jinja",
    "additional_chat_templates/tools.jinja",
    "qwen.tiktoken",
]
PICKLED = ["pytorch_model.bin"]
CODE = ["modeling_tiny.py", "src/layers.py"]


def needed(names: list[str], *, allow_pickle: bool = False, allow_remote_code: bool = False) -> set[str]:
    return set(needed_files(names, allow_pickle=allow_pickle, allow_remote_code=allow_remote_code))


def refusal(names: list[str], *, allow_pickle: bool = False) -> str:
    with pytest.raises(YardstickError) as error:
        needed(names, allow_pickle=allow_pickle)
    return str(error.value)


def chosen_or_refusal(names: set[str], *, allow_pickle: bool, allow_remote_code: bool) -> list[str] | str:
    try:
        return needed_files(names, allow_pickle=allow_pickle, allow_remote_code=allow_remote_code)
    except YardstickError as error:
        return str(error)


def shards(total: int, *, width: int = 5, stem: str = "model") -> list[str]:
    return [f"{stem}-{n:0{width}}-of-{total:0{width}}.safetensors" for n in range(1, total + 1)]


def test_text_and_weights_are_needed_and_nothing_else() -> None:
    names = [*TEXT, *JUNK, *PICKLED, *CODE, "model.safetensors"]
    assert needed(names) == {*TEXT, "model.safetensors"}


def test_safetensors_are_preferred_to_pickled_weights_even_where_these_are_allowed() -> None:
    assert needed(["config.json", "model.safetensors", *PICKLED], allow_pickle=True) == {
        "config.json",
        "model.safetensors",
    }


def test_pickled_shards_and_their_index_are_taken_when_allowed() -> None:
    names = ["config.json", "pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"]
    assert needed(names, allow_pickle=True) == set(names)


def test_code_is_taken_when_allowed_and_never_from_outside() -> None:
    names = ["config.json", "model.safetensors", *CODE, "../evil.py", "/evil.py"]
    assert needed(names, allow_remote_code=True) == {"config.json", "model.safetensors", *CODE}


def test_the_single_file_is_preferred_to_shards_as_transformers_does() -> None:
    assert needed(["config.json", "model.safetensors", INDEX, *shards(2)]) == {"config.json", "model.safetensors"}


@given(total=st.integers(1, 200), width=st.sampled_from([5, 6]), stem=st.sampled_from(["model", "model.safetensors"]))
def test_all_shards_of_a_set_are_needed(total: int, width: int, stem: str) -> None:
    names = ["config.json", INDEX, *shards(total, width=width, stem=stem)]
    assert needed([*names, *JUNK]) == set(names)


@given(total=st.integers(2, 40), data=st.data())
def test_a_missing_shard_is_a_refusal(total: int, data: st.DataObject) -> None:
    names = shards(total)
    names.remove(data.draw(st.sampled_from(names)))
    assert refusal(["config.json", INDEX, *names]).startswith(f"has {total - 1} of {total} parts")


def test_an_abandoned_set_of_shards_does_not_matter() -> None:
    names = ["config.json", INDEX, *shards(2)]
    assert needed([*names, *shards(3)[:2]]) == set(names)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (PICKLED, "has no safetensors weights; set allow_pickle: true to accept pickled weights"),
        (["model-q4.gguf"], "has no weights that transformers loads; register a repository with safetensors"),
        (["model.fp16.safetensors"], "has no weights that transformers loads"),
        (shards(2), f"has weights in parts without {INDEX}"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_a_remedy(names: list[str], expected: str) -> None:
    assert refusal(["config.json", *names]).startswith(expected)


def test_an_adapter_and_a_repository_without_settings_are_refused() -> None:
    assert refusal(["adapter_config.json", "adapter_model.safetensors"]).startswith("has only an adapter")
    assert refusal(["model.safetensors"]).startswith("has no config.json")


@given(
    names=st.sets(st.sampled_from([*TEXT, *JUNK, *PICKLED, *CODE, INDEX, "model.safetensors", *shards(3)])),
    allow_pickle=st.booleans(),
    allow_remote_code=st.booleans(),
)
def test_any_selection_is_a_sorted_loadable_subset_without_junk(
    names: set[str], allow_pickle: bool, allow_remote_code: bool
) -> None:
    chosen = chosen_or_refusal(names, allow_pickle=allow_pickle, allow_remote_code=allow_remote_code)
    if isinstance(chosen, str):
        assert "\n" not in chosen
        assert "; " in chosen
        return
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= names
    assert not set(chosen) & set(JUNK)
    assert allow_pickle or not set(chosen) & set(PICKLED)
    assert allow_remote_code or not set(chosen) & set(CODE)
    assert names & {*TEXT} <= set(chosen)
    # What was chosen is enough: choosing again from it changes nothing.
    assert needed_files(chosen, allow_pickle=allow_pickle, allow_remote_code=allow_remote_code) == chosen


def test_a_model_without_a_tokenizer_is_not_loadable() -> None:
    assert not is_loadable(["config.json", "model.safetensors", "tokenizer_config.json"])
    assert is_loadable(["config.json", "model.safetensors", "vocab.txt"])
    assert is_loadable(["config.json", "pytorch_model.bin", "tokenizer.json"])
    assert not is_loadable(["config.json", "tokenizer.json"])
