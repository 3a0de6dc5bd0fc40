"""Fixtures: a leaderboard of invented models, and real browsers that look at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_world import content_of, make_page_world
from yardstick.leaderboard.build import write
from yardstick.leaderboard.page.html import html

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs Chromium; skipped where there is none")


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 14 models."""
    folder = tmp_path_factory.mktemp("board")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        write(make_page_world(folder / "world").build(), folder)
    return folder / "index.html"


@pytest.fixture(scope="session")
def content(board: Path) -> dict[str, Any]:
    """The data of the page of 14 models."""
    return content_of(board.read_text())


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no Chromium on the path ({', '.join(_PROGRAMS)})")
    with sync_api.sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that containers lack; the page here is the project's own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any, board: Path) -> Iterator[Callable[..., Any]]:
    """Open a page offline; in the end nothing may have been complained about or asked of a host."""
    contexts, complaints = [], []

    def open_(*, hash_: str = "", width: int = 1280, scheme: str = "light", file: Path = board) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("request", lambda request: complaints.extend(_foreign(request.url, file)))
        page.goto(file.as_uri() + hash_)
        page.locator("main:visible h1").wait_for()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not complaints


def _foreign(url: str, file: Path) -> list[str]:
    is_own = url.startswith("data:") or url.partition("#")[0] == file.as_uri()
    return [] if is_own else [f"request: {url}"]


@pytest.fixture
def page_with(tmp_path: Path, content: dict[str, Any]) -> Callable[[dict[str, Any]], Path]:
    """Write a page with changes in its data."""

    def make(changes: dict[str, Any]) -> Path:
        file = tmp_path / "changed.html"
        file.write_bytes(html({**content, **changes}))
        return file

    return make
