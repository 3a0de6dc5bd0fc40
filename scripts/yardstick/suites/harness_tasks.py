"""Tasks of lm-evaluation-harness: loaded without network, refused where they ask for what no engine here does, rendered."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yardstick.errors import YardstickError
from yardstick.suites.harness_index import task_tree
from yardstick.suites.harness_isolation import isolated
from yardstick.suites.items import Asked, Document, Item

if TYPE_CHECKING:
    from yardstick.suites.harness import HarnessSuite

_LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
_DEFAULT_LENGTH = 256
# What says only how to draw does not matter where nothing is drawn.
_OF_DRAWING = ("do_sample", "temperature", "top_p", "top_k", "min_p")
# Of a task's configuration, what decides scores beside the documents.
_SCORING = ("output_type", "doc_to_target", "doc_to_choice", "process_results", "metric_list", "filter_list")


@dataclass(frozen=True)
class TaskSpec:
    """What names the items of a harness suite.

    Attributes:
        task: name of a task, group or tag.
        is_chat: whether prompts are for a chat template.
        num_fewshot: examples before each question, None for the task's own number.
        limit: first documents of each task alone, None for all.
        seed: of the examples.
        include_path: folder with tasks of the user's own.
        folders: folders of lm-eval's tasks that are searched, None for all, which takes seconds.
    """

    task: str
    is_chat: bool
    num_fewshot: int | None
    limit: int | None
    seed: int
    include_path: str | None
    folders: tuple[str, ...] | None


@dataclass(frozen=True)
class Rendered:
    """Items and all that is to be pinned of them.

    Attributes:
        items: in the tasks' order.
        tasks: lm-eval's tasks by name.
        instances: (task, number of the document) -> its requests, in their order.
        max_new_tokens: longest answer in tokens.
        prompts: hash of what is asked.
        expected: hash of the documents and of what scores them.
    """

    items: list[Item]
    tasks: Mapping[str, Any]
    instances: Mapping[tuple[str, int], list[Any]]
    max_new_tokens: int
    prompts: str
    expected: str


def spec_of(suite: HarnessSuite, *, is_chat: bool, folders: Sequence[str] | None) -> TaskSpec:
    """Return what names the items of a suite's file."""
    found = None if folders is None else tuple(folders)
    return TaskSpec(suite.task, is_chat, suite.num_fewshot, suite.limit, suite.seed, suite.include_path, found)


def pinned_items(suite: HarnessSuite, asked: Asked) -> list[Item]:
    """Return the items of a pinned suite, with what the scorer needs.

    Raises:
        YardstickError: the suite is not pinned, cannot be rendered, or is no longer what was pinned.
    """
    pinned = suite.pinned
    if pinned is None:
        raise YardstickError(f"suite {suite.name}: its task is not pinned yet; {suite.remedy}")
    spec = spec_of(suite, is_chat=asked.is_chat, folders=pinned.folders)
    try:
        rendered = render(spec)
    except YardstickError as error:
        raise YardstickError(f"suite {suite.name}: {error}") from error
    wanted = pinned.chat_prompts if asked.is_chat else pinned.prompts
    if (rendered.prompts, rendered.expected) != (wanted, pinned.expected):
        what = "prompts" if rendered.prompts != wanted else "documents or scoring"
        raise YardstickError(
            f"suite {suite.name}: the {what} of task {suite.task} are not those that were pinned; {suite.remedy}"
        )
    known = {"spec": asdict(spec), "metric": pinned.metric, "filter": pinned.filter}
    return [Item(**{**vars(item), "expected": {**known, **item.expected}}) for item in rendered.items]


@lru_cache(maxsize=4)
def render(spec: TaskSpec, *, is_online: bool = False) -> Rendered:
    """Load tasks and render their items.

    Args:
        spec: which.
        is_online: whether data sets may be fetched; measurements never do.

    Raises:
        YardstickError: one line, without the suite's name.
    """
    with isolated(is_online=is_online):
        tasks = _load(spec)
        for name, task in tasks.items():
            _refuse(name, task)
            _prepare(task, spec)
            _build(name, task, spec)
        instances = {
            (name, number): requests for name, task in tasks.items() for number, requests in _by_document(task)
        }
        found = [_item(name, number, requests) for (name, number), requests in instances.items()]
        lengths = {length for _, length in found}
        if len(lengths) > 1:
            raise YardstickError(
                f"task {spec.task}: its answers have limits of {sorted(lengths)} tokens; name one task"
            )
        items = [item for item, _ in found]
        asked = [[item.id, item.question, item.choices, item.stop, item.contexts] for item in items]
        return Rendered(items, tasks, instances, lengths.pop(), _hash(asked), _hash(_scoring(tasks, spec)))


def _load(spec: TaskSpec) -> dict[str, Any]:
    from lm_eval.tasks import TaskManager

    folders = [str(task_tree() / folder) for folder in spec.folders or ()]
    own = [spec.include_path] if spec.include_path else []
    if spec.include_path and not Path(spec.include_path).is_dir():
        raise YardstickError(f"include_path: there is no folder {spec.include_path}; give one below the repository")
    manager = TaskManager(include_path=[*folders, *own], include_defaults=spec.folders is None)
    try:
        tasks: dict[str, Any] = manager.load([spec.task])["tasks"]
    except (ConnectionError, FileNotFoundError) as error:
        raise YardstickError(
            f"task {spec.task}: its data set is not on this machine ({_line(error)}); run: make pin-suite SUITE=<name>, "
            "connected, or mend the path in the task's file"
        ) from error
    except Exception as error:  # Tasks are code and data of others.
        raise YardstickError(f"task {spec.task}: lm-eval cannot load it ({_line(error)}); take another task") from error
    return dict(sorted(tasks.items()))


def _refuse(name: str, task: Any) -> None:
    """Refuse what no engine here does, before anything is rendered."""
    why = None
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        why = "measures perplexity (loglikelihood_rolling), which the engines here do not; take one that answers or chooses"
    elif getattr(task, "UNSAFE_CODE", False):
        why = "runs what a model writes outside a sandbox; use the suite code, which has one"
    elif getattr(task, "MULTIMODAL", False):
        why = "asks about images or sound; take a task of text"
    elif (task.get_config("repeats") or 1) != 1:
        why = "asks for several drawn answers (repeats); take a task with one"
    if why:
        raise YardstickError(f"task {name}: {why}")


def _prepare(task: Any, spec: TaskSpec) -> None:
    """Set examples and seed by the rules of lm-eval's `simple_evaluate`: a task that says 0 examples keeps that."""
    stated = task.get_config("num_fewshot")
    if spec.num_fewshot is not None and stated != 0:
        task.set_config(key="num_fewshot", value=spec.num_fewshot)
    elif stated is None:
        task.set_config(key="num_fewshot", value=0)
    task.set_fewshot_seed(seed=spec.seed)


def _build(name: str, task: Any, spec: TaskSpec) -> None:
    chat: dict[str, Any] = {"apply_chat_template": True, "chat_template": _question} if spec.is_chat else {}
    try:
        task.build_all_requests(limit=spec.limit, **chat)
    except YardstickError:
        raise
    except Exception as error:  # Tasks are code and data of others.
        raise YardstickError(f"task {name}: lm-eval cannot make its prompts ({_line(error)}); mend the task") from error


class PrefilledError(YardstickError):
    """The answer begins with words of the task, for which a chat template has no place here."""


def _question(messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = True) -> str:
    """Return messages as one question: engines and servers put it into the model's template themselves."""
    if messages[-1]["role"] == "assistant":
        raise PrefilledError("its answers begin with words of the task, for which a chat template has no place")
    return "\n\n".join(message["content"] for message in messages)


def _by_document(task: Any) -> Iterator[tuple[int, list[Any]]]:
    groups: dict[int, list[Any]] = {}
    for instance in task.instances:
        groups.setdefault(instance.doc_id, []).append(instance)
    for number, requests in groups.items():
        yield number, sorted(requests, key=lambda request: request.idx)


def _item(name: str, number: int, requests: Sequence[Any]) -> tuple[Item, int]:
    """Return a document as an item, and the longest answer in tokens."""
    kinds = {request.request_type for request in requests}
    known = {"task": name, "document": number}
    names: dict[str, Any] = {"id": f"{name}-{number:05}", "category": name, "expected": known}
    if kinds == {"loglikelihood"}:
        contexts, choices = zip(*(request.args for request in requests), strict=True)
        own = contexts if len(set(contexts)) > 1 else ()
        return Item(**names, question=contexts[0], choices=choices, contexts=own), _DEFAULT_LENGTH
    if kinds != {"generate_until"} or len(requests) > 1:
        raise YardstickError(
            f"task {name}: a document is asked in several ways ({', '.join(sorted(kinds))}); take another task"
        )
    question, options = requests[0].args
    stop, length = _generation(name, options)
    return Item(**names, question=question, stop=stop), length


def _generation(name: str, options: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """Return the texts at which answers end and their longest length; refuse all but greedy decoding."""
    draws = options.get("do_sample")
    if draws or (draws is None and float(options.get("temperature") or 0) > 0):
        raise YardstickError(
            f"task {name}: draws its answers (do_sample), and answers here are greedy; take another task"
        )
    if unknown := set(options) - {"until", *_LENGTHS, *_OF_DRAWING}:
        raise YardstickError(
            f"task {name}: generation_kwargs has {sorted(unknown)[0]}, which the engines here do not do; take another task"
        )
    until = options.get("until") or []
    length = next((int(options[key]) for key in _LENGTHS if options.get(key) is not None), _DEFAULT_LENGTH)
    return tuple(text for text in ([until] if isinstance(until, str) else until) if text), length


def _scoring(tasks: Mapping[str, Any], spec: TaskSpec) -> Document:
    """Return what scores: versions, configurations, documents, and the code in a folder of the user's own."""
    own = sorted(Path(spec.include_path).rglob("*.py")) if spec.include_path else []
    return {
        "lm_eval": importlib.metadata.version("lm-eval"),
        "code": [path.read_text(encoding="utf-8", errors="replace") for path in own],
        "tasks": {
            name: [str(task.VERSION), *(_as_text(task, field) for field in _SCORING), _documents(task)]
            for name, task in tasks.items()
        },
    }


def _documents(task: Any) -> list[Any]:
    return list({instance.doc_id: instance.doc for instance in task.instances}.values())


def _as_text(task: Any, field: str) -> str:
    """Return a field of the configuration, functions as their source where it can be had."""
    # An address of an object says nothing.
    return re.sub(r" at 0x[0-9a-f]+", "", str(task.dump_config().get(field)))


def _hash(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
