"""Score an answer by keywords: whole words, numbers as numbers, case and Unicode folded.

The rules, and why each is there, are in docs/metrics.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from yardstick.suites.items import Item, Scored

# A number with thousands separators and decimals, or several joined by marks that make it something else (12:30, 1/2).
_NUMBER = re.compile(r"(?<![^\W_])(?<![.^])(?<!\d[,:/⁄_])(?:(?<![^\W_])(?<!\))-)?\d++(?:[.,:/^⁄_]\d+)*+(?![^\W_])")
_PLAIN_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?")
_NEXT_QUESTION = re.compile(
    r"^[ \t>*#-]*(?:question|q|user|human|problem|exercise|instruction)[ \t]*\d*[ \t]*[:.)]",
    re.MULTILINE | re.IGNORECASE,
)
_SENTENCE_START = re.compile(r"(?:[.!?]\s+|\n)")


def score(item: Item, answer: Mapping[str, Any], *, is_chat: bool) -> Scored:
    """Score one row of answers by the item's keywords."""
    expected = item.expected
    return match(answer["answer"], accept=expected["accept"], reject=expected["reject"], is_chat=is_chat)


def match(answer: str, *, accept: Sequence[str], reject: Sequence[str] = (), is_chat: bool) -> Scored:
    """Score one answer.

    Args:
        answer: the model's continuation, without the prompt.
        accept: keywords of which one must be there.
        reject: keywords of which none may be there.
        is_chat: False for a base model, whose text counts only up to the first question it goes on to ask.
    """
    considered = considered_part(answer, is_chat=is_chat)
    accepted = tuple(keyword for keyword in accept if _contains(considered, keyword))
    rejected = tuple(keyword for keyword in reject if _contains(considered, keyword))
    return Scored(bool(accepted) and not rejected, considered, accepted, rejected)


def considered_part(answer: str, *, is_chat: bool) -> str:
    """Return the part of an answer that counts: of a base model's, what comes before the next question it asks itself."""
    return answer if is_chat else answer[: _next_question(answer)]


def _next_question(text: str) -> int:
    """Return where the first question that a base model asks itself begins, or the text's length."""
    marker = _NEXT_QUESTION.search(text)
    end = marker.start() if marker else len(text)
    mark = re.search(r"[?？]", text[:end])
    if mark is None:
        return end
    starts = [found.end() for found in _SENTENCE_START.finditer(text, 0, mark.start())]
    return starts[-1] if starts else 0


def _contains(text: str, keyword: str) -> bool:
    folded, wanted = _fold(text), _fold(keyword).strip()
    number = _as_number(wanted)
    if number is not None:
        return any(_as_number(found) == number for found in _NUMBER.findall(folded))
    words = r"\s+".join(re.escape(word) for word in wanted.split())
    # An apostrophe or hyphen between letters joins them to one word: "Tom's" and "blue-green" are not "Tom" and "blue".
    # An underscore is emphasis in Markdown, and no part of a word.
    return re.search(rf"(?<![^\W_])(?<![^\W_]['-]){words}(?!['-]?[^\W_])", folded) is not None


def _as_number(text: str) -> Decimal | None:
    if not _PLAIN_NUMBER.fullmatch(text):
        return None
    return Decimal(text.replace(",", ""))


def _fold(text: str) -> str:
    """Fold case and Unicode variants; a superscript stays apart from the number before it (5² is not 52)."""
    apart = "".join("^" + char if _is_raised(char) else char for char in text)
    folded = unicodedata.normalize("NFKC", apart).casefold()
    return folded.replace("’", "'").replace("−", "-").replace("‐", "-").replace("‑", "-")


def _is_raised(char: str) -> bool:
    return unicodedata.decomposition(char).startswith(("<super>", "<sub>", "<fraction>"))
