"""Atomic writing: a reader sees the old file or the new one, and nothing is left behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
from working_copy import ROOT
from yardstick.errors import YardstickError
from yardstick.files import is_temporary, remove_if_abandoned, write_atomically, write_with


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_content_is_written_and_folders_are_made(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a/b/x.json", b"new")
    assert (tmp_path / "a/b/x.json").read_bytes() == b"new"
    assert names(tmp_path / "a/b") == ["x.json"]


def test_an_earlier_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a longer old content")
    write_atomically(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(error: BaseException, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(type(error)):
        write_with(tmp_path / "x", write)
    assert (tmp_path / "x").read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")

    def write(file: BinaryIO) -> None:
        file.write(b"new")
        file.flush()
        assert (tmp_path / "x").read_bytes() == b"old"
        assert [name for name in names(tmp_path) if not is_temporary(name)] == ["x"]

    write_with(tmp_path / "x", write)


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(YardstickError, match=r"a/x: cannot be written \(.*\); free space or mend permissions"):
        write_atomically(tmp_path / "a/x", b"")


def test_a_full_disk_is_one_line_and_leaves_the_old_file(small_disk: Path) -> None:
    write_atomically(small_disk / "x", b"old")
    with pytest.raises(YardstickError, match=r"x: cannot be written \(No space left on device\); free space"):
        write_atomically(small_disk / "x", bytes(200_000))
    assert (small_disk / "x").read_bytes() == b"old"
    assert names(small_disk) == ["x"]


KILLED = """
import os, signal, sys
from pathlib import Path
from yardstick.files import write_with

def write(file):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

write_with(Path(sys.argv[1]), write)
"""


def test_what_a_killed_writer_leaves_is_recognised_and_removed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "x")]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")}, check=False)
    (left,) = set(names(tmp_path)) - {"x"}
    assert is_temporary(left)
    remove_if_abandoned(tmp_path / left)
    assert names(tmp_path) == ["x"]


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_temporary_file_of_a_living_process_is_kept(tmp_path: Path) -> None:
    file = tmp_path / f".x.{socket.gethostname()}.{os.getppid()}.partial"
    file.touch()
    remove_if_abandoned(file)
    assert file.exists()


def test_the_temporary_file_of_another_machine_is_kept(tmp_path: Path) -> None:
    file = tmp_path / f".x.not-{socket.gethostname()}.{dead_pid()}.partial"
    file.touch()
    remove_if_abandoned(file)
    assert file.exists()


@pytest.mark.parametrize("pid", ["", "abc", "²", "-5", "9" * 30])
def test_a_temporary_name_without_a_process_is_no_error(pid: str, tmp_path: Path) -> None:
    file = tmp_path / f".x.{socket.gethostname()}.{pid}.partial"
    file.touch()
    remove_if_abandoned(file)
    assert file.exists() == (not pid.isdecimal())


def test_a_temporary_file_that_cannot_be_removed_is_no_error(tmp_path: Path) -> None:
    folder = tmp_path / f".x.{socket.gethostname()}.{dead_pid()}.partial"
    folder.mkdir()
    remove_if_abandoned(folder)
    assert folder.exists()


@pytest.mark.parametrize("name", ["x.parquet", ".gitkeep", "x.partial", ".partial.parquet"])
def test_other_names_are_not_temporary(name: str) -> None:
    assert not is_temporary(name)
