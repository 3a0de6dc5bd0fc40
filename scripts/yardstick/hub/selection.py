"""Which files of a hub repository are needed: all that transformers loads, or one GGUF file for llama.cpp."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from yardstick.errors import YardstickError

_SETTINGS = {"config.json", "generation_config.json"}
_VOCABULARIES = {
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "spm.model",
    "sentencepiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
}
_TOKENIZER_SETTINGS = {
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    "chat_template.json",
}
_CHAT_TEMPLATE_FOLDERS = {".", "additional_chat_templates"}
_GGUF_PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")


def needed_files(
    names: Iterable[str], *, allow_pickle: bool, allow_remote_code: bool, file: str | None = None
) -> list[str]:
    """Return those of a repository's file names that loading a causal language model needs, sorted.

    Args:
        names: all file names, relative to the repository's root, with forward slashes.
        allow_pickle: accept pickled weights where there are no safetensors.
        allow_remote_code: take Python files along.
        file: the one GGUF file that is wanted, which needs no other; of a file in parts the first.

    Raises:
        YardstickError: no weights that may be loaded, or no config.json; the line starts with "has", so that the
            caller can put the repository's name before it.
    """
    names = set(names)
    if file is not None:
        return _gguf_files(names, file)
    if "adapter_config.json" in names and "config.json" not in names:
        raise YardstickError("has only an adapter; register a repository with the merged model")
    if "config.json" not in names:
        raise YardstickError("has no config.json, so transformers cannot load it; register another repository")
    weights = _weights(names, allow_pickle=allow_pickle)
    kept = {name for name in names if _is_text(name) or (allow_remote_code and _is_code(name))}
    return sorted(kept | weights)


def is_loadable(names: Iterable[str], file: str | None = None) -> bool:
    """Tell whether the files suffice to load some model and its tokenizer, pickled weights included, or one GGUF file."""
    names = set(names)
    try:
        needed_files(names, allow_pickle=True, allow_remote_code=False, file=file)
    except YardstickError:
        return False
    return file is not None or any(name in _VOCABULARIES or name.endswith(".tiktoken") for name in names)


def _gguf_files(names: set[str], file: str) -> list[str]:
    """Return a GGUF file, or all its parts when it is the first of several: llama.cpp finds the others beside it."""
    files = [file]
    if match := _GGUF_PART.fullmatch(file):
        stem, number, total = match.groups()
        if int(number) != 1:
            raise YardstickError(f"has {file} as a later part of a file; name the first, {stem}-00001-of-{total}.gguf")
        files = [f"{stem}-{part:05}-of-{total}.gguf" for part in range(1, int(total) + 1)]
    if missing := sorted(set(files) - names):
        there = ", ".join(sorted(name for name in names if name.endswith(".gguf"))) or "none"
        raise YardstickError(f"has no file {missing[0]}; its GGUF files: {there}")
    return files


def _is_text(name: str) -> bool:
    path = PurePosixPath(name)
    if path.suffix == ".jinja":
        return path.parent.as_posix() in _CHAT_TEMPLATE_FOLDERS
    return name in _SETTINGS | _VOCABULARIES | _TOKENIZER_SETTINGS or ("/" not in name and path.suffix == ".tiktoken")


def _is_code(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".py" and ".." not in path.parts and not path.is_absolute()


def _weights(names: set[str], *, allow_pickle: bool) -> set[str]:
    safe = _checkpoint(names, "model", "safetensors")
    if safe:
        return safe
    pickled = _checkpoint(names, "pytorch_model", "bin")
    if pickled and allow_pickle:
        return pickled
    if pickled:
        raise YardstickError("has no safetensors weights; set allow_pickle: true to accept pickled weights")
    raise YardstickError("has no weights that transformers loads; register a repository with safetensors weights")


def _checkpoint(names: set[str], stem: str, suffix: str) -> set[str]:
    """Return the single file or the shards and their index; transformers, too, prefers the single file."""
    if f"{stem}.{suffix}" in names:
        return {f"{stem}.{suffix}"}
    shards = _shards(names, stem, suffix)
    index = f"{stem}.{suffix}.index.json"
    if not shards:
        return set()
    if index not in names:
        raise YardstickError(f"has weights in parts without {index}; register another revision or repository")
    return shards | {index}


def _shards(names: set[str], stem: str, suffix: str) -> set[str]:
    """Return the parts named stem-0000N-of-0000M of every complete set."""
    pattern = re.compile(rf"{stem}(?:\.{suffix})?-(\d+)-of-(\d+)\.{suffix}")
    sets: dict[int, dict[int, str]] = defaultdict(dict)
    for name in names:
        if match := pattern.fullmatch(name):
            sets[int(match[2])][int(match[1])] = name
    complete = [parts for total, parts in sets.items() if set(parts) == set(range(1, total + 1))]
    if sets and not complete:
        total = max(sets)
        raise YardstickError(
            f"has {len(sets[total])} of {total} parts of its {suffix} weights; register another revision or repository"
        )
    return {name for parts in complete for name in parts.values()}
