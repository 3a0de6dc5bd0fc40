"""The source text that defines a measurement: a module and all it imports of this project, without comments."""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from functools import cache, lru_cache
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
PACKAGE = "yardstick"


@cache
def closure_hashes(module: str) -> dict[str, str]:
    """Return the hash of the essential text of ``module`` and of every module of this project that it imports.

    Args:
        module: dotted name, for example ``yardstick.metrics.latency``.

    Returns:
        Path below `scripts/` -> 16 hex digits, sorted by path.
    """
    return {
        path.relative_to(SCRIPTS).as_posix(): text_hash(path.read_text(encoding="utf-8"))
        for path in import_closure(module)
    }


def import_closure(module: str) -> list[Path]:
    """Return the files of ``module`` and its first-party imports, transitively, sorted."""
    found: set[Path] = set()
    waiting = _files_of(module)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported_files(path)
    return sorted(found)


@cache
def text_hash(source: str) -> str:
    """Return 16 hex digits that change only when more than comments, docstrings or blank lines change."""
    return hashlib.sha256(essential_text(source).encode()).hexdigest()[:16]


def essential_text(source: str) -> str:
    """Return Python source without comments, docstrings, blank lines and trailing blanks.

    The text is hashed and not a syntax tree, because a tree's dump differs between Python versions.
    """
    lines = source.split("\n")
    docstrings = _docstring_spans(source, lines)
    comments, inside_string = _comments_and_string_rows(source, {span[0] for span in docstrings})
    for (first_row, first_column), (last_row, last_column) in sorted(docstrings + comments, reverse=True):
        head, tail = lines[first_row - 1][:first_column], lines[last_row - 1][last_column:]
        lines[first_row - 1 : last_row] = [head + tail] + [""] * (last_row - first_row)
    kept = [
        line if row in inside_string else line.rstrip()
        for row, line in enumerate(lines, start=1)
        if row in inside_string or line.strip()
    ]
    return "\n".join(kept) + "\n"


_Position = tuple[int, int]
_Span = tuple[_Position, _Position]
# From Python 3.12 on an f-string is several tokens.
_FSTRING_START, _FSTRING_END = getattr(tokenize, "FSTRING_START", -1), getattr(tokenize, "FSTRING_END", -1)


def _comments_and_string_rows(source: str, docstrings: set[_Position]) -> tuple[list[_Span], set[int]]:
    """Return the spans of comments, and the rows that end inside a string: the blanks there are program."""
    comments: list[_Span] = []
    rows: set[int] = set()
    fstrings: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments.append((token.start, token.end))
        elif token.type == tokenize.STRING and token.start not in docstrings:
            rows.update(range(token.start[0], token.end[0]))
        elif token.type == _FSTRING_START:
            fstrings.append(token.start[0])
        elif token.type == _FSTRING_END:
            rows.update(range(fstrings.pop(), token.end[0]))
    return comments, rows


def _docstring_spans(source: str, lines: list[str]) -> list[_Span]:
    return [_span(lines, found) for node in ast.walk(_tree(source)) if (found := _docstring(node)) is not None]


def _docstring(node: ast.AST) -> ast.Expr | None:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    first = node.body[0] if node.body else None
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return first if is_text and isinstance(first, ast.Expr) else None


def _span(lines: list[str], node: ast.Expr) -> _Span:
    end_row, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    start = (node.lineno, _characters(lines[node.lineno - 1], node.col_offset))
    return start, (end_row, _characters(lines[end_row - 1], end_column))


def _characters(line: str, column: int) -> int:
    """Return a column in characters; the syntax tree counts in UTF-8 bytes."""
    return len(line.encode()[:column].decode())


@lru_cache(maxsize=1)
def _tree(source: str) -> ast.Module:
    return ast.parse(source)


def _imported_files(path: Path) -> list[Path]:
    package = ".".join(path.relative_to(SCRIPTS).with_suffix("").parts[:-1])
    return [file for name in _imported_names(path.read_text(encoding="utf-8"), package) for file in _files_of(name)]


@cache
def _imported_names(source: str, package: str) -> tuple[str, ...]:
    """Return the dotted names that a module's source imports, wherever in it."""
    names: list[str] = []
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            names += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _import_base(node, package)
            names += [base, *(f"{base}.{name.name}" for name in node.names)]
    return tuple(name for name in names if name.split(".")[0] == PACKAGE)


def _import_base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parent = package.split(".")[: len(package.split(".")) - (node.level - 1)]
    return ".".join([*parent, *([node.module] if node.module else [])])


def _files_of(module: str) -> list[Path]:
    """Return the file of a first-party module and the `__init__.py` files that importing it runs."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return []
    packages = [SCRIPTS.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    own = SCRIPTS.joinpath(*parts).with_suffix(".py")
    return [file for file in [*packages, own] if file.is_file()]
