"""What a contribution may do to the registry: add one entry that is safe to measure, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from yardstick.errors import YardstickError
from yardstick.paths import REGISTRY
from yardstick.registry import EmbeddedSource, LocalSource, ModelEntry, parse_registry
from yardstick.validation import read_yaml

_Registry = Mapping[str, ModelEntry]


@dataclass(frozen=True)
class RegistryChange:
    """The registry that a contribution's shards are held against.

    Attributes:
        registry: the entries by id: the known ones, and the one that is added.
        added: id of the entry that is added, None for none.
        problems: what may not be, with the remedy, without the file's name.
    """

    registry: dict[str, ModelEntry]
    added: str | None = None
    problems: list[str] = field(default_factory=list)


def registry_change(known: _Registry, file: Path) -> RegistryChange:
    """Compare the registry of a contribution with the known one.

    Args:
        known: the entries that are there.
        file: the registry file of the contribution, wherever it lies.
    """
    try:
        _refuse_aliases(file.read_bytes())
        proposed = parse_registry(read_yaml(file), file=str(REGISTRY))
    except YardstickError as error:
        return RegistryChange(dict(known), problems=[_without_name(str(error), file)])
    added = [name for name in proposed if name not in known]
    problems = list(_problems(known, proposed, added))
    registry = {**known, **{name: proposed[name] for name in added[:1]}}
    return RegistryChange(registry, added[0] if added else None, problems)


def _without_name(line: str, file: Path) -> str:
    return line.removeprefix(f"{file}: ").removeprefix(f"{REGISTRY}: ")


def _refuse_aliases(content: bytes) -> None:
    """Refuse YAML that unfolds to more than its length."""
    try:
        tokens = yaml.scan(content, Loader=yaml.SafeLoader)
        if any(isinstance(token, yaml.AliasToken | yaml.AnchorToken) for token in tokens):
            raise YardstickError("anchors and aliases are not taken; write each entry out")
    except (yaml.YAMLError, ValueError) as error:
        raise YardstickError(f"not valid YAML: {' '.join(str(error).split())}; mend that line") from None


def _problems(known: _Registry, proposed: _Registry, added: list[str]) -> Iterator[str]:
    for name in known:
        if name not in proposed:
            yield f"the entry {name} is removed; restore it, a contribution adds at most one entry"
        elif proposed[name] != known[name]:
            yield f"the entry {name} is changed; restore it, a contribution adds at most one entry"
    if len(added) > 1:
        yield f"{len(added)} entries are added ({', '.join(added)}); add one, the others in their own contributions"
    for name in added[:1]:
        yield from (f"entry {name}: {problem}" for problem in _entry_problems(proposed[name]))


def _entry_problems(entry: ModelEntry) -> Iterator[str]:
    """Yield what only maintainers may add: an entry is measured by Yardstick's own machines once it is merged."""
    if isinstance(entry.source, LocalSource | EmbeddedSource):
        yield "source: the weights lie in the repository; name a public source that others can fetch"
    if entry.allow_remote_code:
        yield "allow_remote_code: code beside weights would run on others' machines; leave it out"
    if entry.allow_pickle:
        yield "allow_pickle: weights that can hold code would be loaded by others; leave it out"
    if entry.server.arguments:
        yield "server.arguments: they reach a command line on others' machines; leave them out"
    if entry.tier != "local_only":
        yield f"tier: {entry.tier} is measured by Yardstick's own machines; give local_only"
