"""The page in a real browser, from disk and without a network."""

from __future__ import annotations

import copy
import http.server
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from yardstick.leaderboard.choosing import LATENCY, MEMORY, SCORE, Limit, best_tradeoffs, kept
from yardstick.leaderboard.document import Leaderboard

pytestmark = pytest.mark.browser

Open = Callable[..., Any]
MARKUP = "</script><img src=x onerror='document.title=1'><b>&amp;"


def names(page: Any) -> list[str]:
    """Return the models of the table, from above."""
    found: list[str] = page.locator("#rows tbody a.name").all_inner_texts()
    return found


def numbers(page: Any, column: str) -> list[float]:
    cells = page.locator(f"#rows tbody td.{column}").evaluate_all(
        "cells => cells.map((cell) => (cell.querySelector('.value') ?? cell).textContent)"
    )
    return [float(cell) for cell in cells if cell not in {"–", "n/a"}]


def unfold(page: Any) -> None:
    page.locator("details").evaluate_all("all => all.forEach((details) => { details.open = true; })")


def sort_by(page: Any, column: str) -> None:
    page.locator(f"#rows th.{column} button").click()


def test_every_row_is_there_in_the_order_of_the_leaderboard(open_page: Open, content: dict[str, Any]) -> None:
    assert names(open_page()) == [row["model"] for row in content["rows"]]


@pytest.mark.parametrize(("column", "first"), [("speed", "descending"), ("memory", "ascending"), ("p50", "ascending")])
def test_a_column_sorts_both_ways_and_says_so(open_page: Open, column: str, first: str) -> None:
    page = open_page()
    for order in (first, "descending" if first == "ascending" else "ascending"):
        sort_by(page, column)
        assert page.locator(f"#rows th.{column}").get_attribute("aria-sort") == order
        assert page.locator("#rows [aria-sort]").count() == 1
        assert numbers(page, column) == sorted(numbers(page, column), reverse=order == "descending")


def test_rows_without_a_number_come_last_both_ways(open_page: Open) -> None:
    page = open_page()
    for _ in range(2):
        sort_by(page, "memory")
        cells = page.locator("#rows tbody td.memory").all_inner_texts()
        dashes = cells.count("–")
        assert dashes
        assert cells[-dashes:] == ["–"] * dashes


def test_the_keyboard_sorts_and_keeps_its_place(open_page: Open) -> None:
    page = open_page()
    page.locator("#rows th.speed button").focus()
    page.keyboard.press("Enter")
    assert page.locator("#rows th.speed").get_attribute("aria-sort") == "descending"
    assert page.evaluate("document.activeElement.closest('th').classList.contains('speed')")


@pytest.mark.parametrize(
    ("field", "keeps"),
    [
        ("tier", lambda row: row["tier"] == "ci_safe"),
        ("backend", lambda row: row["backend"] == "llama_cpp"),
        ("machine", lambda row: row["machine"] == "laptop-4c-16gb"),
    ],
)
def test_a_choice_filters(
    open_page: Open, content: dict[str, Any], field: str, keeps: Callable[[dict[str, Any]], bool]
) -> None:
    page = open_page()
    expected = [row["model"] for row in content["rows"] if keeps(row)]
    value = next(row[field] for row in content["rows"] if keeps(row))
    page.select_option(f"#{field}", value)
    assert names(page) == expected
    assert page.locator("#count").inner_text() == f"{len(expected)} of {len(content['rows'])} rows"
    assert 0 < len(expected) < len(content["rows"])


@pytest.mark.parametrize(
    ("field", "limit", "keeps"),
    [
        ("memory_gb", "1.2", lambda row: row["memory"] and row["memory"]["needed_mb"] <= 1200),
        ("min_reasoning", "0.5", lambda row: row["reasoning"] and row["reasoning"]["score"] >= 0.5),
        ("min_tokens_per_s", "40", lambda row: row["throughput"] and row["throughput"]["tokens_per_s"] >= 40),
    ],
)
def test_a_limit_filters(
    open_page: Open, content: dict[str, Any], field: str, limit: str, keeps: Callable[[dict[str, Any]], bool]
) -> None:
    page = open_page()
    page.fill(f"#{field}", limit)
    expected = [row["model"] for row in content["rows"] if keeps(row)]
    assert names(page) == expected
    assert 0 < len(expected) < len(content["rows"])


def test_search_and_parameters_filter_together_and_are_cleared(open_page: Open, content: dict[str, Any]) -> None:
    page = open_page()
    page.fill("#search", "INSTRUCT bfloat16")
    expected = [row for row in content["rows"] if "instruct" in row["model"] and row["dtype"] == "bfloat16"]
    assert names(page) == [row["model"] for row in expected]
    page.select_option("#parameters", "tiny")
    assert names(page) == [row["model"] for row in expected if row["parameters"] <= 200e6]
    page.click("#reset")
    page.locator("#reset").wait_for(state="hidden")
    assert len(names(page)) == len(content["rows"])
    assert page.locator("#search").input_value() == ""


def test_when_nothing_fits_it_says_what_leaves_out_how_many(open_page: Open, content: dict[str, Any]) -> None:
    page = open_page()
    page.fill("#min_reasoning", "0.5")
    page.fill("#min_tokens_per_s", "100000")
    assert names(page) == []
    assert f"limit of speed leaves out {len(content['rows'])} rows" in page.locator("#nothing").inner_text()


def test_the_best_tradeoffs_are_those_that_nothing_beats(open_page: Open, content: dict[str, Any]) -> None:
    page = open_page()
    page.check("#best")
    gains = {
        (row["model"], row["machine"]): (
            row["reasoning"]["score"], row["throughput"]["tokens_per_s"], -row["memory"]["needed_mb"]
        )
        for row in content["rows"] if row["memory"]
    }  # fmt: skip
    best = [
        key[0]
        for key, own in gains.items()
        if not any(other != own and all(a >= b for a, b in zip(other, own, strict=True)) for other in gains.values())
    ]
    assert names(page) == best


def test_a_detail_opens_by_mouse_and_the_back_button_returns(open_page: Open) -> None:
    page = open_page()
    link = page.locator("#rows a.name").nth(4)
    name = link.inner_text()
    link.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    link.click()
    assert page.locator("#detail h1").inner_text() == name
    assert page.locator("#board").is_hidden()
    assert name in page.title()
    page.go_back()
    page.locator("#board").wait_for()
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.activeElement.textContent") == name


def test_a_detail_opens_by_keyboard_and_takes_the_focus(open_page: Open) -> None:
    page = open_page()
    page.locator("#rows a.name").first.focus()
    page.keyboard.press("Enter")
    page.locator("#detail h1").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "H1"
    task = page.locator(".task summary").first
    task.focus()
    page.keyboard.press("Enter")
    assert page.locator(".task dl").first.is_visible()


def test_a_detail_has_its_own_address(open_page: Open, content: dict[str, Any]) -> None:
    row = next(row for row in content["rows"] if row["machine"] == "laptop-4c-16gb")
    page = open_page(hash_=f"#/model/{row['model']}/{row['machine']}/{row['threads']}")
    assert page.locator("#detail .places [aria-current]").inner_text() == f"{row['machine']} ×{row['threads']}"
    page.evaluate("location.hash = '#/model/no-such-model'")
    page.get_by_role("heading", name="No such row").wait_for()
    page.evaluate("location.hash = '#/model/%E0%A4%A'")
    page.get_by_role("heading", name="No such row").wait_for()
    page.evaluate("location.hash = ''")
    page.locator("#board").wait_for()


def test_a_detail_shows_the_evidence(open_page: Open, content: dict[str, Any]) -> None:
    row = next(row for row in content["rows"] if row["flags"] and row["concurrency"])
    page = open_page(hash_=f"#/model/{row['model']}")
    text = page.locator("#detail").text_content()
    command = f"snakemake --cores {row['threads']} {row['tier']} --config models={row['model']}"
    task = content["answers"][row["answers"]["reasoning"]]["tasks"][0]
    observed = row["observed"]["latency"]["e2e_s"][-1]
    parts = [
        command,
        content["flags"][row["flags"][0]],
        content["texts"][task["prompt"]],
        task["answer"],
        str(observed),
    ]
    for part in [*parts, "python 3.11", "narrow as asked", "Several requests at once", "Long text", "of 512 tokens"]:
        assert part in text
    solved = next(
        at for at, task in enumerate(content["answers"][row["answers"]["reasoning"]]["tasks"]) if task["solved"]
    )
    assert page.locator(".task").nth(solved).locator("mark.accepted").count() == 1


def test_history_is_drawn_where_there_is_more_than_one_result(open_page: Open, content: dict[str, Any]) -> None:
    some = next(model for model in content["history"])
    page = open_page(hash_=f"#/model/{some}")
    assert page.get_by_role("heading", name="Over time").is_visible()
    none = next(row["model"] for row in content["rows"] if row["model"] not in content["history"])
    page.evaluate(f"location.hash = '#/model/{none}'")
    page.get_by_role("heading", name=none).wait_for()
    assert not page.get_by_role("heading", name="Over time").is_visible()


def test_the_charts_are_drawn_and_described(open_page: Open) -> None:
    page = open_page()
    for figure in ("tradeoff", "latency", "memory"):
        chart = page.locator(f"#{figure} [role=img]")
        chart.wait_for()
        assert "alder-30m" in chart.get_attribute("aria-label")
        assert chart.locator("svg .mark-symbol path, svg .mark-rect path").count() > 10


def test_a_point_of_the_chart_explains_itself_and_opens_its_row(open_page: Open) -> None:
    page = open_page()
    point = page.locator("#tradeoff svg .mark-symbol path").first
    point.hover()
    tooltip = page.locator("#tooltip")
    tooltip.wait_for()
    name = tooltip.locator("strong").inner_text().partition(" ·")[0]
    point.click()
    assert page.locator("#detail h1").inner_text() == name


def test_the_latency_chart_shows_the_other_time_too(open_page: Open) -> None:
    page = open_page()
    page.locator("#latency details summary").click()
    before = page.locator("#latency table").inner_text()
    button = page.get_by_role("button", name="First token", exact=True)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("#latency table").inner_text() != before


def test_a_flag_explains_itself_on_focus_and_escape_ends_it(open_page: Open, content: dict[str, Any]) -> None:
    page = open_page()
    page.locator("button.flag").first.focus()
    assert content["flags"]["busy"] in page.locator("#tooltip").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#tooltip").is_hidden()


def _with_markup(content: dict[str, Any]) -> dict[str, Any]:
    """Return changes by which all text that others write holds markup."""
    rows, models, answers = (copy.deepcopy(content[name]) for name in ("rows", "models", "answers"))
    row = rows[0]
    models[MARKUP] = {**models[row["model"]], "description": MARKUP}
    row.update(model=MARKUP, machine=MARKUP, license=MARKUP, backend=MARKUP, flags=["busy"], engine={MARKUP: MARKUP})
    answers[row["answers"]["reasoning"]]["tasks"][0].update(answer=MARKUP, considered=len(MARKUP), accepted=[MARKUP])
    absent = [{"model": MARKUP, "tier": "ci_safe", "reason": MARKUP}]
    flags = {**content["flags"], "busy": MARKUP}
    texts = [MARKUP for _ in content["texts"]]
    return {"rows": rows, "models": models, "answers": answers, "not_measured": absent, "flags": flags, "texts": texts}


def test_markup_stays_text_everywhere(
    open_page: Open, content: dict[str, Any], page_with: Callable[[dict[str, Any]], Path]
) -> None:
    page = open_page(file=page_with(_with_markup(content)))
    assert names(page)[0] == MARKUP
    page.locator("button.flag").first.focus()
    assert MARKUP in page.locator("#tooltip").inner_text()
    page.locator("#rows a.name").first.click()
    assert page.locator("#detail h1").inner_text() == MARKUP
    page.locator(".task summary").first.click()
    assert page.locator(".task pre").nth(1).text_content() == MARKUP
    assert page.locator("img, b").count() == 0
    assert page.locator("#rows tbody tr").count() == len(content["rows"])


def test_an_empty_leaderboard_says_how_to_begin(open_page: Open, page_with: Callable[[dict[str, Any]], Path]) -> None:
    page = open_page(file=page_with({"rows": [], "models": {}, "answers": [], "history": {}}))
    assert "snakemake --cores 1 ci_safe" in page.locator("#summary").inner_text()


def test_no_width_makes_the_page_scroll_sideways(open_page: Open, content: dict[str, Any]) -> None:
    page = open_page()
    sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for address in ("", f"#/model/{next(iter(content['history']))}"):
        page.evaluate(f"location.hash = '{address}'")
        page.locator("main:visible h1").wait_for()
        unfold(page)
        for width in (1280, 768, 390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_function("(most) => innerWidth === most", arg=width)
            page.wait_for_function(f"{sideways} === 0")
            assert page.evaluate(sideways) == 0


def test_light_and_dark_follow_the_system_even_while_open(open_page: Open) -> None:
    page = open_page(scheme="light")
    colours = "[getComputedStyle(document.body).backgroundColor, document.querySelector('#tradeoff .mark-line path').getAttribute('stroke')]"
    light = page.evaluate(colours)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"(light) => ({colours}).every((colour, at) => colour !== light[at])", arg=light)
    assert not set(page.evaluate(colours)) & set(light)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("is_detail", [False, True])
def test_nothing_stands_in_the_way_of_readers(
    open_page: Open, content: dict[str, Any], scheme: str, width: int, is_detail: bool
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page = open_page(hash_=f"#/model/{next(iter(content['history']))}" if is_detail else "", scheme=scheme, width=width)
    page.locator("figure:visible [role=img]").last.wait_for()
    unfold(page)
    rules = axe.run(page, context={"exclude": [["svg"]]}).response["violations"]
    assert "\n".join(f"{rule['id']}: {rule['nodes'][0]['html'][:150]}" for rule in rules) == ""


def test_from_a_server_it_asks_for_itself_alone(browser: Any, board: Path) -> None:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=board.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asked: list[str] = []
        with browser.new_context() as context:
            page = context.new_page()
            page.on("request", lambda request: asked.append(request.url))
            address = f"http://127.0.0.1:{server.server_port}/index.html"
            page.goto(address, wait_until="load")
            page.locator("#memory svg").wait_for()
        server.shutdown()
    assert [url for url in asked if not url.startswith("data:")] == [address]


def test_the_page_chooses_as_the_recommendation_does(open_page: Open, board: Path) -> None:
    rows = Leaderboard.model_validate_json((board.parent / "leaderboard.json").read_bytes()).rows
    limits = [
        Limit("memory_gb", 8, MEMORY, 1000),
        Limit("min_reasoning", 0.3, SCORE),
        Limit("max_latency_s", 5, LATENCY),
    ]
    page = open_page()
    for limit in limits:
        page.fill(f"#{limit.setting}", str(limit.bound))
    fitting = kept(rows, limits)
    assert 0 < len(fitting) < len(rows)
    assert names(page) == [row.model for row in fitting]
    page.check("#best")
    assert names(page) == [row.model for row in best_tradeoffs(fitting)]
