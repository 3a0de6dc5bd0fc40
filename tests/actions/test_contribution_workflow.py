"""The workflow that checks a pull request's results: the base's code reads the pull request's files."""

from __future__ import annotations

import pytest
from actions_project import commit
from workflow_runner import GitHub, git
from working_copy import WorkingCopy

# Measuring waits while another run on this machine measures.
pytestmark = pytest.mark.timeout(900)


def open_pull_request(copy: WorkingCopy, github: GitHub) -> None:
    """Commit everything on a branch, and offer it as GitHub does."""
    commit(copy, "Add results")
    git(copy.root, "push", "--quiet", "--force", "origin", "HEAD:refs/pull/7/head")
    github.expressions |= {
        "github.event.pull_request.number": 7,
        "github.event.pull_request.base.sha": git(github.origin, "rev-parse", "main"),
        "github.event.pull_request.head.sha": git(copy.root, "rev-parse", "HEAD"),
    }


@pytest.mark.slow
def test_a_pull_request_is_checked_by_the_code_of_its_base(project: WorkingCopy, github: GitHub) -> None:
    project.snakemake("ci_safe")
    git(project.root, "switch", "--quiet", "--create", "contribution")
    leaderboard = project.root / "leaderboard"
    for file in leaderboard.iterdir():
        file.unlink()
    open_pull_request(project, github)
    assert github.run("contribution.yml") == {"check": "success"}, github.output
    assert "## Contribution of results: accepted" in github.summary()
    assert "7 files can be taken, 0 cannot." in github.summary()

    (project.root / "scripts/check_contribution.py").write_text("print('all is well')\n")
    (project.root / "Makefile").write_text("contribution:\n\t@echo all is well\n")
    open_pull_request(project, github)
    assert github.run("contribution.yml") == {"check": "failure"}
    assert "all is well" not in github.output["check"]
    assert "refused: Makefile: a contribution of results touches nothing else" in github.output["check"]
    assert "refused: scripts/check\\_contribution.py" not in github.output["check"]
    assert "- scripts/check\\_contribution.py: a contribution of results" in github.summary()
