"""Runs the jobs of a workflow file for real: `run:` steps in a shell, well-known actions by what they do with files.

Anything that is not known here fails, so that a test follows each change of a workflow.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def load_workflow(file: Path) -> dict[str, Any]:
    """Return a workflow with its triggers under `on`, which YAML reads as a truth value."""
    content = yaml.safe_load(file.read_text())
    content["on"] = content.pop(True)
    return content


@dataclass
class GitHub:
    """What outlives a job: the repository, artifacts, caches, the page, summaries."""

    origin: Path
    home: Path
    environment: dict[str, str]
    expressions: dict[str, Any]
    results: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    output: dict[str, str] = field(default_factory=dict)

    def run(self, workflow: str) -> dict[str, str]:
        """Run all jobs of a workflow in order and return job -> success, failure or skipped."""
        shutil.rmtree(self.home / "artifacts", ignore_errors=True)
        self.results, self.output = {}, {}
        jobs = load_workflow(self._file(workflow))["jobs"]
        for name, job in jobs.items():
            assert set(job.get("needs", [])) <= self.results.keys(), "the jobs are to be written in their order"
            self.results[name] = self._job(name, job) if self._starts(job) else "skipped"
        return self.results

    def tip(self) -> str:
        return git(self.origin, "rev-parse", "main")

    def files(self) -> set[str]:
        """Return the paths on the main branch."""
        return set(git(self.origin, "ls-tree", "-r", "--name-only", "main").splitlines())

    def summary(self) -> str:
        file = self.home / "summary.md"
        return file.read_text() if file.exists() else ""

    def value(self, text: Any, inputs: Mapping[str, Any]) -> str:
        """Return a text with its expressions replaced; an expression that is not known here is an error."""
        known = {**self.expressions, **{f"inputs.{name}": value for name, value in inputs.items()}}
        return _EXPRESSION.sub(lambda found: str(known[found[1]]), str(text))

    def _file(self, workflow: str) -> Path:
        file = self.home / "workflow.yml"
        file.write_text(git(self.origin, "show", f"main:.github/workflows/{workflow}"))
        return file

    def _starts(self, job: dict[str, Any]) -> bool:
        if "if" not in job:
            return all(self.results[name] == "success" for name in job.get("needs", []))
        return self._holds(job["if"], {}, is_failed=False)

    def _holds(self, condition: str, inputs: Mapping[str, Any], *, is_failed: bool) -> bool:
        text = condition.removeprefix("${{").removesuffix("}}").strip()
        parts = text.split(" && ")
        known: dict[str, bool] = {"!cancelled()": True, "success()": not is_failed}
        known |= {f"steps.{name} != 'true'": value != "true" for name, value in self.outputs.items()}
        known |= {f"needs.{name}.result == 'success'": done == "success" for name, done in self.results.items()}
        known |= {
            f"inputs.tier != '{tier}'": self.expressions["inputs.tier"] != tier for tier in ("ci_safe", "ci_borderline")
        }
        return all(known[part] for part in parts)

    def _job(self, name: str, job: dict[str, Any], inputs: Mapping[str, Any] | None = None) -> str:
        if "uses" in job:
            called = load_workflow(self._file(Path(job["uses"]).name))
            given = {key: self.value(value, {}) for key, value in job["with"].items()}
            assert given.keys() <= called["on"]["workflow_call"]["inputs"].keys()
            ((inner, body),) = called["jobs"].items()
            return self._job(f"{name}-{inner}", body, given)
        machine = self.home / "jobs" / name
        shutil.rmtree(machine, ignore_errors=True)
        machine.mkdir(parents=True)
        assert "timeout-minutes" in job
        is_failed, self.outputs = False, {}
        for step in job["steps"]:
            condition = step.get("if", "success()")
            if self._holds(condition, inputs or {}, is_failed=is_failed):
                is_failed |= not self.step(name, machine, job, step, inputs or {})
        return "failure" if is_failed else "success"

    def step(
        self, job: str, machine: Path, body: dict[str, Any], step: dict[str, Any], inputs: Mapping[str, Any]
    ) -> bool:
        """Run one step of a job and tell whether it succeeded."""
        if "run" in step:
            return self._shell(job, machine, body, step, inputs)
        action = step["uses"].split("@")[0].removeprefix("actions/").replace("-", "_").replace("/", "_")
        given = {key: self.value(value, inputs) for key, value in step.get("with", {}).items()}
        perform: Callable[[Path, dict[str, str]], Mapping[str, str] | None] = getattr(self, f"_{action}")
        done = perform(machine, given) or {}
        self.outputs |= {f"{step['id']}.outputs.{name}": value for name, value in done.items() if "id" in step}
        return True

    def _shell(
        self, job: str, machine: Path, body: dict[str, Any], step: dict[str, Any], inputs: Mapping[str, Any]
    ) -> bool:
        assert "${{" not in step["run"], "expressions reach a shell through env only"
        texts = {**body.get("env", {}), **step.get("env", {})}
        given = {name: self.value(value, inputs) for name, value in texts.items()}
        environment = {**self.environment, "GITHUB_STEP_SUMMARY": str(self.home / "summary.md"), **given}
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=machine,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
            check=False,
        )
        self.output[job] = self.output.get(job, "") + done.stdout
        return done.returncode == 0

    def _checkout(self, machine: Path, given: dict[str, str]) -> None:
        assert given["persist-credentials"] == "False"
        folder = machine / given.get("path", ".")
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "--quiet", "--initial-branch", "none")
        git(folder, "remote", "add", "origin", str(self.origin))
        git(folder, "fetch", "--quiet", "origin", given["ref"], "+refs/heads/*:refs/remotes/origin/*")
        git(folder, "checkout", "--quiet", "--detach", git(folder, "rev-parse", "FETCH_HEAD"))
        if "path" not in given:
            _take_tools(folder)

    def _setup_python(self, machine: Path, given: dict[str, str]) -> None:
        assert given["python-version"]

    def _cache_restore(self, machine: Path, given: dict[str, str]) -> dict[str, str]:
        caches = self.home / "caches"
        exact = [caches / given["key"]] if (caches / given["key"]).exists() else []
        found = exact or [cache for cache in caches.glob("*") if cache.name.startswith(given["restore-keys"])]
        if found:
            newest = max(found, key=lambda cache: cache.stat().st_mtime_ns)
            shutil.copytree(newest, self._cached(machine, given))
        return {"cache-hit": "true"} if exact else {"cache-hit": "false"} if found else {"cache-hit": ""}

    def _cache_save(self, machine: Path, given: dict[str, str]) -> None:
        """Save; what is there under the key stays as it is."""
        if self._cached(machine, given).exists() and not (self.home / "caches" / given["key"]).exists():
            shutil.copytree(self._cached(machine, given), self.home / "caches" / given["key"])

    @staticmethod
    def _cached(machine: Path, given: dict[str, str]) -> Path:
        """Return the folder of a cache: below the repository, or in the home of this job's own machine."""
        return machine / given["path"].replace("~", "home", 1)

    def _upload_artifact(self, machine: Path, given: dict[str, str]) -> None:
        if (machine / given["path"]).exists():
            shutil.copytree(machine / given["path"], self.home / "artifacts" / given["name"])

    def _download_artifact(self, machine: Path, given: dict[str, str]) -> None:
        assert given["merge-multiple"] == "True"
        for artifact in sorted((self.home / "artifacts").glob("*")):
            if fnmatch.fnmatch(artifact.name, given["pattern"]):
                shutil.copytree(artifact, machine / given["path"], dirs_exist_ok=True)

    def _upload_pages_artifact(self, machine: Path, given: dict[str, str]) -> None:
        shutil.copytree(machine / given["path"], self.home / "page", dirs_exist_ok=True)

    def _deploy_pages(self, machine: Path, given: dict[str, str]) -> None:
        assert (self.home / "page").is_dir()


def git(folder: Path, *arguments: str) -> str:
    """Run git as a person with a name, and return what it printed."""
    names = {
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@b.c",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@b.c",
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **names},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _take_tools(folder: Path) -> None:
    """Stand in for `make`'s set-up: the environment that runs the tests, newer than what it is made from."""
    tools = folder / ".venv"
    tools.mkdir()
    for part in Path(sys.prefix).iterdir():
        if not part.name.startswith(".ready"):
            (tools / part.name).symlink_to(part)
    for mark in (".ready", ".ready-dev"):
        (tools / mark).touch()
