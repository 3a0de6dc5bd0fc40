"""The section of the page that says what would run on a machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

MARKUP = "</script><img src=x onerror='document.title=1'><b>&amp;"


def expected(value: float, *, beyond: bool = False) -> dict[str, Any]:
    return {"value": value, "low": value / 1.1, "high": value * 1.1, "is_extrapolated": beyond}


def model(name: str, memory_mb: float, rate: float | None, *, device: str = "cpu") -> dict[str, Any]:
    speed = {
        "machine": "box", "threads": 4, "fits": True, "tokens_per_s": rate and expected(rate),
        "ttft_s": {"512": expected(1.5, beyond=True)} if rate else {}, "reading_share": 0.8,
    }  # fmt: skip
    return {
        "model": name, "backend": "transformers", "device": device, "context_tokens": 1024,
        "load_mb": expected(3), "memory_mb": expected(memory_mb), "weights_mb_per_token": memory_mb,
        "cache_kb_per_token": 9, "gflop_per_token": 2, "speeds": [speed],
    }  # fmt: skip


OUTLOOK: dict[str, Any] = {
    "library_mb": 500,
    "other_machine_width": 0.35,
    "unmeasured_width": 1.1,
    "machines": [
        {"machine": "box", "threads": 4, "memory_mb": 16000, "accelerator_mb": None, "bandwidth_gb_s": 20}
    ],
    "models": [model("small", 1000, 50), model("large", 15000, 2.5), model(MARKUP, 20000, None, device="cuda")],
    "without": [],
    "errors": [
        {
            "quantity": "tokens_per_s", "title": "tokens/s", "backend": "transformers", "device": "cpu", "left_out": "model", "count": 16,
            "rows": 64, "median": 0.08, "p90": 0.2, "baseline_median": 0.6, "baseline_p90": 0.9,
        }
    ],
}  # fmt: skip


@pytest.fixture
def page(open_page: Callable[..., Any], page_with: Callable[[dict[str, Any]], Path]) -> Any:
    return open_page(file=page_with({"outlook": OUTLOOK}))


def cells(page: Any, row: int) -> list[str]:
    found: list[str] = page.locator("#outlook-rows tr").nth(row).locator("th, td").all_inner_texts()
    return found


def test_says_what_fits_how_fast_and_how_sure(page: Any) -> None:
    assert cells(page, 0) == ["small", "fits", "1.00 GB [909 MB, 1.10 GB]", "50.0 [45.5, 55.0]", "1.50 [1.36, 1.65] *",
                              "as measured"]  # fmt: skip
    # The libraries' 500 MB leave the upper end of the interval no room.
    assert cells(page, 1)[:2] == ["large", "may fit"]
    assert "1 of 3 models fit" in page.locator("#outlook-said").inner_text()


def test_numbers_of_another_machine_change_what_fits_and_how_fast(page: Any) -> None:
    page.locator("#outlook-ram").fill("64")
    page.locator("#outlook-bandwidth").fill("80")

    assert cells(page, 1)[1] == "fits"
    # Four times the bandwidth, of which 80 % of the time profits: 1 / (0.8 / 4 + 0.2) times as fast.
    assert cells(page, 0)[3].startswith("125 [")
    assert cells(page, 0)[5] == "beyond what was measured"


def test_the_memory_of_a_gpu_holds_all_models(page: Any) -> None:
    page.locator("#outlook-vram").fill("24")

    assert [cells(page, row)[1] for row in range(3)] == ["fits", "fits", "fits"]
    # Nothing is known of its speed until its bandwidth is typed in, too.
    assert cells(page, 0)[3:5] == ["–", "–"]
    page.locator("#outlook-bandwidth").fill("500")
    # 1 GB of weights takes 2 ms; the fifth of a token's 20 ms that goes elsewhere stays.
    assert cells(page, 0)[3].startswith("167 [")
    # Of a model that is made for a GPU nothing but the reading is known: 20 GB take 40 ms.
    assert cells(page, 2)[3].startswith("25.0 [")
    page.locator("#outlook-vram").fill("4")
    assert [cells(page, row)[1] for row in range(3)] == ["fits", "does not fit", "does not fit"]


def test_tells_its_own_errors_beside_the_rule_of_thumb(page: Any) -> None:
    texts = page.locator("#outlook-errors tr").first.locator("th, td").all_inner_texts()

    assert texts == ["tokens/s (transformers, cpu)", "16 models", "8.00 %", "20.0 %", "60.0 %"]


def test_markup_stays_text(page: Any) -> None:
    assert cells(page, 2)[0] == MARKUP
    assert page.locator("#outlook img, #outlook b").count() == 0


def test_without_a_profile_there_is_no_section(open_page: Callable[..., Any]) -> None:
    assert open_page().locator("#outlook").is_hidden()
