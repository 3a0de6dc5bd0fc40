"""Local tasks of lm-eval for tests: sums to be answered in words, chosen from four, chosen by their context, or continued."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

COUNT = 24
WORDED: dict[str, Any] = {
    "output_type": "generate_until",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_target": "{{answer}}",
    "num_fewshot": 0,
    "generation_kwargs": {"until": ["\n", "Question:"], "do_sample": False, "max_gen_toks": 24},
    "filter_list": [
        {
            "name": "first-number",
            "filter": [{"function": "regex", "regex_pattern": "(-?[0-9]+)"}, {"function": "take_first"}],
        },
        {"name": "whole", "filter": [{"function": "take_first"}]},
    ],
    "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    "metadata": {"version": 2.0},
}
CHOSEN: dict[str, Any] = {
    "output_type": "multiple_choice",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_choice": "choices",
    "doc_to_target": "label",
    "fewshot_split": "test",
    "num_fewshot": 2,
    "metric_list": [
        {"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in ("acc", "acc_norm")
    ],
    "metadata": {"version": 1.0},
}
# As winogrande does it: the choices stand in the context, and one end is continued.
BY_CONTEXT: dict[str, Any] = {
    **CHOSEN,
    "doc_to_text": "{{label}}",
    "doc_to_choice": "{{[question + ' It is ' + choices[0], question + ' It is ' + choices[1]]}}",
    "doc_to_target": " and that is right.",
    "num_fewshot": 0,
    "target_delimiter": "",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}
CONTINUED: dict[str, Any] = {
    "output_type": "loglikelihood",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_target": " {{answer}}",
    "num_fewshot": 0,
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    "metadata": {"version": 1.0},
}
# The likelihood of each choice alone is taken off: contexts that are empty.
MUTUAL: dict[str, Any] = {
    **CHOSEN,
    "num_fewshot": 0,
    "metric_list": [
        {"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in ("acc_mutual_info", "acc")
    ],
}
ALL = {
    "sums_worded": WORDED,
    "sums_chosen": CHOSEN,
    "sums_by_context": BY_CONTEXT,
    "sums_continued": CONTINUED,
    "sums_mutual": MUTUAL,
}


def write_tasks(folder: Path, tasks: Mapping[str, Mapping[str, Any]] = ALL) -> Path:
    """Write the data and a file for each task; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = random.Random(3)
    rows = []
    for _ in range(COUNT):
        one, other = drawn.randrange(2, 30), drawn.randrange(2, 30)
        right = str(one + other)
        choices = [right, str(one + other + 1), f"{right} or so", str(one * other + 7)]
        first = choices[:2]
        drawn.shuffle(choices)
        rows.append(
            {
                "question": f"What is {one} plus {other}?",
                "answer": right,
                "choices": choices,
                "label": choices.index(right),
                "first": first,
            }
        )
    data = folder / "sums.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    for name, task in tasks.items():
        head = {
            "task": name,
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(data.resolve())}},
            "test_split": "test",
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({**head, **task}, sort_keys=False))
    return folder


def write_suite(folder: Path, name: str, **fields: Any) -> Path:
    """Write a suite's file, not pinned; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    content = {"kind": "lm_eval", "name": name, "description": "Sums.", "task": name, **fields}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
