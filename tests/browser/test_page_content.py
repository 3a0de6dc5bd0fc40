"""What goes into the page, without a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_world import content_of, make_page_world
from yardstick.leaderboard.build import write
from yardstick.leaderboard.page.answers import LONGEST_TEXT
from yardstick.leaderboard.page.html import html, json_text

SMALLEST: dict[str, Any] = {"rows": []}


@given(st.text() | st.sampled_from(["</script>", "<!--", "]]>", "\u2028", "&lt;"]))
def test_json_in_the_page_is_only_text_and_reads_back(text: str) -> None:
    written = json_text({"answer": text})
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {"answer": text}


def test_half_a_character_does_not_stop_the_page() -> None:
    assert b"a?b" in html({"answer": "a\ud800b"})


def test_the_policy_names_the_scripts_and_styles_of_the_page_and_nothing_else(board: Path) -> None:
    page = board.read_text()
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert found
    policy = dict(part.split(" ", 1) for part in found[1].replace("&#39;", "'").split("; "))
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in found[1]
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        texts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        assert policy[rule] == " ".join(f"'sha256-{value}'" for value in hashes)


def test_licences_of_the_libraries_travel_with_the_page(board: Path) -> None:
    page = board.read_text()
    assert "University of Washington Interactive Data Lab" in page
    assert "Mike Bostock" in page
    assert "sourceMappingURL" not in page


def test_the_same_results_give_the_same_page(tmp_path: Path) -> None:
    world = make_page_world(tmp_path / "one", models=3)
    other = make_page_world(tmp_path / "two", models=1)
    shutil.rmtree(other.results)
    shutil.copytree(world.results, other.results)
    other.registry = world.registry
    assert world.build().page() == other.build().page()


def test_a_broken_answers_file_costs_only_its_answers(tmp_path: Path) -> None:
    world = make_page_world(tmp_path, models=2)
    row = world.build().leaderboard.rows[0]
    for file in (world.results / f"metric=reasoning_answers/model={row.model}").rglob("*.parquet"):
        file.write_bytes(b"PAR1")
    content = content_of(world.build().page().decode())
    answers = {shown["model"]: content["answers"][shown["answers"]["reasoning"]]["tasks"] for shown in content["rows"]}
    assert answers[row.model] == []
    assert all(tasks for model, tasks in answers.items() if model != row.model)


def test_texts_of_a_contributed_file_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("page_world._text", lambda entry, task: ("yes", "x" * 100_000))
    content = content_of(make_page_world(tmp_path, models=1).build().page().decode())
    assert {len(task["answer"]) for task in content["answers"][0]["tasks"]} == {LONGEST_TEXT}


def test_a_series_of_history_has_every_valid_result(tmp_path: Path) -> None:
    content = content_of(make_page_world(tmp_path, models=1).build().page().decode())
    (model,) = content["history"]
    series = {(one["metric"], one["machine"]): one for one in content["history"][model]}
    row = next(row for row in content["rows"] if row["machine"] == "ryzen-7-8c-32gb")
    points = series["throughput", row["machine"]]["points"]
    epochs = [content["environments"][environment]["epoch"] for *_, environment in points]
    assert epochs == sorted(epochs)
    assert len(set(epochs)) == 4
    assert points[-1][1] == pytest.approx(row["throughput"]["tokens_per_s"], rel=1e-4)
    assert points[-1][2] < points[-1][1] < points[-1][3]


def test_a_hundred_models_fit_in_three_megabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    write(make_page_world(tmp_path / "world", models=100).build(), tmp_path)
    content = content_of((tmp_path / "index.html").read_text())
    assert len({row["model"] for row in content["rows"]}) == 100
    assert (tmp_path / "index.html").stat().st_size < 3_000_000
