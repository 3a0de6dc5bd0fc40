"""Take the pictures of the page for the docs, from invented models.

Run: python tests/browser/take_screenshots.py
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from page_world import REPOSITORY, make_page_world
from playwright.sync_api import sync_playwright
from yardstick.leaderboard.build import write

_PICTURES = {
    "leaderboard.png": {"viewport": {"width": 1280, "height": 1080}, "color_scheme": "light"},
    "leaderboard-phone.png": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "dark",
        "device_scale_factor": 2,
    },
}


def main() -> None:
    """Write the pictures into docs/images."""
    folder = REPOSITORY / "docs" / "images"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        write(make_page_world(Path(name) / "world").build(), Path(name))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for picture, settings in _PICTURES.items():
            page = browser.new_context(**settings).new_page()
            page.goto((Path(name) / "index.html").as_uri())
            page.locator("#memory [role=img]").wait_for()
            page.screenshot(path=folder / picture)
            print(f"{folder / picture}: {(folder / picture).stat().st_size / 1000:.0f} kB")
        browser.close()


if __name__ == "__main__":
    main()
