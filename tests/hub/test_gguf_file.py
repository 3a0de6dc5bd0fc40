"""One GGUF file of a repository that holds many."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hub_box import Box
from hub_server import COMMIT, Hub
from yardstick.errors import YardstickError
from yardstick.hub import cached_snapshot, needed_files

FILE = "tiny-q4_0.gguf"
PARTS = [f"big-q8_0-{number:05}-of-00003.gguf" for number in (1, 2, 3)]
NAMES = ["README.md", "config.json", "tokenizer.json", FILE, "tiny-q8_0.gguf", *PARTS]


def needed(file: str, names: list[str] = NAMES) -> list[str]:
    return needed_files(names, allow_pickle=False, allow_remote_code=False, file=file)


def refusal(file: str, names: list[str] = NAMES) -> str:
    with pytest.raises(YardstickError) as raised:
        needed(file, names)
    return str(raised.value)


def test_the_file_needs_nothing_beside_it() -> None:
    assert needed(FILE) == [FILE]


def test_a_file_in_parts_needs_all_of_them() -> None:
    assert needed(PARTS[0]) == PARTS
    assert refusal(PARTS[0], [name for name in NAMES if name != PARTS[1]]).startswith(f"has no file {PARTS[1]};")
    assert refusal(PARTS[1]) == f"has {PARTS[1]} as a later part of a file; name the first, {PARTS[0]}"


def test_a_file_that_is_not_there_is_a_line_with_those_that_are() -> None:
    assert (
        refusal("tiny-q2.gguf")
        == f"has no file tiny-q2.gguf; its GGUF files: {', '.join([*PARTS, FILE])}, tiny-q8_0.gguf"
    )
    assert refusal(FILE, ["config.json"]) == f"has no file {FILE}; its GGUF files: none"


def fetch(box: Box, file: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = (
        "import sys; from yardstick.hub.download import fetch\n"
        "try:\n    print(*[file.name for file in fetch(*sys.argv[1:3], file=sys.argv[3]).files])\n"
        "except Exception as error:\n    sys.exit(str(error))"
    )
    command = [sys.executable, "-c", script, box.hub.repo, COMMIT, file]
    return subprocess.run(command, env={**box.environment, **environment}, capture_output=True, text=True, check=False)


@pytest.fixture
def quantised(hub: Hub) -> Hub:
    """The hub, its repository one of GGUF files without a configuration."""
    for path in hub.folder.rglob("*.*"):
        path.unlink()
    for name in (FILE, "tiny-q8_0.gguf", *PARTS):
        (hub.folder / name).write_bytes(name.encode() * 1000)
    return hub


def test_the_file_alone_is_fetched_and_found_again(quantised: Hub, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(box.home))
    fetched = fetch(box, FILE)
    assert (fetched.returncode, fetched.stdout) == (0, f"{FILE}\n"), fetched.stderr
    assert quantised.asked_for() == {FILE}
    assert [path.name for path in box.snapshot.iterdir()] == [FILE]
    assert cached_snapshot(quantised.repo, COMMIT, FILE) == box.snapshot
    assert cached_snapshot(quantised.repo, COMMIT, "tiny-q8_0.gguf") is None
    assert cached_snapshot(quantised.repo, COMMIT) is None
    again = fetch(box, FILE, HF_HUB_OFFLINE="1")
    assert (again.returncode, again.stdout) == (0, f"{FILE}\n"), again.stderr


def test_a_second_file_of_the_repository_joins_the_first(quantised: Hub, box: Box) -> None:
    assert fetch(box, FILE).returncode == 0
    quantised.forget()
    assert fetch(box, PARTS[0]).returncode == 0
    assert quantised.asked_for() == set(PARTS)
    assert {path.name for path in box.snapshot.iterdir()} == {FILE, *PARTS}


def test_a_wrong_name_is_one_line(quantised: Hub, box: Box) -> None:
    fetched = fetch(box, "tiny.gguf")
    assert fetched.returncode == 1
    assert fetched.stderr.startswith(f"{quantised.repo}: has no file tiny.gguf; its GGUF files: ")
    assert len(fetched.stderr.splitlines()) == 1
    assert not Path(box.snapshot).exists()
