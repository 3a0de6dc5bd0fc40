"""Scores of answers to tasks of lm-evaluation-harness, by its own filters and metrics."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from yardstick.errors import YardstickError
from yardstick.suites.harness_tasks import Rendered, TaskSpec, render
from yardstick.suites.items import Item, Scored


def score(item: Item, answer: Mapping[str, Any], *, is_chat: bool) -> Scored:
    """Score one row of answers: solved where the suite's metric is 1; the detail holds the values of all metrics.

    Raises:
        YardstickError: lm-eval cannot score it, or the metric is neither right nor wrong.
    """
    if answer["finish"] == "too_long":
        return Scored(False, "", detail="too long for the model's context")
    expected = item.expected
    rendered = _rendered(expected["spec"])
    values, considered = values_of(rendered, expected["task"], expected["document"], answer)
    value = values.get(f"{expected['metric']},{expected['filter']}")
    if not isinstance(value, bool | int | float) or value not in (0, 1):
        raise YardstickError(
            f"item {item.id}: metric {expected['metric']} is {str(value)[:40]}, and a suite needs right or wrong (1 or 0); "
            "name another metric in the suite's file and pin it again"
        )
    detail = " ".join(f"{name}={_shown(found)}" for name, found in values.items())
    return Scored(value == 1, considered[expected["filter"]], detail=detail)


def values_of(
    rendered: Rendered, task_name: str, document: int, answer: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return metric,filter -> value as lm-eval names and computes them, and filter -> what it made of the answer."""
    task, requests = rendered.tasks[task_name], [copy.copy(r) for r in rendered.instances[task_name, document]]
    for request, response in zip(requests, _responses(answer), strict=True):
        request.resps, request.filtered_resps = [response], {}
    values: dict[str, Any] = {}
    considered: dict[str, str] = {}
    try:
        for ensemble in task._filters:
            ensemble.apply(requests)
            filtered = [request.filtered_resps[ensemble.name] for request in requests]
            found = task.process_results(copy.deepcopy(requests[0].doc), filtered)
            values |= {f"{metric},{ensemble.name}": value for metric, value in found.items()}
            considered[ensemble.name] = answer["answer"] if answer["likelihoods"] else str(filtered[0])
    except Exception as error:  # Metrics are code of others, given what a model wrote.
        why = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise YardstickError(
            f"task {task_name}: lm-eval cannot score an answer ({why}); leave the suite out"
        ) from error
    return values, considered


def _responses(answer: Mapping[str, Any]) -> list[Any]:
    if answer["likelihoods"] is None:
        return [answer["answer"]]
    return list(zip(answer["likelihoods"], answer["greedy"], strict=True))


def _rendered(spec: Mapping[str, Any]) -> Rendered:
    folders = spec["folders"]
    return render(TaskSpec(**{**spec, "folders": folders if folders is None else tuple(folders)}))


def _shown(value: Any) -> str:
    return repr(float(value)) if isinstance(value, bool | int | float) else str(value)[:80]
