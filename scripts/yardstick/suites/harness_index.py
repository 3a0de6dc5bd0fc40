"""Where lm-eval defines its thousands of tasks, so that a job need not read them all."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yardstick.errors import YardstickError
from yardstick.suites.harness_isolation import quiet


def folders_of(task: str, include_path: str | None) -> list[str]:
    """Return the folders of lm-eval's own tasks in which a task, group or tag and its members are defined.

    Raises:
        YardstickError: there is no such task.
    """
    from lm_eval.tasks import TaskManager

    with quiet():
        own = TaskManager(include_path=include_path, include_defaults=False).task_index if include_path else {}
        # A group of one's own may name tasks of lm-eval, which takes reading thousands of files.
        index = own if task in own and _members(task, own) is not None else None
        if index is None:
            index = TaskManager(include_path=include_path).task_index
    members = _members(task, index)
    if members is None:
        near = difflib.get_close_matches(task, index, n=3)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise YardstickError(f"task: lm-eval has no task {task!r}{hint}; list them with: lm-eval ls tasks")
    found = {Path(index[name].yaml_path).parent for name in members if index[name].yaml_path}
    inside = {folder.relative_to(task_tree()).as_posix() for folder in found if folder.is_relative_to(task_tree())}
    return sorted(folder for folder in inside if not any(up.as_posix() in inside for up in Path(folder).parents))


def _members(name: str, index: Mapping[str, Any]) -> list[str] | None:
    """Return the names that a task, group or tag takes loading, or None where one of them is not in the index."""
    entry = index.get(name)
    if entry is None:
        return None
    listed = (entry.cfg or {}).get("task") if entry.kind.name == "GROUP" else sorted(entry.tags)
    if entry.kind.name not in ("GROUP", "TAG"):
        return [name]
    found = [name]
    for child in listed if isinstance(listed, list) else []:
        of_child = _members(child if isinstance(child, str) else child.get("task", child.get("group", "")), index)
        if of_child is not None:
            found += of_child
        elif isinstance(child, str):
            return None
    return found


def task_tree() -> Path:
    """Return the folder of lm-eval's own tasks."""
    import lm_eval.tasks

    return Path(lm_eval.tasks.__file__).parent
