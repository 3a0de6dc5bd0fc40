"""Write envs/requirements.txt and envs/requirements-dev.txt: the versions that a new environment gets today."""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ENVS = Path("envs")
HEAD = "# Written by `make lock` from {source}; edit that file and not this one.\n"


def freeze(python: Path, sources: list[Path]) -> list[str]:
    """Install the sources' packages and return all pins, build labels such as +cpu and accelerator wheels left out."""
    arguments = [argument for source in sources for argument in ("--requirement", str(source))]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], check=True)
    output = subprocess.run([python, "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
    pins = [re.sub(r"\+\w+$", "", re.sub(r" @ .*/\w+-([\d.]+).*", r"==\1", line)) for line in output.splitlines()]
    return [pin for pin in pins if not pin.startswith(("nvidia-", "cuda-", "triton"))]


def main() -> int:
    """Lock in a fresh environment and return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        pins = freeze(python, [ENVS / "requirements.in"])
        dev_pins = freeze(python, [ENVS / "requirements.in", ENVS / "requirements-dev.in"])
    (ENVS / "requirements.txt").write_text(HEAD.format(source="requirements.in") + "\n".join(pins) + "\n")
    only_dev = ["-r requirements.txt", *[pin for pin in dev_pins if pin not in pins]]
    (ENVS / "requirements-dev.txt").write_text(HEAD.format(source="requirements-dev.in") + "\n".join(only_dev) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
