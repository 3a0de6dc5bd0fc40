"""The page as one HTML file: data, style, code and the charts library inside, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

_FOLDER = Path(__file__).parent
_LIBRARIES = ("vega.min.js", "vega-lite.min.js", "vega-interpreter.min.js")
# In this order they are one script with one scope.
_SCRIPTS = (
    *("text", "elements", "data", "choosing"),
    *("theme", "charts", "scales", "tradeoffs", "bars", "series"),
    *("table", "filters", "tasks", "evidence", "detail", "outlook", "main"),
)

# What could end the element, or start one, is written so that only JSON's own reader sees the character.
_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def html(content: dict[str, Any]) -> bytes:
    """Return the page that shows the content, byte for byte the same for the same content."""
    style, libraries, script = _style(), _libraries(), _script()
    page = (
        _environment()
        .get_template("index.html.j2")
        .render(
            policy=policy(scripts=[libraries, script], styles=[style]),
            style=Markup(style),
            licences=_read("vendor/LICENSES.txt"),
            libraries=Markup(libraries),
            script=Markup(script),
            data=Markup(json_text(content)),
        )
    )
    # Half a character can hide in a contributed file; it has no bytes.
    return page.encode("utf-8", errors="replace")


def json_text(content: Any) -> str:
    """Return JSON that is only text wherever it stands in an HTML file, ``</script>`` included."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def policy(*, scripts: list[str], styles: list[str]) -> str:
    """Return a content security policy under which only these scripts and styles work, and nothing is loaded."""
    parts = {
        "default-src": "'none'",
        "script-src": " ".join(map(_source_hash, scripts)),
        "style-src": " ".join(map(_source_hash, styles)),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def _source_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _style() -> str:
    return _read("styles/page.css")


@cache
def _libraries() -> str:
    """Return the charts library without the references to its source maps, which a browser would ask a host for."""
    lines = [line for name in _LIBRARIES for line in _read(f"vendor/{name}").split("\n")]
    return "\n".join(line for line in lines if not line.startswith("//# sourceMappingURL"))


def _script() -> str:
    texts = [_read(f"scripts/{name}.js") for name in _SCRIPTS]
    return "\n".join(['(() => {\n"use strict";', *texts, "})();"])


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
