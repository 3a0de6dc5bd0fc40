"""The source text that counts: comments, docstrings and blank lines do not, everything else does."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick import source_code
from yardstick.source_code import essential_text, import_closure, text_hash

PROGRAM = '''\
import os
from dataclasses import dataclass

LIMIT = 12
TEXT = """first

  # not a comment
last   
"""
NAMES = ["a # b", 'c', rb"d", "é"]


@dataclass
class Thing:
    name: str
    size: int = 3

    def grow(self, by: int) -> int:
        if by > LIMIT:
            return self.size
        for _ in range(by):
            self.size += 1
        return self.size


async def show(thing: Thing) -> str:
    if not thing.name: return ""
    return f"""{thing.name}

    of {thing.size:>{LIMIT}}  # words
"""
'''  # noqa: W291
LINES = PROGRAM.split("\n")


def between_statements() -> list[int]:
    """Return the rows before which a line may be put without entering a statement."""
    inside = {
        row
        for node in ast.walk(ast.parse(PROGRAM))
        if isinstance(node, ast.stmt) and not hasattr(node, "body")
        for row in range(node.lineno, (node.end_lineno or 0))
    }
    return [row for row in range(len(LINES)) if row not in inside]


ADDED = st.sampled_from(["", "   ", "# a comment", "        # an indented comment", "\t# é", '# "a quote', "\n\n"])


@given(additions=st.lists(st.tuples(st.sampled_from(between_statements()), ADDED), min_size=1, max_size=6))
def test_comments_and_blank_lines_between_statements_change_nothing(additions: list[tuple[int, str]]) -> None:
    lines = list(LINES)
    for row, text in sorted(additions, reverse=True):
        lines.insert(row, text)
    assert text_hash("\n".join(lines)) == text_hash(PROGRAM)


def code_rows() -> list[int]:
    """Return the rows that end outside of strings and hold code."""
    multiline = {*range(5, 9), *range(28, 31)}
    return [row for row, line in enumerate(LINES, start=1) if line.strip() and row not in multiline]


@pytest.mark.parametrize("row", code_rows())
def test_a_comment_behind_code_changes_nothing(row: int) -> None:
    lines = list(LINES)
    lines[row - 1] += "  # why 'so'"
    assert text_hash("\n".join(lines)) == text_hash(PROGRAM)


@pytest.mark.parametrize("row", code_rows())
def test_a_repeated_line_changes_the_hash(row: int) -> None:
    repeated = "\n".join([*LINES[:row], LINES[row - 1], *LINES[row:]])
    try:
        ast.parse(repeated)
    except SyntaxError:
        return
    assert text_hash(repeated) != text_hash(PROGRAM)


DOCSTRING = [
    ("", '"""A module.\n\nIt is long.\n"""\n'),
    ("", "'one line'\n"),
    ("", '"""Über \U0001f408 # kein Kommentar."""\n'),
    ("class Thing:\n", '    """A thing.\n\n    # no comment\n\n    """\n\n'),
    ("-> int:\n", "        r'''Grow.\n\n        Args:\n            by: how much.\n        '''\n"),
    ("-> str:\n", '    """Show."""  # and a comment\n'),
    ("-> str:\n", '    ("Show "\n     "it.")\n'),
]


@pytest.mark.parametrize(("after", "docstring"), DOCSTRING)
def test_a_docstring_changes_nothing(after: str, docstring: str) -> None:
    documented = docstring + PROGRAM if not after else PROGRAM.replace(after, after + docstring, 1)
    assert ast.parse(documented)
    assert text_hash(documented) == text_hash(PROGRAM)


def test_a_docstring_behind_text_that_is_not_ascii_is_cut_exactly() -> None:
    assert essential_text('def ß(é="ä"): "Größe."; return é\n') == 'def ß(é="ä"): ; return é\n'


def test_a_string_that_is_a_value_is_no_docstring() -> None:
    assert text_hash('def f():\n    return "a"\n') != text_hash("def f():\n    return\n")
    assert text_hash('x = 1\n"a"\n') != text_hash("x = 1\n")


CHANGES = [
    ("LIMIT = 12", "LIMIT = 13"),
    ("first\n\n", "first\n"),
    ("first\n\n", "first\n\n\n"),
    ("first\n\n", "first\n \n"),
    ("# not a comment", "# no comment"),
    ("last   \n", "last\n"),
    ("  # not", "   # not"),
    ("a # b", "a # c"),
    ("{thing.name}\n\n", "{thing.name}\n"),
    ("# words", "# word"),
    (":>{LIMIT}", ":<{LIMIT}"),
    ('"é"', '"è"'),
    ('"é"', '"e\u0301"'),
    ("            self.size += 1\n", "            self.size += 1\n            self.size += 1\n"),
    ("            return self.size\n        for", "            return self.size\n\n        while"),
    ("@dataclass\n", "@dataclass()\n"),
    ("        return self.size\n\n\nasync", "            return self.size\n\n\nasync"),
    ("async def", "def"),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_change_to_the_program_changes_the_hash(old: str, new: str) -> None:
    assert old in PROGRAM
    assert text_hash(PROGRAM.replace(old, new, 1)) != text_hash(PROGRAM)


@given(blanks=st.text(" \t", min_size=1, max_size=5), row=st.sampled_from(code_rows()))
def test_blanks_at_the_end_of_a_line_change_nothing(blanks: str, row: int) -> None:
    lines = list(LINES)
    lines[row - 1] += blanks
    assert text_hash("\n".join(lines)) == text_hash(PROGRAM)


def test_a_comment_between_strings_that_are_joined_changes_nothing() -> None:
    joined = 'x = (\n    "a"\n    "b"\n)\n'
    commented = 'x = (\n    "a"  # one\n\n    # two\n    "b"\n)\n'
    assert text_hash(commented) == text_hash(joined)


def test_an_empty_file_and_one_with_a_docstring_alone_are_the_same() -> None:
    assert text_hash('"""Nothing."""\n') == text_hash("")


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@settings(max_examples=200, deadline=None)
@given(
    content=st.text("ab #'\"\n\\{}é", max_size=12),
    quote=st.sampled_from(['"""', "'''"]),
    prefix=st.sampled_from(["", "f", "r"]),
)
def test_the_content_of_any_string_is_kept(content: str, quote: str, prefix: str) -> None:
    source = f"x = {prefix}{quote}{content}{quote}\ny = 1  # comment\n"
    try:
        ast.parse(source)
        list(tokenize.generate_tokens(iter(source.splitlines(keepends=True)).__next__))
    except (SyntaxError, tokenize.TokenError):
        return
    assert ast.dump(ast.parse(essential_text(source))) == ast.dump(ast.parse(source))


def undocumented(source: str) -> ast.Module:
    """Return a program's tree without docstrings, `pass` in a body that held nothing else."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        is_block = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if is_block and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def with_bodies(essential: str) -> str:
    """Put `pass` where a docstring was all that a class or function held."""
    lines = essential.split("\n")
    kept: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        kept.append(line)
        indent = len(line) - len(line.lstrip())
        is_head = line.lstrip().startswith(("class ", "def ")) and line.endswith(":")
        if is_head and len(following) - len(following.lstrip()) <= indent:
            kept.append(" " * (indent + 4) + "pass")
    return "\n".join(kept) if essential.strip() else "pass"


@pytest.mark.parametrize(
    "file", sorted((ROOT / "scripts").rglob("*.py")), ids=lambda file: file.relative_to(ROOT / "scripts").as_posix()
)
def test_the_essential_text_of_every_file_is_the_same_program(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert ast.dump(ast.parse(with_bodies(essential_text(source)))) == ast.dump(undocumented(source))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package in place of this project's."""
    folder = tmp_path / "yardstick"
    for part in ("", "metrics", "backends"):
        (folder / part).mkdir()
        (folder / part / "__init__.py").touch()
    monkeypatch.setattr(source_code, "SCRIPTS", tmp_path)
    source_code.closure_hashes.cache_clear()
    yield folder
    source_code.closure_hashes.cache_clear()


IMPORTS = [
    "import yardstick.backends.used",
    "import yardstick.backends.used as u",
    "from yardstick.backends import used",
    "from yardstick.backends.used import thing",
    "from yardstick.backends.used import *",
    "from ..backends import used",
    "from ..backends.used import thing",
    "from .. import backends\nfrom ..backends import used as u",
    "def f():\n    from yardstick.backends import used",
    "class A:\n    def f(self):\n        import yardstick.backends.used",
    "if TYPE_CHECKING:\n    from ..backends.used import thing",
    "try:\n    from yardstick.backends.used import thing\nexcept ImportError:\n    pass",
]


@pytest.mark.parametrize("statement", IMPORTS)
def test_an_import_is_followed(statement: str, package: Path) -> None:
    (package / "backends/used.py").write_text("thing = 1\n")
    (package / "metrics/fast.py").write_text(statement + "\n")
    assert package / "backends/used.py" in import_closure("yardstick.metrics.fast")
    assert package / "backends/__init__.py" in import_closure("yardstick.metrics.fast")


def test_a_module_beside_is_followed_and_its_imports_too(package: Path) -> None:
    (package / "metrics/fast.py").write_text("from . import one\n")
    (package / "metrics/one.py").write_text("from .two import x\n")
    (package / "metrics/two.py").write_text("from yardstick.metrics import fast\nx = 1\n")
    names = [path.name for path in import_closure("yardstick.metrics.fast")]
    assert names == ["__init__.py", "__init__.py", "fast.py", "one.py", "two.py"]


def test_an_import_in_the_init_of_a_package_is_followed(package: Path) -> None:
    (package / "metrics/__init__.py").write_text("from .one import x\n")
    (package / "metrics/one.py").write_text("x = 1\n")
    (package / "metrics/fast.py").touch()
    assert package / "metrics/one.py" in import_closure("yardstick.metrics.fast")


@pytest.mark.parametrize(
    "statement", ["import os", "import yardsticks.x", "from . import missing", "from .... import up"]
)
def test_an_import_of_others_is_not_followed(statement: str, package: Path) -> None:
    (package / "metrics/fast.py").write_text(statement + "\n")
    assert [path.name for path in import_closure("yardstick.metrics.fast")] == ["__init__.py", "__init__.py", "fast.py"]


def test_hashes_are_named_by_path_below_scripts() -> None:
    hashes = source_code.closure_hashes("yardstick.metrics.latency")
    assert set(hashes) >= {"yardstick/__init__.py", "yardstick/metrics/latency.py", "yardstick/backends/base.py"}
    assert list(hashes) == sorted(hashes)
    assert (ROOT / "scripts" / next(iter(hashes))).is_file()
