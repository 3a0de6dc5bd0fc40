"""What a branch may touch beside adding shards, as git's own objects tell it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from forgery import MODEL, Measured
from yardstick.contribution import allowed
from yardstick.contribution.changes import CommittedChanges, LocalChanges
from yardstick.contribution.check import check
from yardstick.contribution.report import Report
from yardstick.errors import YardstickError
from yardstick.publishing.git import git

KNOWN = f"results/metric=latency/model={MODEL}/machine=elsewhere/{'0' * 16}-{'1' * 16}.parquet"
NAME = f"results/metric=memory/model={MODEL}/machine=elsewhere/{'2' * 16}-{'3' * 16}.parquet"


class Branch:
    """A repository with a base, and a branch that adds an honest shard and whatever a test does."""

    def __init__(self, root: Path, measured: Measured) -> None:
        self.root, self.measured = root, measured
        root.mkdir()
        git(root, "init", "--quiet", "--initial-branch", "main")
        git(root, "config", "user.name", "A")
        git(root, "config", "user.email", "a@b.c")
        self.write(KNOWN, "a shard that is there")
        self.write("config/models.yaml", (measured.root / "config/models.yaml").read_text())
        self.write("leaderboard/LEADERBOARD.md", "| table |")
        self.commit("Begin")
        git(root, "switch", "--quiet", "--create", "contribution")
        self.shard = measured.draft("memory").write(root)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, message: str = "Add results") -> None:
        git(self.root, "add", "--all", "--force")
        git(self.root, "commit", "--quiet", "--message", message)

    def check(self) -> Report:
        """Commit and check as a pull request is checked."""
        self.commit()
        return check(self.measured.root, CommittedChanges(self.root, "main", "contribution"))

    def edit_registry(self, edit: Callable[[list[dict[str, object]]], object]) -> None:
        content = yaml.safe_load((self.root / "config/models.yaml").read_text())
        edit(content["models"])
        self.write("config/models.yaml", json.dumps(content))


@pytest.fixture
def branch(tmp_path: Path, run_here: Measured) -> Branch:
    return Branch(tmp_path / "branch", run_here)


def link(branch: Branch) -> None:
    (branch.root / NAME).parent.mkdir(parents=True)
    (branch.root / NAME).symlink_to("/etc/passwd")


def link_folder(branch: Branch) -> None:
    (branch.root / "results/metric=throughput").symlink_to("../config")


def program(branch: Branch) -> None:
    branch.write(NAME, "#!/bin/sh\n")
    (branch.root / NAME).chmod(0o755)


def submodule(branch: Branch) -> None:
    head = git(branch.root, "rev-parse", "HEAD").strip()
    git(branch.root, "update-index", "--add", "--cacheinfo", f"160000,{head},results/metric=latency/model=sub")


def large(branch: Branch) -> None:
    branch.write(NAME, "0" * (allowed.MOST_FILE_BYTES + 1))


def replace_by_link(branch: Branch) -> None:
    (branch.root / KNOWN).unlink()
    (branch.root / KNOWN).symlink_to("/etc/passwd")


TOUCHED: dict[str, tuple[Callable[[Branch], object], str]] = {
    "a link": (link, f"{NAME}: a symbolic link; commit the file itself"),
    "a link to a folder": (link_folder, "results/metric=throughput: a symbolic link"),
    "a program": (program, f"{NAME}: marked as a program; run: chmod -x"),
    "a file too large": (large, f"{NAME}: 4000001 bytes, a shard has at most 4000000"),
    "an empty file": (lambda branch: branch.write(NAME, ""), f"{NAME}: an empty file"),
    "a shard that is there, changed": (
        lambda branch: branch.write(KNOWN, "better"),
        f"{KNOWN}: a result that is there is ch",
    ),
    "a shard that is there, deleted": (
        lambda branch: (branch.root / KNOWN).unlink(),
        f"{KNOWN}: a result that is there is d",
    ),
    "a shard that is there, linked": (replace_by_link, f"{KNOWN}: a result that is there is changed"),
    "a name of no shard": (
        lambda branch: branch.write("results/notes.txt", "hi"),
        "results/notes.txt: not the path of a shard",
    ),
    "a name with another case": (
        lambda branch: branch.write(NAME.replace("metric=", "Metric="), "x"),
        "not the path of a shard",
    ),
    "a metric that is none": (
        lambda branch: branch.write(NAME.replace("memory", "iq"), "x"),
        "not the path of a shard",
    ),
    "a name with a line in it": (
        lambda branch: branch.write("results/a\nb.parquet", "x"),
        "results/a b.parquet: not the",
    ),
    "a folder deeper": (lambda branch: branch.write(f"results/x/{NAME}", "x"), "not the path of a shard"),
    "code": (lambda branch: branch.write("scripts/yardstick/plan.py", "import os"), "touches nothing else"),
    "a workflow": (lambda branch: branch.write(".github/workflows/x.yml", "on: push"), "touches nothing else"),
    "settings": (lambda branch: branch.write("config/config.yaml", "strict: true"), "touches nothing else"),
    "git's own files": (lambda branch: branch.write(".gitattributes", "* filter=x"), "touches nothing else"),
    "the leaderboard": (
        lambda branch: branch.write("leaderboard/LEADERBOARD.md", "me"),
        "is built again after the merge",
    ),
    "compacted results": (
        lambda branch: branch.write("history/metric=memory/2026.parquet", "x"),
        "the maintainers' to write",
    ),
}


@pytest.mark.parametrize("name", TOUCHED)
def test_what_a_contribution_may_not_touch_is_refused_in_one_line(branch: Branch, name: str) -> None:
    touch, expected = TOUCHED[name]
    touch(branch)
    report = branch.check()
    (line,) = report.refusals()
    assert expected in line
    assert "; " in line, "a remedy"
    assert report.accepted() == [str(branch.shard)]


def test_a_submodule_is_refused(branch: Branch) -> None:
    git(branch.root, "add", "--all")
    submodule(branch)
    git(branch.root, "commit", "--quiet", "--message", "Add a submodule")
    (line,) = check(branch.measured.root, CommittedChanges(branch.root, "main", "contribution")).refusals()
    assert "neither a file nor a folder, such as a submodule" in line


def test_an_honest_branch_is_taken(branch: Branch) -> None:
    report = branch.check()
    assert (report.refusals(), report.accepted()) == ([], [str(branch.shard)])
    assert report.markdown().startswith("## Contribution of results: accepted\n")


def test_what_the_base_got_meanwhile_is_not_the_contributions(branch: Branch) -> None:
    branch.commit()
    git(branch.root, "switch", "--quiet", "main")
    branch.write("scripts/new.py", "pass")
    branch.commit("Go on")
    assert check(branch.measured.root, CommittedChanges(branch.root, "main", "contribution")).refusals() == []


def test_too_many_files_are_refused_unread(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "MOST_FILES", 2)
    for number in range(3):
        branch.write(NAME.replace("2" * 16, f"{number:016}"), "x")
    assert branch.check().refusals() == ["results/: 4 files, at most 2 are taken at once; split the contribution"]


def test_too_many_bytes_are_refused_unread(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "MOST_TOTAL_BYTES", 100)
    (line,) = branch.check().refusals()
    assert line.endswith("bytes, at most 100 are taken at once; split the contribution")


def test_a_branch_without_results_is_no_contribution_of_results(branch: Branch) -> None:
    (branch.root / branch.shard).unlink()
    branch.write("scripts/x.py", "pass")
    report = branch.check()
    assert report.refusals() == []
    assert "no new results" in report.markdown()


def test_compacted_results_are_refused_also_alone(branch: Branch) -> None:
    """They count like results, and nothing would check them."""
    (branch.root / branch.shard).unlink()
    file = "history/metric=memory/year=2026/shards-00000000.parquet"
    branch.write(file, "x")
    assert branch.check().refusals() == [
        f"{file}: compacted results are the maintainers' to write; leave it out of the contribution"
    ]


@pytest.mark.parametrize("revision", ["no-such-branch", "--output=/tmp/x"])
def test_a_revision_that_is_none_is_one_clear_line(branch: Branch, revision: str) -> None:
    with pytest.raises(YardstickError, match=r"no-such-branch|not a revision") as raised:
        CommittedChanges(branch.root, revision, "contribution")
    assert "\n" not in str(raised.value)


ENTRY = {
    "id": "new-model",
    "tier": "local_only",
    "backend": "transformers",
    "source": {"hub": "owner/new", "revision": "0" * 40},
    "dtype": "float32",
    "context_length": 512,
    "chat_template": True,
    "parameters": 1000,
    "license": "mit",
    "description": "New.",
    "memory_mb": 100,
}
Edit = Callable[[list[dict[str, object]]], object]
REGISTRY: dict[str, tuple[Edit, str]] = {
    "an entry changed": (
        lambda models: models[0].update(parameters=1),
        "the entry yardstick-mini is changed; restore it",
    ),
    "an entry removed": (lambda models: models.pop(), "is removed; restore it"),
    "two entries": (lambda models: models.extend([ENTRY, {**ENTRY, "id": "other"}]), "2 entries are added"),
    "an id given twice": (lambda models: models.append(models[0]), "is given to more than one entry"),
    "an unknown field": (lambda models: models.append({**ENTRY, "run": "sh"}), "run: is not a known field"),
    "weights of the repository": (
        lambda models: models.append({**ENTRY, "source": {"path": ".git"}}),
        "entry new-model: source: the weights lie in the repository",
    ),
    "remote code": (
        lambda models: models.append({**ENTRY, "allow_remote_code": True}),
        "allow_remote_code: code beside",
    ),
    "pickled weights": (
        lambda models: models.append({**ENTRY, "allow_pickle": True}),
        "allow_pickle: weights that can",
    ),
    "arguments of a server": (
        lambda models: models.append({**ENTRY, "backend": "vllm", "server": {"arguments": ["--x"]}}),
        "server.arguments: they reach a command line",
    ),
    "work for Yardstick's machines": (lambda models: models.append({**ENTRY, "tier": "ci_safe"}), "give local_only"),
}


@pytest.mark.parametrize("name", REGISTRY)
def test_what_a_contribution_may_not_do_to_the_registry_is_refused_in_one_line(branch: Branch, name: str) -> None:
    edit, expected = REGISTRY[name]
    branch.edit_registry(edit)
    (line,) = branch.check().refusals()
    assert line.startswith("config/models.yaml: ")
    assert expected in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models: [", "not valid YAML"),
        ("a: &a [1]\nmodels: [*a, *a]\n", "anchors and aliases are not taken"),
        ("models: [" + "[" * 2000, "not valid YAML"),
    ],
)
def test_a_registry_that_is_no_registry_is_refused_in_one_line(branch: Branch, text: str, expected: str) -> None:
    branch.write("config/models.yaml", text)
    (line,) = branch.check().refusals()
    assert line.startswith("config/models.yaml: ")
    assert expected in line


def test_one_new_entry_is_taken_and_named(branch: Branch) -> None:
    branch.edit_registry(lambda models: models.append(ENTRY))
    report = branch.check()
    assert report.refusals() == []
    assert "adds new-model" in report.markdown()


def test_a_working_tree_is_checked_before_anything_is_committed(branch: Branch) -> None:
    branch.write("scripts/mine.py", "pass")
    branch.write("leaderboard/LEADERBOARD.md", "built here")
    branch.write("results/notes.txt", "hi")
    report = check(branch.measured.root, LocalChanges(branch.root), is_local=True)
    assert report.accepted() == [str(branch.shard)]
    (line,) = report.refusals()
    assert line.startswith("results/notes.txt: not the path of a shard")
    notes = "\n".join(report.notes)
    assert "leaderboard, 1 changed: the leaderboard is built again after the merge" in notes
    assert "scripts, 1 changed" in notes
    assert "code or settings differ from the last commit" in notes


def test_a_profile_is_refused_in_a_branch_and_a_note_in_a_working_tree(branch: Branch) -> None:
    profile = f"results/metric=machine_profile/model=none/machine=elsewhere/{'4' * 16}-{'5' * 16}.parquet"
    branch.write(profile, "a profile")

    local = check(branch.measured.root, LocalChanges(branch.root), is_local=True)
    committed = branch.check()

    assert local.refusals() == []
    assert "a machine's profile is of use where it was measured" in "\n".join(local.notes)
    (line,) = committed.refusals()
    assert line.startswith(profile)


def test_a_deleted_shard_of_a_working_tree_is_refused(branch: Branch) -> None:
    (branch.root / KNOWN).unlink()
    (line,) = check(branch.measured.root, LocalChanges(branch.root), is_local=True).refusals()
    assert line.startswith(f"{KNOWN}: a result that is there is deleted; restore it")


def run_script(branch: Branch, *arguments: str, summary: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the script in the trusted repository, as `make contribution` does."""
    return subprocess.run(
        [sys.executable, "scripts/check_contribution.py", *arguments],
        cwd=branch.measured.root,
        env={**os.environ, "GITHUB_STEP_SUMMARY": str(summary or "")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_reports_in_the_summary_and_by_its_status(branch: Branch, tmp_path: Path) -> None:
    branch.commit()
    summary = tmp_path / "summary.md"
    arguments = ("--repository", str(branch.root), "--base", "main", "--head", "contribution")
    done = run_script(branch, *arguments, summary=summary)
    assert (done.returncode, done.stderr) == (0, "")
    assert summary.read_text() in done.stdout
    branch.write("results/notes.txt", "hi")
    branch.commit()
    done = run_script(branch, *arguments, summary=summary)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("refused: results/notes.txt: not the path of a shard")


def test_the_script_says_a_mistake_in_one_line(branch: Branch) -> None:
    for arguments in (("--base", "no-such-branch"), ("--files", "no-such-file")):
        done = run_script(branch, "--repository", str(branch.root), *arguments)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")
