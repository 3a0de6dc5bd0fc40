"""The journal: what was noted is known again, whatever moment the process was killed at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yardstick.errors import YardstickError
from yardstick.journal import AnswerJournal
from yardstick.shard_paths import ShardPath

PATH = ShardPath("reasoning_answers", "gpt2", "box", "0" * 16, "f" * 16)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"task": st.sampled_from("abcdef"), "sample": st.none() | st.integers(1, 3), "answer": st.text()}
    ),
    max_size=8,
)


def grouped(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["task"], []).append(row)
    return found


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 400), more=ROWS)
def test_a_journal_cut_anywhere_is_read_up_to_the_cut_and_goes_on(
    rows: list[dict[str, Any]], cut: int, more: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    journal = AnswerJournal(PATH, tmp_path_factory.mktemp("root"))
    assert journal.known() == {}
    journal.note(rows)
    assert journal.known() == grouped(rows)
    with journal.file.open("r+b") as file:
        file.truncate(min(cut, journal.file.stat().st_size))
    kept = journal.known()
    assert kept.items() <= grouped(rows).items()
    journal.note(more)
    assert journal.known() == {**kept, **grouped(more)}
    journal.forget()
    assert journal.known() == {}
    journal.forget()


def test_another_identity_has_another_journal(tmp_path: Path) -> None:
    AnswerJournal(PATH, tmp_path).note([{"task": "a"}])
    other = ShardPath("reasoning_answers", "gpt2", "box", "1" * 16, "f" * 16)
    assert AnswerJournal(other, tmp_path).known() == {}


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "resources").write_text("a file")
    with pytest.raises(YardstickError, match="cannot be written"):
        AnswerJournal(PATH, tmp_path).note([{"task": "a"}])
