"""Items per second of Yardstick's answering, over lm-evaluation-harness on the same items, model, dtype and threads.

The items are those of config/suites/multi_step.yaml as a task of lm-eval, once to be answered in words and once with four
choices. lm-eval runs them through its own `hf` model in batches of 8, 16, 32 and as many as it finds by `auto`; the best
counts. Rounds of both alternate in one process, and of each the best round counts: medians drift with a shared machine.
Loading the model, making prompts and scoring are left out on both sides. Both must give the same answers. Run:
python tests/benchmarks/bench_harness.py (needs make harness)
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmark_models import EMBEDDED, REPOSITORY, machine_line
from yardstick.backends.base import ModelSpec
from yardstick.backends.transformers import TransformersEngine
from yardstick.metrics.answers import Question, observe
from yardstick.suites.harness_tasks import Rendered, TaskSpec, render
from yardstick.suites.items import Asked, Item
from yardstick.suites.load import read_suite

MODEL = EMBEDDED / "yardstick-base"
BATCH_SIZES = (8, 16, 32, "auto")
# `auto` may go up to what answering here may, too.
MOST = 64
ROUNDS = int(os.environ.get("ROUNDS", "5"))
CONTEXT = 512
_TASK = """\
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: {kind}
doc_to_text: "{{{{question}}}}\\nAnswer:"
num_fewshot: 0
metadata: {{version: 1.0}}
"""
_WORDED = """\
doc_to_target: "{{answer}}"
generation_kwargs: {until: ["\\n"], do_sample: false, max_gen_toks: 64}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""
_CHOSEN = """\
doc_to_choice: choices
doc_to_target: label
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""


class LoadedEngine(TransformersEngine):
    """An engine that stays loaded, so that rounds alternate within seconds."""

    is_loaded = False

    def load(self) -> None:
        if not self.is_loaded:
            super().load()
            self.is_loaded = True


def write_tasks(folder: Path) -> None:
    """Write the multi-step items as a task of each kind; those that leave no room for an answer are left out."""
    drawn = random.Random(7)
    items = read_suite(REPOSITORY / "config/suites/multi_step.yaml").items(Asked(is_chat=False))
    items = [item for item in items if len(item.question.encode()) < CONTEXT - 100]
    rows = []
    for item in items:
        others = [other for other in items if other.category == item.category]
        wrong = {str(other.expected["answer"]) for other in others} - {str(item.expected["answer"])}
        choices = [str(item.expected["answer"]), *drawn.sample(sorted(wrong), 3)]
        drawn.shuffle(choices)
        answer = str(item.expected["answer"])
        rows.append({"question": item.question, "answer": answer, "choices": choices, "label": choices.index(answer)})
    data = folder / "items.jsonl"
    data.write_text("\n".join(json.dumps(row) for row in rows))
    for name, kind, rest in (("worded", "generate_until", _WORDED), ("chosen", "multiple_choice", _CHOSEN)):
        (folder / f"{name}.yaml").write_text(_TASK.format(name=name, data=data, kind=kind) + rest)


def ours(engine: TransformersEngine, items: Sequence[Item], length: int) -> list[Any]:
    """Return what our answering finds of each item."""
    rows = observe(
        engine,
        questions=[Question(item.id, item.question, item.choices, item.stop, item.contexts) for item in items],
        prompt="{question}",
        is_chat=False,
        max_new_tokens=length,
        batch_size=None,
        progress=lambda done, total: None,
    ).rows
    return [row["likelihoods"] or row["answer"] for row in rows]


def theirs(model: Any, rendered: Rendered, batch_size: int | str) -> list[Any]:
    """Return what lm-eval's model finds of each item."""
    model.batch_size_per_gpu = batch_size
    requests = [request for of_item in rendered.instances.values() for request in of_item]
    found = getattr(model, requests[0].request_type)(requests, disable_tqdm=True)
    if requests[0].request_type == "generate_until":
        return list(found)
    values = iter(found)
    return [[next(values)[0] for _ in of_item] for of_item in rendered.instances.values()]


def seconds(run: Callable[[], Any]) -> float:
    """Return the wall time of a call whose output goes nowhere."""
    with contextlib.redirect_stdout(io.StringIO()):
        start_s = time.perf_counter()
        run()
        return time.perf_counter() - start_s


def check_equal(one: Sequence[Any], other: Sequence[Any]) -> None:
    """End the benchmark where the answers differ."""
    for place, (mine, its) in enumerate(zip(one, other, strict=True)):
        same = mine == its if isinstance(mine, str) else max(abs(a - b) for a, b in zip(mine, its, strict=True)) < 1e-3
        if not same:
            sys.exit(f"item {place} differs: {mine!r} and {its!r}")


def compare(name: str, kind: str, folder: Path, engine: TransformersEngine, model: Any) -> None:
    """Print the items per second of both, and their ratio."""
    spec = TaskSpec(name, False, None, None, 1234, str(folder), ())
    rendered = render(spec)
    runs: Mapping[Any, Callable[[], Any]] = {
        "yardstick": lambda: ours(engine, rendered.items, rendered.max_new_tokens),
        **{size: (lambda size=size: theirs(model, rendered, size)) for size in BATCH_SIZES},
    }
    check_equal(runs["yardstick"](), runs[8]())
    best: dict[Any, float] = {}
    for _ in range(ROUNDS):
        for key, run in runs.items():
            best[key] = min(best.get(key, float("inf")), seconds(run))
    rates = {key: len(rendered.items) / wall_s for key, wall_s in best.items()}
    size = max(BATCH_SIZES, key=rates.__getitem__)
    each = ", ".join(f"{key}: {rates[key]:.1f}" for key in BATCH_SIZES)
    ratio = rates["yardstick"] / rates[size]
    print(
        f"{kind:16} {len(rendered.items)} items   yardstick {rates['yardstick']:7.1f}/s   lm-eval {rates[size]:7.1f}/s "
        f"(batch {size}; {each})   ratio {ratio:.2f}",
        flush=True,
    )


def main() -> None:
    """Compare generation and multiple choice."""
    if find_spec("lm_eval") is None:
        print("left out: lm-eval is not installed; run: make harness")
        return
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.setdefault("HF_DATASETS_CACHE", str(folder / "datasets"))
        write_tasks(folder)
        spec = ModelSpec("base", MODEL, "float32", "cpu", CONTEXT, threads=1)
        engine = LoadedEngine(spec)
        engine.prepare()
        from lm_eval.models.huggingface import HFLM

        with contextlib.redirect_stdout(io.StringIO()):
            model = HFLM(
                pretrained=str(MODEL),
                dtype="float32",
                device="cpu",
                batch_size=8,
                max_batch_size=MOST,
                max_length=CONTEXT,
            )
        print(machine_line(), flush=True)
        compare("worded", "generation", folder, engine, model)
        compare("chosen", "multiple choice", folder, engine, model)


if __name__ == "__main__":
    main()
