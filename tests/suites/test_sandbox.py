"""Code that tries to get out of the sandbox, to take the machine with it, or to pass without being right."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from working_copy import ROOT
from yardstick.suites import sandbox
from yardstick.suites.sandbox import Outcome, run, sandbox_problem

needs_sandbox = pytest.mark.skipif(sandbox_problem() is not None, reason=str(sandbox_problem()))
pytestmark = needs_sandbox


def attempt(body: str, *arguments: Any, most_s: float = 10) -> Outcome:
    """Run the body of a function with one parameter ``x``."""
    return run(
        f"def attempt(x):\n{textwrap.indent(textwrap.dedent(body), '    ')}",
        "attempt",
        [arguments or (1,)],
        most_s=most_s,
    )


def error(outcome: Outcome) -> str:
    return str(outcome.results.get(0, {}).get("error"))


def value(outcome: Outcome) -> Any:
    assert "value" in outcome.results[0], outcome
    return outcome.results[0]["value"]


def test_a_function_is_called_with_each_case() -> None:
    outcome = run("def double(x):\n    return 2 * x\n", "double", [[1], ["ab"], [[0]]])
    assert outcome == Outcome({0: {"value": 2}, 1: {"value": "abab"}, 2: {"value": [0, 0]}}, "done")


def test_an_error_of_one_case_stops_no_other() -> None:
    outcome = run("def inverse(x):\n    return 1 / x\n", "inverse", [[0], [2]])
    assert outcome.results == {0: {"error": "ZeroDivisionError: division by zero"}, 1: {"value": 0.5}}


@pytest.fixture
def server() -> Iterator[int]:
    """A server on loopback that anything outside the sandbox reaches."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found.server_port
        found.shutdown()
        thread.join()


def test_there_is_no_network(server: int) -> None:
    connect = "import socket\nsocket.create_connection(('127.0.0.1', x), 2).close()\nreturn 'reached'"
    space: dict[str, Any] = {}
    exec(f"def attempt(x):\n{textwrap.indent(connect, '    ')}", space)
    assert space["attempt"](server) == "reached"
    assert "refused" in error(attempt(connect, server))
    assert "unreachable" in error(attempt("import socket\nsocket.create_connection(('192.0.2.1', 80), 2)"))


@pytest.mark.parametrize("forever", [False, True])
def test_a_fork_bomb_is_held_by_the_limit_on_processes(forever: bool) -> None:
    before = len(psutil.pids())
    sleep = "time.sleep(60)" if forever else "os._exit(0)"
    outcome = attempt(
        f"""
        import os, time
        for number in range(x):
            if os.fork() == 0:
                {sleep}
        return number
        """,
        500 if forever else 10**6,
        most_s=4,
    )
    assert "BlockingIOError" in error(outcome) or outcome.ended in ("time", "crashed")
    assert len(psutil.pids()) < before + 50


def test_nothing_outlives_the_sandbox() -> None:
    mark = f"left-behind-{os.getpid()}"
    attempt(
        f"""
        import os, sys, time
        if os.fork() == 0:
            os.setsid()
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", "{mark}"])
        time.sleep(0.3)
        return 1
        """
    )
    time.sleep(0.2)
    assert not [process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or [])]


def test_memory_is_limited() -> None:
    assert error(attempt("return len(bytearray(10**10))")).startswith("MemoryError")
    assert "value" not in attempt("kept = []\nwhile True:\n    kept.append(bytearray(10**7))").results.get(0, {})


def test_a_file_and_the_whole_of_tmp_are_limited() -> None:
    assert "File too large" in error(attempt("open('/tmp/a', 'wb').write(bytes(50 * 10**6))"))
    fill = "for number in range(100):\n    open(f'/tmp/{number}', 'wb').write(bytes(7 * 10**6))"
    assert "No space left" in error(attempt(fill))
    assert value(attempt("import os\nreturn os.listdir('/tmp')")) == []


@pytest.mark.parametrize("place", ["/x", "/usr/x", "/usr/bin/python3", "/dev/shm/x", "/etc/x", f"{sys.base_prefix}/x"])
def test_nothing_can_be_written_outside_tmp(place: str) -> None:
    assert error(attempt("open(x, 'w')", place)).split(":")[0] in ("OSError", "PermissionError", "FileNotFoundError")
    assert not Path(place).exists() or place.startswith("/usr/bin")


def test_homes_settings_and_the_project_are_not_there(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    secret.chmod(0o644)
    for path in (secret, ROOT / "config/models.yaml", Path.home() / ".bashrc", Path("/etc/passwd")):
        assert error(attempt("return open(x).read()", str(path))).split(":")[0] in (
            "FileNotFoundError",
            "PermissionError",
        )
    assert value(attempt("import os\nreturn sorted(set(os.environ) - {'PWD', 'LC_CTYPE'})")) == []


def test_other_processes_cannot_be_seen_or_killed() -> None:
    assert len(value(attempt("import os\nreturn [name for name in os.listdir('/proc') if name.isdigit()]"))) <= 3
    for target in ("1", "-1", "os.getppid()", str(os.getpid())):
        attempt(f"import os, signal\nos.kill({target}, signal.SIGKILL)")
    assert value(attempt("return 2 * x", 4)) == 8


def test_the_code_has_no_rights_and_cannot_get_them() -> None:
    assert "PermissionError" in error(attempt("import os\nos.setuid(0)\nreturn os.getuid()")) or os.geteuid() != 0
    effective = "return [line for line in open('/proc/self/status') if line.startswith('CapEff')][0].split()[1]"
    assert int(value(attempt(effective)), 16) == 0
    mount = """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        return libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)
        """
    assert attempt(mount).results.get(0, {}).get("value") != 0


def test_limits_cannot_be_raised() -> None:
    raise_it = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))"
    assert "ValueError" in error(attempt(raise_it))


def test_an_endless_loop_ends_with_its_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "CPU_SECONDS", 1)
    began_s = time.monotonic()
    assert attempt("while True: pass").ended == "crashed"
    assert time.monotonic() - began_s < 8


def test_sleeping_ends_with_the_wall_time() -> None:
    assert attempt("import time\ntime.sleep(60)", most_s=1) == Outcome({}, "time")


def test_endless_output_is_cut() -> None:
    flood = """
        import os
        for number in range(3, 64):
            try:
                while True:
                    os.write(number, b"x" * 65536)
            except OSError:
                pass
        """
    assert attempt(flood).ended == "output"
    assert value(attempt("print('x' * 10**7)\nreturn 1")) == 1


def test_output_that_is_no_result_counts_for_nothing() -> None:
    forge = """
        import os
        for number in range(3, 64):
            try:
                os.write(number, b'passed\\n{"case": 99, "value": 1}\\n{"case": "x"}\\n[]\\n{"case": 0}\\n')
            except OSError:
                pass
        os._exit(0)
        """
    assert attempt(forge) == Outcome({}, "crashed")


def test_code_that_never_reads_its_request_is_no_trouble() -> None:
    assert run("raise SystemExit", "missing", [["x" * 10**6]]).results[0]["error"].startswith("SystemExit")


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="tries another user, which takes root")
def test_the_sandbox_holds_for_a_user_without_rights_too(tmp_path: Path) -> None:
    """Root's sandbox drops to another user; without root it is a user namespace. Both must hold."""
    python = shutil.which("python3", path="/usr/bin")
    if python is None:
        pytest.skip("needs a system Python that other users can start")
    suites = tmp_path / "yardstick" / "suites"
    suites.mkdir(parents=True)
    for name in ("sandbox.py", "sandbox_runner.py"):
        shutil.copy(ROOT / "scripts/yardstick/suites" / name, suites / name)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/") and Path("/tmp") != folder:
            folder.chmod(0o755)
    script = """
import os
from yardstick.suites.sandbox import run, sandbox_problem
print(sandbox_problem())
bomb = "import os\\ndef f(x):\\n    while True:\\n        if os.fork() == 0:\\n            os._exit(0)\\n"
print(run(bomb, "f", [[1]], most_s=3).results)
print(run("def f(x):\\n    import socket\\n    socket.create_connection(('127.0.0.1', 9), 1)\\n", "f", [[1]]).results)
"""
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python, "-c", script]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    if lines[0] != "None":
        pytest.skip(f"no user namespaces here: {lines[0]}")
    assert "value" not in lines[1]
    assert "refused" in lines[2] or "unreachable" in lines[2]


def test_without_bubblewrap_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    sandbox_problem.cache_clear()
    try:
        assert "install it, on Debian: apt-get install bubblewrap" in str(sandbox_problem())
    finally:
        sandbox_problem.cache_clear()
