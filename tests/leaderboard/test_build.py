"""The whole build: the same bytes everywhere, nothing broken is believed, and what is left out is named with a reason."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yardstick.identity
from hypothesis import given, settings
from hypothesis import strategies as st
from leaderboard_world import ROWS, World, make_world_in, model
from yardstick.leaderboard.build import PAGE, build, write
from yardstick.leaderboard.render import CSV, JSON, MARKDOWN, render
from yardstick.plan import Plan
from yardstick.shard_paths import Listing

LATER = "2026-02-01T00:00:00Z"


def _fill(world: World) -> None:
    """Write something for every section of the page."""
    world.write_all()
    world.write_all(machine="box-b", threads=2, packages={"torch": "3"})
    world.write("latency", "beta", protocol={"latency": {"max_new_tokens": 40}})
    world.write("memory", "beta").below(world.results).write_bytes(b"PAR1")
    (world.results / "stray.txt").write_text("x")


@pytest.fixture
def full_world(make_world: Callable[..., World]) -> World:
    world = make_world(model("alpha"), model("beta"), model("gamma"))
    _fill(world)
    return world


def test_building_twice_gives_the_same_bytes(full_world: World) -> None:
    assert render(full_world.build().leaderboard) == render(full_world.build().leaderboard)


def test_another_machine_folder_and_core_count_give_the_same_bytes(
    full_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = render(full_world.build().leaderboard)
    copy = make_world_in(tmp_path / "elsewhere", model("alpha"), model("beta"), model("gamma"))
    shutil.copytree(full_world.results, copy.results)
    copy.threads = 64
    monkeypatch.setattr(yardstick.identity, "package_version", lambda name: "99.9")
    monkeypatch.setattr("yardstick.plan.machine_label", lambda setting: "another-box")
    assert render(copy.build().leaderboard) == here


def test_settings_that_only_choose_what_to_run_change_nothing(full_world: World) -> None:
    config = full_world.config.model_copy(update={"models": ["beta"], "machine": "mine", "epoch": "e", "strict": True})
    assert render(build(full_world.plan(config)).leaderboard) == render(full_world.build().leaderboard)


_SHARDS = [
    *({"metric": metric, "epoch": epoch, "at": at} for metric in ROWS for epoch, at in (("a", LATER), ("b", LATER))),
    {"metric": "latency", "machine": "box-b"},
    {"metric": "reasoning", "machine": "box-b"},
]


@settings(max_examples=8, deadline=None)
@given(st.permutations(_SHARDS))
def test_the_order_of_writing_does_not_matter(order: list[dict[str, Any]]) -> None:
    pages = []
    for shards in (_SHARDS, order):
        with tempfile.TemporaryDirectory() as folder:
            world = make_world_in(Path(folder), model("alpha"))
            for shard in shards:
                world.write(**shard)
            pages.append(render(world.build().leaderboard))
    assert pages[0] == pages[1]


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_listing_does_not_matter(random: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = make_world_in(Path(folder), model("alpha"), model("beta"), model("gamma"))
        _fill(world)
        inputs = world.plan().inputs
        expected = render(world.build().leaderboard)
        sizes_of = list(inputs.listing.sizes.items())
        random.shuffle(sizes_of)
        inputs = type(inputs)(**{**vars(inputs), "listing": Listing(dict(sizes_of), inputs.listing.foreign)})
        assert render(build(Plan(inputs)).leaderboard) == expected


def test_no_time_of_building_and_no_folder_is_in_the_files(full_world: World) -> None:
    text = b"".join(render(full_world.build().leaderboard).values()).decode()
    assert str(full_world.root) not in text
    assert "box-b" in text


def test_all_files_are_written_and_the_json_last(
    full_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr("yardstick.leaderboard.build.write_atomically", lambda path, content: written.append(path.name))
    write(full_world.build(), tmp_path)
    assert written == [PAGE, CSV, MARKDOWN, JSON]


@pytest.mark.parametrize("file", ["workflow/resources/calibration/box.json", "config/architectures.json"])
def test_what_forecasts_are_made_from_changes_the_fingerprint(world: World, file: str) -> None:
    before = world.plan().fingerprint()
    (world.root / file).parent.mkdir(parents=True, exist_ok=True)
    (world.root / file).write_text("{}")
    assert world.plan().fingerprint() != before


def test_a_changed_template_changes_the_fingerprint(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.plan().fingerprint()
    (tmp_path / "page.md.j2").write_text("other")
    monkeypatch.setattr("yardstick.plan.LEADERBOARD_CODE", tmp_path)
    assert world.plan().fingerprint() != before
