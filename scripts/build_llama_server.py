"""Build llama.cpp's OpenAI-compatible server, `llama-server`, from the sources that llama-cpp-python carries."""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "0.3.36"
OUTPUT = Path("resources/llama-server")
_MEMBERS = "vendor/llama.cpp"
# A static binary of the server alone: no web page (it would be downloaded), no TLS, nothing fetched while building.
_OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "BUILD_SHARED_LIBS": "OFF",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_BUILD_APP": "OFF",
    "LLAMA_BUILD_SERVER": "ON",
    "LLAMA_BUILD_UI": "OFF",
    "LLAMA_USE_PREBUILT_UI": "OFF",
    "LLAMA_OPENSSL": "OFF",
    "LLAMA_CURL": "OFF",
    "GGML_CCACHE": "OFF",
}
# GCC before 13 spoils the code for processors with AMX (GCC PR 114098): docs/backends-llama-cpp.md.
_WITHOUT_AMX = {"CMAKE_C_FLAGS": "-mno-amx-int8", "CMAKE_CXX_FLAGS": "-mno-amx-int8"}
_PROCESSOR = Path("/proc/cpuinfo")


def main() -> int:
    """Build unless the version is built already, and return the exit status."""
    options = _parse_arguments()
    server, built = options.output / "llama-server", options.output / "version.txt"
    if server.is_file() and built.is_file() and built.read_text().strip() == options.version:
        print(f"{server} is built already, from llama-cpp-python {options.version}")
        return 0
    missing = [program for program in ("cmake", "ninja", "c++") if shutil.which(program) is None]
    if missing:
        print(f"error: needs {', '.join(missing)}; on Debian: apt-get install cmake ninja-build g++", file=sys.stderr)
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    built.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=options.output) as folder:
        _install(_build(_source(options, Path(folder)), Path(folder, "build"), options.jobs), server)
    built.write_text(options.version + "\n")
    print(f"built {server}")
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", default=VERSION, help="version of llama-cpp-python whose llama.cpp is built")
    parser.add_argument("--sdist", type=Path, help="its source archive, if it is here already; else pip fetches it")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder for the server")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="files compiled at the same time")
    return parser.parse_args()


def _source(options: argparse.Namespace, folder: Path) -> Path:
    """Return the folder of llama.cpp's sources, taken out of the source archive."""
    archive = options.sdist or _downloaded(options.version, folder)
    with tarfile.open(archive) as packed:
        inside = [member for member in packed.getmembers() if _MEMBERS in member.name]
        packed.extractall(folder, members=inside, filter="data")
    return next(folder.glob(f"*/{_MEMBERS}"))


def _downloaded(version: str, folder: Path) -> Path:
    print(f"fetching the sources of llama-cpp-python {version}, a minute or two ...", flush=True)
    wanted = ("--no-deps", "--no-binary", ":all:", f"llama-cpp-python=={version}")
    _run(sys.executable, "-m", "pip", "download", "--quiet", *wanted, "--dest", str(folder))
    return next(folder.glob("llama_cpp_python-*.tar.gz"))


def _build(source: Path, build: Path, jobs: int) -> Path:
    """Compile the server and return its file."""
    print("compiling llama-server, several minutes ...", flush=True)
    has_amx = _PROCESSOR.exists() and "amx_int8" in _PROCESSOR.read_text()
    settings = [f"-D{name}={value}" for name, value in (_OPTIONS | (_WITHOUT_AMX if has_amx else {})).items()]
    _run("cmake", "-S", str(source), "-B", str(build), "-G", "Ninja", "-Wno-dev", *settings)
    _run("cmake", "--build", str(build), "--parallel", str(jobs), "--target", "llama-server")
    return build / "bin" / "llama-server"


def _install(made: Path, server: Path) -> None:
    """Move the program to its place; nobody ever sees half of it."""
    partial = server.with_suffix(".partial")
    shutil.move(made, partial)
    partial.replace(server)


def _run(*command: str) -> None:
    """Run a command that prints only if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        print(done.stdout[-4000:], file=sys.stderr)
        raise SystemExit(f"error: {command[0]} failed with status {done.returncode}; what it printed is above")


if __name__ == "__main__":
    sys.exit(main())
