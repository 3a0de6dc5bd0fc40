"""Write envs/requirements*.txt: the versions that a new environment gets today."""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ENVS = Path("envs")
# What is installed on top of requirements.txt. vLLM has an environment, and a lock, of its own.
EXTRAS = ("requirements-dev", "requirements-llama-cpp", "requirements-slurm", "requirements-harness")
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
        write("requirements", pins)
        for name in EXTRAS:
            all_pins = freeze(python, [ENVS / "requirements.in", ENVS / f"{name}.in"])
            extra = [pin for pin in all_pins if pin not in pins]
            write(name, ["-r requirements.txt", *extra])
            subprocess.run([python, "-m", "pip", "uninstall", "--quiet", "--yes", *extra], check=True)
    return 0


def write(name: str, lines: list[str]) -> None:
    """Write one locked file."""
    (ENVS / f"{name}.txt").write_text(HEAD.format(source=f"{name}.in") + "\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
