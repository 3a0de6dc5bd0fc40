"""Adding a model that is looked up on a small hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_box import CONFIG, Box, Result
from hub_server import COMMIT, Hub
from yardstick.errors import YardstickError
from yardstick.hub.registry_text import add_entry
from yardstick.registry import ModelEntry, load_registry

PARAMETERS = 134_515_008


@pytest.fixture(autouse=True)
def counted(hub: Hub) -> None:
    hub.repo = "tiny/Llama-135M-Instruct"
    hub.safetensors = {"parameters": {"BF16": PARAMETERS}, "total": PARAMETERS}


def add(box: Box, *more: object, repo: str | None = None, tier: str = "ci_safe", **environment: str) -> Result:
    arguments = [repo or box.hub.repo, "--tier", tier, "--registry", box.registry, *more]
    return box.run("add_model.py", *arguments, **environment)


def refused(box: Box, *more: object, **changes: Any) -> str:
    """The error of a call that must leave the registry as it was."""
    before = box.registry.read_bytes()
    error = add(box, *more, **changes).error
    assert box.registry.read_bytes() == before
    return error


def added(box: Box) -> ModelEntry:
    return list(load_registry(box.registry).values())[-1]


def test_an_entry_holds_what_the_hub_knows(box: Box, hub: Hub) -> None:
    result = add(box)
    assert result.status == 0, result.stderr
    assert added(box).model_dump(exclude_unset=True) == {
        "id": "llama-135m-instruct",
        "tier": "ci_safe",
        "backend": "transformers",
        "source": {"hub": hub.repo, "revision": COMMIT},
        "dtype": "bfloat16",
        "device": "cpu",
        "context_length": 2048,
        "chat_template": True,
        "parameters": PARAMETERS,
        "license": "apache-2.0",
        "description": "Llama-135M-Instruct by tiny, 135 million parameters, llama architecture.",
        "memory_mb": 823,
    }
    assert yaml.safe_load(result.stdout) == [added(box).model_dump(exclude_unset=True)]
    assert f"llama-135m-instruct is added to {box.registry}" in result.stderr


def test_every_byte_that_was_there_stays(box: Box) -> None:
    before = box.registry.read_bytes() + b"  # the end\n"
    box.registry.write_bytes(before)
    assert add(box).status == 0
    assert box.registry.read_bytes().startswith(before)


def test_what_the_user_states_counts(box: Box) -> None:
    more = ["--id", "mine", "--dtype", "float32", "--device", "cuda", "--description", "Ours: it's 1st.", "--revision"]
    assert add(box, *more, "main", "--license", "mit", "--context-length", 99, "--parameters", 1_000_000).status == 0
    entry = added(box)
    assert (entry.id, entry.dtype, entry.device, entry.license) == ("mine", "float32", "cuda", "mit")
    assert (entry.description, entry.context_length, entry.parameters) == ("Ours: it's 1st.", 99, 1_000_000)
    assert entry.memory_mb == 505


def test_a_dry_run_shows_the_entry_and_writes_nothing(box: Box) -> None:
    before = box.registry.read_bytes()
    result = add(box, "--dry-run")
    assert result.status == 0, result.stderr
    assert "id: llama-135m-instruct" in result.stdout
    assert "nothing is written" in result.stderr
    assert box.registry.read_bytes() == before
    assert not (box.home / "hub").exists()


def test_parameters_are_counted_in_the_weights_where_the_hub_states_none(box: Box, hub: Hub) -> None:
    hub.safetensors = None
    assert add(box).status == 0
    assert added(box).parameters == 50_000
    assert hub.sent["model.safetensors"] <= len(hub.content("model.safetensors"))


def test_other_places_of_settings_are_read(box: Box, hub: Hub) -> None:
    config = {"model_type": "gpt2", "text_config": {"n_positions": 512}, "auto_map": {"AutoModel": "x.Y"}}
    (hub.folder / "config.json").write_text(
        json.dumps({**config, "quantization_config": {"quant_method": "gptq", "bits": 4}})
    )
    (hub.folder / "tokenizer_config.json").write_text("{}")
    (hub.folder / "README.md").write_text("---\nlicense: other\nlicense_name: llama3.2\n---\n")
    result = add(box)
    assert result.status == 0, result.stderr
    entry = added(box)
    assert (entry.dtype, entry.context_length, entry.license) == ("bfloat16", 512, "llama3.2")
    assert (entry.chat_template, entry.quantization) == (False, "gptq-4bit")
    assert "note: the repository has Python code of its own" in result.stderr


def test_pickled_weights_and_code_are_accepted_when_allowed(box: Box, hub: Hub) -> None:
    (hub.folder / "model.safetensors").unlink()
    hub.safetensors = None
    assert "has no safetensors weights; set allow_pickle: true" in refused(box)
    assert "states no number of parameters; give it with --parameters" in refused(box, "--allow-pickle")
    assert add(box, "--allow-pickle", "--allow-remote-code", "--parameters", 5).status == 0
    assert added(box).allow_pickle
    assert added(box).allow_remote_code


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--id", "tiny"], "the id 'tiny' is given to more than one entry; ids are unique, rename one"),
        (["--id", "Not an id"], "entry 2 (Not an id): id: 'Not an id' is not valid"),
        (["--dtype", "int3"], "dtype: 'int3' is not valid"),
        (["--device", "tpu"], "device: 'tpu' is not valid"),
        (["--revision", "no-such-branch"], "has no revision no-such-branch"),
        (["--context-length", "3"], "context_length: 3 is not valid"),
    ],
)
def test_what_the_schema_refuses_is_refused(box: Box, more: list[str], expected: str) -> None:
    assert expected in refused(box, *more)


def test_an_unknown_tier_is_refused(box: Box) -> None:
    assert "tier: 'nightly' is not valid" in refused(box, tier="nightly")


def test_missing_statements_are_asked_for_one_by_one(box: Box, hub: Hub) -> None:
    (hub.folder / "README.md").unlink()
    assert f"{hub.repo}: states no licence; give its identifier with --license" in refused(box)
    (hub.folder / "config.json").write_text(json.dumps({**CONFIG, "max_position_embeddings": None}))
    assert "states no context length; give it with --context-length" in refused(box)
    hub.safetensors = {"parameters": {"I8": 5}, "total": 5}
    (hub.folder / "config.json").write_text("{}")
    assert "states no dtype; give it with --dtype" in refused(box)


@pytest.mark.parametrize(
    ("repo", "expected"),
    [
        ("tiny/typo", "tiny/typo: is not on the hub, or private"),
        ("not a repository", "not a repository: is not a valid repository name; give owner/name"),
    ],
)
def test_a_wrong_repository_is_one_line(box: Box, repo: str, expected: str) -> None:
    assert expected in refused(box, repo=repo)


def test_a_gated_repository_is_one_line(box: Box, hub: Hub) -> None:
    hub.fail("config.json", times=None, status=401, code="GatedRepo")
    assert f"{hub.repo}: is gated (401); accept its licence" in refused(box)


def test_a_missing_registry_is_one_line(box: Box) -> None:
    box.registry.unlink()
    assert f"{box.registry}: no such file" in add(box).error


# The text of the registry

ENTRY: dict[str, Any] = {
    "id": "new",
    "tier": "local_only",
    "backend": "transformers",
    "source": {"hub": "tiny/new", "revision": "1" * 40},
    "dtype": "float32",
    "context_length": 128,
    "chat_template": False,
    "parameters": 1000,
    "license": "mit",
    "description": "Text with: a colon, 'quotes', # and ünïcode.",
    "memory_mb": 10,
}


def registry(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def indented(entry: dict[str, Any]) -> str:
    lines = yaml.safe_dump([entry], sort_keys=False).splitlines()
    return "".join(f"    {line}\n" for line in lines)


OLD = {**ENTRY, "id": "old"}
INDENTED = indented(OLD)
UNTOLD = indented({name: value for name, value in OLD.items() if name != "description"})


@pytest.mark.parametrize(
    "text",
    [
        f"models:\n{yaml.safe_dump([OLD])}",
        f"# comment\nmodels:  # here\n{INDENTED}# end\n",
        f"models:\n{INDENTED}".rstrip("\n"),
        f"models:\n{INDENTED}".replace("\n", "\r\n"),
        f"---\nmodels:\n{INDENTED}\n\n\n",
    ],
    ids=["flush", "indented", "no-last-newline", "crlf", "blank-lines"],
)
def test_an_entry_is_appended_in_the_files_own_layout(tmp_path: Path, text: str) -> None:
    path = registry(tmp_path / "models.yaml", text)
    add_entry(path, ENTRY)
    assert path.read_bytes().startswith(text.encode())
    assert list(load_registry(path)) == ["old", "new"]
    assert path.read_bytes().count(b"\r\n") in {0, path.read_bytes().count(b"\n")}


@pytest.mark.parametrize(
    "text",
    ["models: []\n", f"models:\n{INDENTED}...\n", f"models:\n{UNTOLD}      description: |+\n        kept\n"],
    ids=["flow", "document-end", "text-that-keeps-blank-lines"],
)
def test_a_layout_that_cannot_be_appended_to_is_refused(tmp_path: Path, text: str) -> None:
    path = registry(tmp_path / "models.yaml", text)
    with pytest.raises(YardstickError):
        add_entry(path, ENTRY)
    assert path.read_bytes() == text.encode()
