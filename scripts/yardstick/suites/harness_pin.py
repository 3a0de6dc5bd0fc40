"""Pin a harness suite: fetch its data, render its items once, and write into its file what they are."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.suites.harness import PACKAGE, SETUP, HarnessSuite, Pinned
from yardstick.suites.harness_index import folders_of
from yardstick.suites.harness_tasks import PrefilledError, Rendered, TaskSpec, render, spec_of
from yardstick.validation import parse, read_yaml

_HEAD = "# Written by `make pin-suite`: what the task was. Everything below is replaced when it is pinned again.\n"
_BLOCK = re.compile(rf"(?:^{re.escape(_HEAD)})?^pinned:.*\Z", re.MULTILINE | re.DOTALL)


def pin(path: Path, *, is_online: bool) -> tuple[Pinned, bool]:
    """Pin the suite in a file and return what was pinned, and whether that is new.

    Args:
        path: the suite's file.
        is_online: whether data sets may be fetched.

    Raises:
        YardstickError: the file is not of this kind, lm-eval is not installed, or the task cannot be had or asked.
    """
    data = read_yaml(path)
    if not isinstance(data, dict) or data.get("kind") != "lm_eval":
        raise YardstickError(f"{path}: kind: only suites of kind lm_eval are pinned; this one needs no pin")
    # What an older version pinned need not be valid any more.
    before = data.pop("pinned", None)
    suite = parse(HarnessSuite, data, file=str(path))
    if find_spec("lm_eval") is None:
        raise YardstickError(f"{path}: needs the Python package {PACKAGE}, which is not installed; run: {SETUP}")
    # What is pinned is what is there now.
    render.cache_clear()
    try:
        pinned = _pinned(suite, is_online=is_online)
    except YardstickError as error:
        raise YardstickError(f"{path}: {error}") from error
    if is_new := pinned.model_dump() != before:
        _write(path, pinned)
    return pinned, is_new


def _pinned(suite: HarnessSuite, *, is_online: bool) -> Pinned:
    folders = folders_of(suite.task, suite.include_path)
    base = render(spec_of(suite, is_chat=False, folders=folders), is_online=is_online)
    metric, filter_name = _metric(base, suite.metric, suite.filter)
    is_stated = "max_new_tokens" in suite.model_fields_set
    return Pinned(
        lm_eval=importlib.metadata.version(PACKAGE),
        versions={name: str(task.VERSION) for name, task in base.tasks.items()},
        folders=folders,
        datasets=_datasets(base.tasks),
        num_fewshot={name: int(task.get_config("num_fewshot")) for name, task in base.tasks.items()},
        metric=metric,
        filter=filter_name,
        items=len(base.items),
        max_new_tokens=suite.max_new_tokens if is_stated else base.max_new_tokens,
        prompts=base.prompts,
        chat_prompts=_chat_prompts(spec_of(suite, is_chat=True, folders=folders), is_online=is_online),
        expected=base.expected,
    )


def _chat_prompts(spec: TaskSpec, *, is_online: bool) -> str | None:
    try:
        found: Rendered = render(spec, is_online=is_online)
    except PrefilledError:
        return None
    return found.prompts


def _datasets(tasks: Mapping[str, Any]) -> list[str]:
    """Return the data sets of the hub; names of builders such as json have no owner, and read local files."""
    named = {str(task.DATASET_PATH) for task in tasks.values() if task.DATASET_PATH}
    return sorted(name for name in named if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not Path(name).exists())


def _write(path: Path, pinned: Pinned) -> None:
    text = _BLOCK.sub("", path.read_text(encoding="utf-8")).rstrip("\n")
    block = yaml.safe_dump({"pinned": pinned.model_dump()}, sort_keys=False, allow_unicode=True, width=110)
    content = f"{text}\n\n{_HEAD}{block}"
    write_atomically(path, content.encode())


def _metric(rendered: Rendered, metric: str | None, filter_name: str | None) -> tuple[str, str]:
    """Return the metric and the filter that say whether an item is solved, by default the first of the tasks.

    Raises:
        YardstickError: the tasks have no such metric or filter, or its values are not shares of items.
    """
    from lm_eval.api.metrics import mean

    task = next(iter(rendered.tasks.values()))
    better = task.higher_is_better()
    shares = [name for name, how in task.aggregation().items() if how is mean and better.get(name, True)]
    filters = [ensemble.name for ensemble in task._filters]
    if not shares:
        raise YardstickError(f"metric: none of {', '.join(task.aggregation())} is a share of items; take another task")
    for what, name, known in (("metric", metric, shares), ("filter", filter_name, filters)):
        if name is not None and name not in known:
            raise YardstickError(f"{what}: {name!r} is not one of the task's; choose from: {', '.join(known)}")
    return metric or shares[0], filter_name or filters[0]
