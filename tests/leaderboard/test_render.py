"""Rendering: numbers rounded for reading, and no text of unknown origin becomes markup, formula or terminal code."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leaderboard_world import REPOSITORY, World, model, requests, runs
from yardstick.errors import YardstickError
from yardstick.leaderboard.cells import HEADINGS, number, parameters
from yardstick.leaderboard.columns import columns, definitions
from yardstick.leaderboard.render import CSV, JSON, MARKDOWN, render
from yardstick.leaderboard.terminal import leaderboard_table, terminal_table
from yardstick.leaderboard.text import markdown, one_line, spreadsheet

HOSTILE = "a|b\n# c `d` <img src=x> [e](http://f) *g* _h_ \x1b[31m \u202e=1"


def _markdown(world: World) -> str:
    return render(world.build().leaderboard)[MARKDOWN].decode()


def _document(world: World) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render(world.build().leaderboard)[JSON])
    return document


def _table_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def _cells_of(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)[1:-1]


@pytest.mark.parametrize("mark", list("\\`*_[]{}|~$#!"))
def test_markup_is_escaped(mark: str) -> None:
    assert markdown(f"a{mark}b") == f"a\\{mark}b"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("https://example.org", "https\\://example.org"),
        ("www.example.org", "www\\.example.org"),
        (":smile:", "\\:smile:"),
        ("not yet: this", "not yet: this"),
        ("gpt-2.5 (small)", "gpt-2.5 (small)"),
    ],
)
def test_markdown_escapes_no_more_than_markup(text: str, escaped: str) -> None:
    assert markdown(text) == escaped


@given(st.text())
def test_markdown_is_one_line_with_no_open_cell_or_tag(text: str) -> None:
    escaped = markdown(text)
    assert len(escaped.splitlines()) <= 1
    assert not re.search(r"[<>]", escaped)
    assert not re.search(r"(?<!\\)(?:\\\\)*[`|*_\[\]]", re.sub(r"\\[^\\]", "", escaped.replace("\\\\", "")))


@given(st.text(max_size=40))
def test_a_markdown_parser_gives_the_text_back(text: str) -> None:
    parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = parser.parse(f"| x |\n| --- |\n| . {markdown(text)} . |\n")
    (_, cell) = [token for token in tokens if token.type == "inline"]
    assert all(child.type in {"text", "text_special"} for child in cell.children)
    assert "".join(child.content for child in cell.children) == f". {one_line(text)} .".replace(".  .", ".  .")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", " =1", "\t=1", "\r\n=1", "＝1"])
def test_a_formula_becomes_text(text: str) -> None:
    assert spreadsheet(text).startswith("'")


@pytest.mark.parametrize("text", ["gpt-2", "1-2", "", "a=b"])
def test_other_text_stays_in_a_spreadsheet(text: str) -> None:
    assert spreadsheet(text) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.04567, "0.0457"),
        (0.9996, "1.00"),
        (1.234, "1.23"),
        (99.96, "100"),
        (123.6, "124"),
        (54321, "54321"),
    ],
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (12, "12"),
        (172_352, "172 k"),
        (999_700, "1 M"),
        (81_912_576, "82 M"),
        (999_999_999, "1.0 B"),
        (2_779_683_840, "2.8 B"),
        (70_553_706_496, "70.6 B"),
        (671_000_000_000, "671 B"),
        (1_500_000_000_000, "1500 B"),
    ],
)
def test_parameters_are_short(count: int, shown: str) -> None:
    assert parameters(count) == shown


def test_the_table_shows_what_a_reader_wants(world: World) -> None:
    world.write_all()
    (line,) = [line for line in _table_lines(_markdown(world)) if line.startswith("| 1 |")]
    assert [cell.strip() for cell in _cells_of(line)] == [
        "1",
        "alpha",
        r"0.60 \[0.31, 0.83\]",
        "150 ± 635",
        r"1.15 \[1.09, 1.20\]",
        "350",
        "box-a ×1",
        "",
    ]


def test_a_page_without_results_says_how_to_get_some(world: World) -> None:
    text = _markdown(world)
    assert "`snakemake --cores 1 ci_safe`" in text
    assert [line for line in _table_lines(text) if "---" not in line] == [
        "| Model | Tier | Why |",
        "| alpha | ci\\_safe | not measured yet: snakemake --cores 1 ci\\_safe |",
    ]


def test_what_is_missing_is_a_dash(world: World) -> None:
    world.write("memory")
    (line,) = [line for line in _table_lines(_markdown(world)) if "350" in line]
    assert [cell.strip() for cell in _cells_of(line)][2:5] == ["–"] * 3


def test_a_refused_percentile_is_shown_with_its_reason(world: World) -> None:
    world.write("latency", rows=requests(n=4))
    assert "| n/a (4&lt;5) |" in _markdown(world)


def test_the_table_is_narrow_and_leads_to_the_page(world: World) -> None:
    world.write_all()
    text = _markdown(world)
    assert "[The page](index.html)" in text
    assert all(len(_cells_of(line)) <= 8 for line in _table_lines(text))
    assert max(len(line) for line in _table_lines(text)[:3]) < 120


def test_every_flag_is_explained(world: World) -> None:
    world.write("latency", guards={"foreign_cores": 1.0})
    text = _markdown(world)
    assert "| busy |" in text
    assert "- **busy**: other processes" in text


def test_the_command_of_a_row_is_there(make_world: Callable[..., World]) -> None:
    world = make_world(model("my_model", tier="local_only"))
    world.write("memory", "my_model", threads=4)
    assert "\nsnakemake --cores 4 local_only --config models=my_model\n" in _markdown(world)


def test_hostile_text_stays_in_its_cell(make_world: Callable[..., World]) -> None:
    world = make_world(model("alpha", description=HOSTILE, license=HOSTILE[:60]))
    world.write_all(packages={HOSTILE: HOSTILE})
    text = _markdown(world)
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    widths = [len(_cells_of(line)) for line in _table_lines(text)]
    assert widths == [len(HEADINGS)] * 3 + [5] * 3 + [5] * 3


def test_hostile_file_names_stay_text(world: World) -> None:
    world.results.mkdir()
    (world.results / HOSTILE.replace("/", "")).write_bytes(b"")
    text = _markdown(world)
    assert "<img" not in text
    assert len([line for line in text.splitlines() if line.startswith("- File results/a\\|b \\# c ")]) == 1


def test_the_terminal_gets_no_control_characters(world: World) -> None:
    world.results.mkdir()
    document = _document(world)
    document["not_measured"][0]["reason"] = HOSTILE
    world.write_all()
    document["rows"] = _document(world)["rows"]
    document["rows"][0]["machine"] = HOSTILE
    assert not re.search(r"[^\n\x20-\x7e±×–]", terminal_table(document))


def test_the_terminal_shows_the_same_cells(world: World) -> None:
    world.write_all()
    table = terminal_table(_document(world))
    assert "0.60 [0.31, 0.83]" in table
    assert "150 ± 635" in table


def test_the_terminal_names_models_without_results(world: World) -> None:
    assert "  alpha: not measured yet: snakemake --cores 1 ci_safe" in terminal_table(_document(world))


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"\xff", b"{}"])
def test_a_missing_or_broken_leaderboard_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / JSON).write_bytes(content)
    with pytest.raises(YardstickError, match="snakemake --cores 1 leaderboard") as caught:
        leaderboard_table(tmp_path)
    assert "\n" not in str(caught.value)


def test_csv_has_one_line_per_row_and_the_documented_columns(world: World) -> None:
    for machine in ("box-a", "box-b"):
        world.write_all(machine=machine)
    lines = list(csv.DictReader(io.StringIO(render(world.build().leaderboard)[CSV].decode())))
    # Levels are explained, but no flat table can hold them.
    assert list(lines[0]) == [name for name in definitions() if ".levels." not in name]
    assert [line["machine"] for line in lines] == ["box-a", "box-b"]
    assert (lines[0]["latency.p50_s"], lines[0]["reasoning.interval_low"]) == ("1.145", "0.312674")
    assert lines[0]["reasoning.by_category"] == "arithmetic 2/3; common_sense 1/2; logic 2/3; sequence 1/2"


def test_csv_columns_do_not_depend_on_what_was_measured(world: World) -> None:
    before = render(world.build().leaderboard)[CSV].splitlines()[0]
    world.write("memory")
    assert render(world.build().leaderboard)[CSV].splitlines()[0] == before


def test_csv_cells_cannot_be_formulas(make_world: Callable[..., World]) -> None:
    world = make_world(model("alpha", description='=HYPERLINK("x")', license="@SUM(1)"))
    world.write("memory", packages={"=cmd|' /C calc'!A0": "1"})
    (line,) = csv.DictReader(io.StringIO(render(world.build().leaderboard)[CSV].decode()))
    text_cells = [line["description"], line["license"], line["environment.packages"]]
    assert [cell[:2] for cell in text_cells] == ["'=", "'@", "'="]


def test_a_negative_number_stays_a_number_in_csv(world: World) -> None:
    world.write("throughput", rows=runs())
    (line,) = csv.DictReader(io.StringIO(render(world.build().leaderboard)[CSV].decode()))
    assert float(line["throughput.interval_low"]) < 0


def test_every_column_is_explained_in_one_line() -> None:
    assert len({column.name for column in columns()}) == len(columns())
    assert all(text and "\n" not in text for text in definitions().values())


@pytest.mark.parametrize("name", [column.name for column in columns() if column.name.endswith(("_s", "_mb"))])
def test_quantities_name_their_unit(name: str) -> None:
    unit = "MB" if name.endswith("_mb") else "second"
    assert unit in definitions()[name]


def test_json_is_valid_against_its_schema(make_world: Callable[..., World]) -> None:
    world = make_world(model("alpha"), model("beta"), model("gamma", tier="local_only"))
    world.write_all("alpha")
    world.write("latency", "beta", rows=requests(n=3), guards={"swapped_bytes": 9})
    (world.results / "stray.txt").write_text("x")
    schema = json.loads((REPOSITORY / "workflow" / "schemas" / "leaderboard.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(_document(world))


def test_the_fingerprint_is_at_the_head_of_the_json(world: World) -> None:
    world.write_all()
    head = render(world.build().leaderboard)[JSON][:400].decode()
    assert f'"fingerprint": "{world.plan().fingerprint()}"' in head


def test_a_terminal_shows_no_more_than_a_screen_or_two(world: World) -> None:
    document = _document(world)
    document["not_measured"] = [{"model": f"m{number}", "reason": "why"} for number in range(70)]
    table = terminal_table(document)
    assert "  m59: why" in table
    assert "m60" not in table
    assert "... and 10 more in LEADERBOARD.md" in table
