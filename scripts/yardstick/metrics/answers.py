"""Answers of a suite: each question decoded greedily, in batches of similar length where the engine can.

Which questions share a batch changes no token (a test shows it in float32), so the size of the batches may be found
while answering, and what is asked alone decides the answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from yardstick.backends.base import Completion, Engine
from yardstick.errors import YardstickError
from yardstick.metrics.batching import BatchSize
from yardstick.metrics.observations import Observations, Progress

Row = dict[str, Any]
# Tasks between two looks at the score.
BLOCK = 16


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        task: id of the task.
        text: the question.
        choices: continuations whose likelihoods are asked for; empty for an answer in words.
        stop: texts at which an answer in words ends.
        contexts: texts of the choices where each has its own, in their order; empty where all have the question's.
    """

    task: str
    text: str
    choices: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()


class Journal(Protocol):
    """Answers that outlive this process."""

    def known(self) -> Mapping[str, list[Row]]:
        """Return task -> the rows that an earlier process noted."""

    def note(self, rows: Sequence[Row]) -> None:
        """Keep the rows of some tasks, all rows of a task at once."""


class Stopping(Protocol):
    """Says when enough is known."""

    def is_enough(self, answered: Mapping[str, list[Row]]) -> bool:
        """Tell whether the score is known well enough from the tasks that are answered."""


def observe(
    engine: Engine,
    *,
    questions: Sequence[Question],
    prompt: str,
    is_chat: bool,
    max_new_tokens: int,
    batch_size: int | None,
    progress: Progress,
    sampled: int = 0,
    temperature: float = 0.0,
    journal: Journal | None = None,
    stopping: Stopping | None = None,
) -> Observations:
    """Return the rows of each task with the model's continuations, in the questions' order; nothing is scored here.

    Args:
        engine: a prepared engine; it is loaded here.
        questions: what is asked.
        prompt: how a question is put, with ``{question}`` in it.
        is_chat: whether the result is put through the model's chat template.
        max_new_tokens: longest answer in tokens.
        batch_size: prompts answered together, None for as many as memory and speed suggest.
        progress: told (done, total) between batches.
        sampled: answers that are drawn to each question beside the greedy one.
        temperature: of the drawn answers.
        journal: keeps answers, so that a killed job goes on at the next task.
        stopping: with it, tasks are taken in an order that is random and always the same, until enough is known.
    """
    engine.load()
    answering = _Answering(
        engine,
        prompt,
        is_chat,
        max_new_tokens,
        BatchSize(batch_size, is_together=engine.answers_together),
        sampled,
        temperature,
    )
    tasks = {question.task for question in questions}
    answered = {task: rows for task, rows in (journal.known() if journal else {}).items() if task in tasks}
    stopped_by, looked_at = "count", set()
    for block in [questions] if stopping is None else _blocks(questions):
        for rows in answering.rows([question for question in block if question.task not in answered]):
            if journal:
                journal.note(rows)
            for row in rows:
                answered.setdefault(row["task"], []).append(row)
            progress(len(answered), len(questions))
        looked_at |= {question.task for question in block}
        if stopping and stopping.is_enough({task: answered[task] for task in looked_at}):
            stopped_by = "interval"
            break
    kept = [row for question in questions if question.task in looked_at for row in answered[question.task]]
    sampling = {"stopped_by": stopped_by, "relative_interval": None} if stopping else {}
    return Observations(kept, sampling)


def _blocks(questions: Sequence[Question]) -> Iterator[Sequence[Question]]:
    """Yield the questions in an order that their ids alone decide, some at a time."""
    shuffled = sorted(questions, key=lambda question: hashlib.sha256(question.task.encode()).digest())
    for start in range(0, len(shuffled), BLOCK):
        yield shuffled[start : start + BLOCK]


# A question with the text that is put to the model.
_Pair = tuple[Question, str]
_Some = Callable[[Sequence[_Pair]], Iterator[list[Row]]]


@dataclass(frozen=True)
class _Answering:
    """One model that answers questions."""

    engine: Engine
    prompt: str
    is_chat: bool
    max_new_tokens: int
    batch_size: BatchSize
    sampled: int
    temperature: float

    def rows(self, questions: Sequence[Question]) -> Iterator[list[Row]]:
        """Yield the rows of some questions at a time: the longest first, so that memory is short at once or never."""
        prompted = sorted(((q, self._text(q)) for q in questions), key=lambda pair: -len(pair[1]))
        too_long = {question.task for question, text in prompted if self._is_too_long(question, text)}
        if too_long:
            yield [
                _row(q, text, Completion("", 0, 0, "length"), finish="too_long")
                for q, text in prompted
                if q.task in too_long
            ]
        waiting = [pair for pair in prompted if pair[0].task not in too_long]
        yield from self._all(self._chosen, [pair for pair in waiting if pair[0].choices])
        yield from self._all(self._worded, [pair for pair in waiting if not pair[0].choices])

    def _all(self, some: _Some, waiting: Sequence[_Pair]) -> Iterator[list[Row]]:
        """Yield the rows of all questions; with half as many together after memory ran out."""
        while waiting:
            answered: set[str] = set()
            together = self._take(waiting[0][1])
            try:
                for rows in some(waiting):
                    answered |= {row["task"] for row in rows}
                    yield rows
            except (RuntimeError, MemoryError) as error:
                if together == 1 or not _is_out_of_memory(error):
                    raise
                self.batch_size.shrink(min(together, len(waiting)))
            waiting = [pair for pair in waiting if pair[0].task not in answered]

    def _take(self, longest: str) -> int:
        return self.batch_size.take(longest, self.max_new_tokens)

    def _text(self, question: Question) -> str:
        return self._put(question.text)

    def _put(self, asked: str) -> str:
        text = self.prompt.replace("{question}", asked)
        return self.engine.render_chat(text) if self.is_chat else text

    def _is_too_long(self, question: Question, text: str) -> bool:
        """Tell whether the context cannot hold a prompt and its answer; such a question counts as not answered."""
        room = self.engine.spec.context_length - (0 if question.choices else self.max_new_tokens)
        longest = max([given + choice for given, choice in self._pairs(question, text)] or [text], key=len)
        # A token has at least a byte, but for a few that mark begin and end.
        if len(longest.encode()) + 8 <= room:
            return False
        try:
            return len(self.engine.tokenize(longest)) > room
        except YardstickError:
            return False

    def _worded(self, waiting: Sequence[_Pair]) -> Iterator[list[Row]]:
        """Yield the rows of questions that are answered in words, as they are answered."""
        texts = [text for _, text in waiting]
        together = self.engine.answer_each(
            texts,
            self.max_new_tokens,
            [question.stop for question, _ in waiting],
            is_rendered=self.is_chat,
            take=lambda number: self._take(texts[number]),
        )
        for answers in together:
            yield [
                row
                for number, completion in answers
                for row in (_row(*waiting[number], completion), *self._sampled(*waiting[number]))
            ]

    def _sampled(self, question: Question, text: str) -> list[Row]:
        if not self.sampled:
            return []
        seed = int.from_bytes(hashlib.sha256(question.task.encode()).digest()[:4], "big")
        drawn = self.engine.sample(
            text,
            self.max_new_tokens,
            count=self.sampled,
            temperature=self.temperature,
            seed=seed,
            is_rendered=self.is_chat,
        )
        return [_row(question, text, completion, sample=number) for number, completion in enumerate(drawn, start=1)]

    def _chosen(self, waiting: Sequence[_Pair]) -> Iterator[list[Row]]:
        """Yield the rows of questions with choices, a batch at a time."""
        start = 0
        while start < len(waiting):
            batch = waiting[start : start + self._take(waiting[start][1])]
            yield self._choose(batch)
            start += len(batch)

    def _choose(self, batch: Sequence[_Pair]) -> list[Row]:
        """Return the rows of some questions; the choices of one prompt are asked for together."""
        asked = [
            (place, given, choices)
            for place, (question, text) in enumerate(batch)
            for given, choices in self._by_prompt(question, text).items()
        ]
        found = self.engine.likelihoods(
            [given for _, given, _ in asked],
            [[choice for _, choice in choices] for _, _, choices in asked],
            is_rendered=self.is_chat,
        )
        known: list[dict[int, tuple[float, bool]]] = [{} for _ in batch]
        tokens: dict[int, int] = {}
        for (place, _, choices), of_prompt in zip(asked, found, strict=True):
            tokens.setdefault(place, of_prompt.prompt_tokens)
            pairs = zip(of_prompt.log_likelihoods, of_prompt.is_greedy, strict=True)
            known[place] |= {number: pair for (number, _), pair in zip(choices, pairs, strict=True)}
        return [_choice_row(*pair, known[place], tokens[place]) for place, pair in enumerate(batch)]

    def _by_prompt(self, question: Question, text: str) -> dict[str, list[tuple[int, str]]]:
        """Return prompt -> number and text of the choices that have it."""
        found: dict[str, list[tuple[int, str]]] = {}
        for number, (given, choice) in enumerate(self._pairs(question, text)):
            found.setdefault(given, []).append((number, choice))
        return found

    def _pairs(self, question: Question, text: str) -> list[tuple[str, str]]:
        """Return each choice with its prompt; one without a context has none, whatever the chat template."""
        given = [context and self._put(context) for context in question.contexts] or [text] * len(question.choices)
        return list(zip(given, question.choices, strict=True))


def _choice_row(question: Question, text: str, found: Mapping[int, tuple[float, bool]], prompt_tokens: int) -> Row:
    likelihoods = [found[number][0] for number in range(len(question.choices))]
    best = max(range(len(likelihoods)), key=likelihoods.__getitem__)
    row = _row(question, text, Completion(question.choices[best], 0, prompt_tokens, "stop"))
    return row | {"likelihoods": likelihoods, "greedy": [found[number][1] for number in range(len(likelihoods))]}


def _row(
    question: Question, text: str, completion: Completion, *, sample: int | None = None, finish: str | None = None
) -> Row:
    answer, ends = _until(completion.text, question.stop)
    return {
        "task": question.task,
        "sample": sample,
        "prompt": text,
        "prompt_tokens": completion.prompt_tokens,
        "output_tokens": completion.output_tokens,
        "answer": answer,
        "finish": finish or ("stop" if ends else completion.finish),
        "likelihoods": None,
        "greedy": None,
    }


def _until(answer: str, stop: Sequence[str]) -> tuple[str, bool]:
    """Return an answer up to the first of some texts, and whether there was one."""
    places = [place for text in stop if (place := answer.find(text)) >= 0]
    return (answer[: min(places)], True) if places else (answer, False)


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()
