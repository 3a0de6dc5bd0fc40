"""The scripts around the leaderboard, and the schemas that are generated from its models."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from leaderboard_world import REPOSITORY, World, model
from yardstick.paths import LEADERBOARD_FILES


def _run(script: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / "scripts" / script), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture
def script_world(world: World) -> World:
    """Return a repository that scripts can be run in, with one broken shard."""
    shutil.copytree(REPOSITORY / "config", world.root / "config")
    registry = {"models": [model("alpha")]}
    (world.root / "config" / "models.yaml").write_text(yaml.safe_dump(registry))
    world.write("memory")
    world.write("throughput").below(world.results).write_bytes(b"PAR1")
    return world


def test_the_script_builds_prints_and_marks(script_world: World) -> None:
    done = _run("build_leaderboard.py", "--marker", "done", cwd=script_world.root)
    assert (done.returncode, "alpha" in done.stdout) == (0, True)
    assert done.stderr.startswith("leaderboard: results/metric=throughput/model=alpha/")
    assert (script_world.root / "done").read_bytes() == b""
    assert {path.name for path in (script_world.root / "leaderboard").iterdir()} == set(LEADERBOARD_FILES)


def test_the_quiet_script_still_names_broken_files(script_world: World) -> None:
    done = _run("build_leaderboard.py", "--quiet", cwd=script_world.root)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


def test_a_mistake_in_the_settings_is_one_line_and_leaves_no_marker(script_world: World) -> None:
    (script_world.root / "config" / "config.yaml").write_text("machine: Ä\n")
    done = _run("build_leaderboard.py", "--marker", "done", cwd=script_world.root)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert not (script_world.root / "done").exists()


def test_what_was_built_can_be_shown_again(script_world: World) -> None:
    built = _run("build_leaderboard.py", cwd=script_world.root)
    assert _run("show_leaderboard.py", cwd=script_world.root).stdout == built.stdout


def test_showing_imports_nothing_heavy(script_world: World) -> None:
    code = "import sys, yardstick.leaderboard.terminal; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY / "scripts", capture_output=True, text=True, check=True
    )
    assert not {"pyarrow", "scipy", "numpy", "pydantic", "jinja2", "yaml"} & set(done.stdout.split())


def test_the_schemas_are_those_of_the_models() -> None:
    done = _run("write_schemas.py", "--check", cwd=REPOSITORY)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_schema_that_differs_is_named(tmp_path: Path) -> None:
    assert _run("write_schemas.py", "--folder", tmp_path, cwd=REPOSITORY).returncode == 0
    (tmp_path / "suite.schema.json").write_text("{}")
    done = _run("write_schemas.py", "--check", "--folder", tmp_path, cwd=REPOSITORY)
    assert (done.returncode, done.stderr.count("\n"), "suite.schema.json" in done.stderr) == (1, 1, True)


@pytest.mark.parametrize(
    ("schema", "file"),
    [("config", "config.yaml"), ("models", "models.yaml"), ("suite", "suites/reasoning.yaml")],
)
def test_the_shipped_configuration_is_valid_against_its_schema(schema: str, file: str) -> None:
    document = json.loads((REPOSITORY / "workflow" / "schemas" / f"{schema}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    content = yaml.safe_load((REPOSITORY / "config" / file).read_text())
    jsonschema.Draft202012Validator(document).validate(content)


def test_an_editor_is_told_of_a_misspelt_field() -> None:
    document = json.loads((REPOSITORY / "workflow" / "schemas" / "models.schema.json").read_text())
    mistaken = {"models": [{**model("alpha"), "licence": "mit"}]}
    with pytest.raises(jsonschema.ValidationError, match="licence"):
        jsonschema.Draft202012Validator(document).validate(mistaken)
