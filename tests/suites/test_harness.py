"""Tasks of lm-evaluation-harness through our engines: the same scores item by item, and every refusal in one line."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from harness_tasks import ALL, CHOSEN, CONTINUED, COUNT, WORDED, write_suite, write_tasks
from working_copy import ROOT
from yardstick.backends.base import ModelSpec
from yardstick.backends.transformers import TransformersEngine
from yardstick.errors import YardstickError
from yardstick.identity import score_definition
from yardstick.journal import AnswerJournal
from yardstick.metrics.answers import Question, Row, observe
from yardstick.registry import load_registry
from yardstick.scoring import score_rows
from yardstick.shard_paths import ShardPath
from yardstick.suite_checks import suite_refusal
from yardstick.suites.harness import HarnessSuite
from yardstick.suites.items import Asked
from yardstick.suites.load import read_suite

IS_THERE = find_spec("lm_eval") is not None
pytestmark = [
    pytest.mark.harness,
    pytest.mark.usefixtures("harness_caches"),
    pytest.mark.skipif(not IS_THERE, reason="lm-eval is not installed; make test-harness installs it"),
]
EMBEDDED = ROOT / "workflow/resources/embedded"


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tasks(tmp_path_factory.mktemp("tasks"))


def pinned(folder: Path, tasks: Path, name: str, **fields: Any) -> HarnessSuite:
    from yardstick.suites.harness_pin import pin

    path = write_suite(folder, name, include_path=str(tasks), **fields)
    pin(path, is_online=False)
    suite = read_suite(path)
    assert isinstance(suite, HarnessSuite)
    return suite


@pytest.fixture(scope="module", params=["yardstick-mini", "yardstick-base"])
def engine(request: pytest.FixtureRequest) -> TransformersEngine:
    spec = {"name": request.param, "dtype": "float32", "device": "cpu", "context_length": 512, "threads": 1}
    found = TransformersEngine(ModelSpec(**spec, path=EMBEDDED / request.param))
    found.prepare()
    return found


def answered(engine: TransformersEngine, suite: HarnessSuite, *, is_chat: bool, **changes: Any) -> list[Row]:
    asked = Asked(is_chat)
    return observe(
        engine,
        questions=[
            Question(item.id, item.question, item.choices, item.stop, item.contexts) for item in suite.items(asked)
        ],
        prompt=suite.prompt(asked),
        is_chat=is_chat,
        max_new_tokens=suite.max_new_tokens,
        **{"batch_size": 8, "progress": lambda *_: None, **changes},
    ).rows


# The same scores as lm-eval's own


@pytest.fixture(scope="module", params=[False, True], ids=["base", "chat"])
def of_lm_eval(request: pytest.FixtureRequest, engine: TransformersEngine, tasks: Path) -> tuple[bool, dict[str, Any]]:
    """What lm-eval says of the same model, through its own model class."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    found = lm_eval.simple_evaluate(
        model="hf",
        model_args={"pretrained": str(EMBEDDED / engine.spec.name), "dtype": "float32", "device": "cpu"},
        tasks=list(ALL),
        task_manager=TaskManager(include_path=str(tasks), include_defaults=False),
        batch_size=8,
        apply_chat_template=request.param,
        fewshot_as_multiturn=False,
        bootstrap_iters=0,
    )
    return request.param, found


@pytest.mark.parametrize("name", ALL)
def test_answers_and_scores_are_those_of_lm_eval_item_by_item(
    name: str, engine: TransformersEngine, of_lm_eval: tuple[bool, dict[str, Any]], tasks: Path, tmp_path: Path
) -> None:
    is_chat, found = of_lm_eval
    suite = pinned(tmp_path, tasks, name)
    rows = answered(engine, suite, is_chat=is_chat)
    scores = score_rows(rows, suite, Asked(is_chat))
    assert len(rows) == len(scores) == COUNT
    for sample in found["samples"][name]:
        row, score = rows[sample["doc_id"]], scores[sample["doc_id"]]
        assert row["task"] == score["task"] == f"{name}-{sample['doc_id']:05}"
        values = dict(part.split("=") for part in score["detail"].split())
        for metric in sample["metrics"]:
            assert float(values[f"{metric},{sample['filter']}"]) == float(sample[metric])
        if row["likelihoods"] is None:
            assert row["answer"] == sample["resps"][0][0]
        else:
            theirs = [response for (response,) in sample["resps"]]
            assert row["likelihoods"] == pytest.approx([value for value, _ in theirs], abs=1e-4)
            assert row["greedy"] == [bool(is_greedy) for _, is_greedy in theirs]
    assert suite.pinned is not None
    mean = found["results"][name][f"{suite.pinned.metric},{suite.pinned.filter}"]
    assert sum(score["solved"] for score in scores) / COUNT == pytest.approx(mean)


def test_these_tasks_tell_right_from_wrong(engine: TransformersEngine, tasks: Path, tmp_path: Path) -> None:
    """Otherwise the equality above would say little."""
    suite = pinned(tmp_path, tasks, "sums_chosen")
    solved = [row["solved"] for row in score_rows(answered(engine, suite, is_chat=False), suite, Asked(is_chat=False))]
    assert 0 < sum(solved) < COUNT


def test_another_metric_and_filter_can_be_named(engine: TransformersEngine, tasks: Path, tmp_path: Path) -> None:
    first = pinned(tmp_path / "a", tasks, "sums_worded")
    second = pinned(tmp_path / "b", tasks, "sums_worded", filter="whole", metric="exact_match")
    rows, asked = answered(engine, first, is_chat=False), Asked(is_chat=False)
    # An answer begins with a blank, so that as a whole none is exactly the number.
    assert any(row["solved"] for row in score_rows(rows, first, asked))
    assert not any(row["solved"] for row in score_rows(rows, second, asked))
    assert first.answers_document(asked) == second.answers_document(asked)
    assert first.expected_document(asked) != second.expected_document(asked)


def test_a_killed_job_goes_on_at_the_item(engine: TransformersEngine, tasks: Path, tmp_path: Path) -> None:
    suite = pinned(tmp_path, tasks, "sums_chosen")
    whole = answered(engine, suite, is_chat=False)
    path = ShardPath("sums_chosen_answers", "mini", "box", "0" * 16, "f" * 16)
    AnswerJournal(path, tmp_path).note(whole[::2])
    asked: list[int] = []
    rest = answered(
        engine,
        suite,
        is_chat=False,
        journal=AnswerJournal(path, tmp_path),
        progress=lambda done, total: asked.append(done),
    )
    assert asked[0] > COUNT / 2
    assert [row["task"] for row in rest] == [row["task"] for row in whole]
    for row, before in zip(rest, whole, strict=True):
        assert row["likelihoods"] == pytest.approx(before["likelihoods"], abs=1e-4)


def test_an_item_that_the_context_cannot_hold_is_not_solved(tasks: Path, tmp_path: Path) -> None:
    suite = pinned(tmp_path, tasks, "sums_chosen")
    row = {"task": "sums_chosen-00000", "sample": None, "answer": "", "finish": "too_long", "likelihoods": None}
    (score,) = score_rows([row], suite, Asked(is_chat=False))
    assert (score["solved"], score["detail"]) == (False, "too long for the model's context")


# Identity


def changed_tasks(tasks: Path, tmp_path: Path, name: str, **changes: Any) -> Path:
    return write_tasks(tmp_path / "changed", {name: {**ALL[name], **changes}})


def test_the_answers_identity_holds_the_prompts_and_the_scores_identity_what_is_expected(
    tasks: Path, tmp_path: Path
) -> None:
    asked = Asked(is_chat=False)
    before = pinned(tmp_path / "a", tasks, "sums_chosen")

    def documents(**changes: Any) -> tuple[bool, bool]:
        other = pinned(tmp_path / "b", changed_tasks(tasks, tmp_path, "sums_chosen", **changes), "sums_chosen")
        return (
            other.answers_document(asked) == before.answers_document(asked),
            other.expected_document(asked) == before.expected_document(asked),
        )

    assert documents() == (True, True)
    assert documents(doc_to_text="Q: {{question}}\nA:") == (False, True)
    assert documents(num_fewshot=3) == (False, True)
    assert documents(doc_to_target="{{3 - label}}", num_fewshot=0)[1] is False
    assert documents(metadata={"version": 1.1}) == (True, False)


def test_a_new_version_of_lm_eval_scores_again_and_asks_nothing_anew(tasks: Path, tmp_path: Path) -> None:
    suite = pinned(tmp_path, tasks, "sums_worded")
    assert suite.pinned is not None
    newer = suite.model_copy(update={"pinned": suite.pinned.model_copy(update={"lm_eval": "9.9"})})
    asked, entry = Asked(is_chat=True), load_registry(ROOT / "config/models.yaml")["yardstick-mini"]
    assert newer.answers_document(asked) == suite.answers_document(asked)
    assert score_definition("x", entry, newer) != score_definition("x", entry, suite)
    assert "is pinned with lm-eval 9.9, and 0.4.13 is installed; run: make harness, or pin it again" in str(
        suite_refusal(newer)
    )


def test_data_that_changed_behind_a_pin_is_refused(tasks: Path, tmp_path: Path) -> None:
    folder = write_tasks(tmp_path / "own", {"sums_worded": WORDED})
    suite = pinned(tmp_path, folder, "sums_worded")
    data = folder / "sums.jsonl"
    data.write_text(data.read_text().replace("What is", "How much is", 1))
    from yardstick.suites.harness_tasks import render

    render.cache_clear()
    with pytest.raises(
        YardstickError, match="the prompts of task sums_worded are not those that were pinned; run: make"
    ):
        suite.items(Asked(is_chat=False))


def test_pinning_again_changes_nothing_and_keeps_what_a_person_wrote(tasks: Path, tmp_path: Path) -> None:
    from yardstick.suites.harness_pin import pin

    path = write_suite(tmp_path, "sums_worded", include_path=str(tasks))
    path.write_text("# Mine.\n" + path.read_text())
    head = path.read_text()
    assert pin(path, is_online=False)[1]
    content = path.read_text()
    assert content.startswith(head)
    assert not pin(path, is_online=False)[1]
    assert path.read_text() == content
    path.write_text(content.replace("max_new_tokens: 24", "max_new_tokens: what"))
    assert pin(path, is_online=False)[1]
    assert path.read_text() == content


# Refusals, each one line


REFUSED = {
    "rolling": ({**WORDED, "output_type": "loglikelihood_rolling", "metric_list": None}, "measures perplexity"),
    "sampling": ({**WORDED, "generation_kwargs": {"do_sample": True, "temperature": 0.7}}, "draws its answers"),
    "warm": ({**WORDED, "generation_kwargs": {"temperature": 0.7}}, "draws its answers"),
    "beams": ({**WORDED, "generation_kwargs": {"num_beams": 4}}, "generation_kwargs has num_beams"),
    "repeated": ({**WORDED, "repeats": 3}, "asks for several drawn answers"),
    "unsafe": ({**WORDED, "unsafe_code": True}, "runs what a model writes outside a sandbox"),
    "pictures": ({**WORDED, "doc_to_image": ["question"]}, "asks about images or sound"),
    "broken": ({**WORDED, "doc_to_text": "{{ question"}, "lm-eval cannot"),
    "perplexity": (
        {
            **CONTINUED,
            "metric_list": [{"metric": "perplexity", "aggregation": "perplexity", "higher_is_better": False}],
        },
        "metric: none of perplexity is a share of items",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_task_that_asks_for_what_no_engine_does_is_one_line(name: str, tmp_path: Path) -> None:
    task, expected = REFUSED[name]
    folder = write_tasks(tmp_path / "tasks", {name: {key: value for key, value in task.items() if value is not None}})
    line = refusal(tmp_path, folder, name)
    assert expected in line


def refusal(folder: Path, tasks: Path, name: str, **fields: Any) -> str:
    with pytest.raises(YardstickError) as raised:
        pinned(folder, tasks, name, **fields)
    line = str(raised.value)
    assert len(line.splitlines()) == 1
    assert line.startswith(f"{folder}/{name}.yaml: ")
    return line


def test_an_unknown_task_is_named_with_what_is_near(tasks: Path, tmp_path: Path) -> None:
    path = write_suite(tmp_path, "sums", task="sums_chosn", include_path=str(tasks))
    from yardstick.suites.harness_pin import pin

    with pytest.raises(YardstickError, match="task: lm-eval has no task 'sums_chosn'; near: sums_chosen") as raised:
        pin(path, is_online=False)
    assert "list them with: lm-eval ls tasks" in str(raised.value)


def test_data_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path / "tasks", {"sums_worded": WORDED})
    (folder / "sums.jsonl").unlink()
    line = refusal(tmp_path, folder, "sums_worded")
    assert "task sums_worded: its data set is not on this machine" in line
    assert "run: make pin-suite" in line


def test_a_standard_task_whose_data_set_is_not_cached_is_refused_offline(tmp_path: Path) -> None:
    path = write_suite(tmp_path, "arc_easy")
    from yardstick.suites.harness_pin import pin

    with pytest.raises(YardstickError, match="task arc_easy: its data set is not on this machine") as raised:
        pin(path, is_online=False)
    assert len(str(raised.value).splitlines()) == 1


def test_a_metric_or_filter_that_the_task_has_not_is_named(tasks: Path, tmp_path: Path) -> None:
    line = refusal(tmp_path, tasks, "sums_chosen", metric="bleu")
    assert "metric: 'bleu' is not one of the task's; choose from: acc, acc_norm" in line
    line = refusal(tmp_path, tasks, "sums_worded", filter="last")
    assert "filter: 'last' is not one of the task's; choose from: first-number, whole" in line


def test_a_folder_of_tasks_that_is_not_there_is_named(tasks: Path, tmp_path: Path) -> None:
    suite = pinned(tmp_path, tasks, "sums_worded").model_copy(update={"include_path": "nowhere"})
    with pytest.raises(YardstickError, match="suite sums_worded: include_path: there is no folder nowhere"):
        suite.items(Asked(is_chat=False))


def test_a_task_that_begins_the_answer_is_not_for_chat_models(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path / "tasks", {"sums_begun": {**WORDED, "gen_prefix": "It is"}})
    suite = pinned(tmp_path, folder, "sums_begun")
    assert suite.misfit(Asked(is_chat=False)) is None
    assert "its answers begin with words of the task" in str(suite.misfit(Asked(is_chat=True)))
    assert suite.items(Asked(is_chat=False))[0].question.endswith("It is")


def test_a_group_has_an_item_for_each_document_of_its_tasks(engine: TransformersEngine, tmp_path: Path) -> None:
    folder = write_tasks(tmp_path / "tasks", {"sums_chosen": CHOSEN, "sums_mutual": ALL["sums_mutual"]})
    (folder / "all.yaml").write_text("group: sums\ntask: [sums_chosen, sums_mutual]\n")
    suite = pinned(tmp_path, folder, "sums", metric="acc", limit=5, num_fewshot=1)
    assert suite.pinned is not None
    assert suite.pinned.versions == {"sums_chosen": "1.0", "sums_mutual": "1.0"}
    # A task that says 0 examples keeps that, as in lm-eval.
    assert suite.pinned.num_fewshot == {"sums_chosen": 1, "sums_mutual": 0}
    scores = score_rows(answered(engine, suite, is_chat=False), suite, Asked(is_chat=False))
    assert [score["category"] for score in scores] == ["sums_chosen"] * 5 + ["sums_mutual"] * 5


def test_the_folders_of_a_standard_group_are_found() -> None:
    from yardstick.suites.harness_index import folders_of

    assert folders_of("arc_easy", None) == ["arc"]
    assert folders_of("mmlu_stem", None) == ["mmlu/default"]
