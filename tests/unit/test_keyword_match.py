"""Keyword matching: whole words, numbers as numbers, case and Unicode folded."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick.suites.keyword_match import match
from yardstick.suites.suite import load_suite


def finds(answer: str, keyword: str) -> bool:
    return match(answer, accept=[keyword], is_chat=True).solved


@pytest.mark.parametrize(
    "answer",
    [
        "12",
        "12.",
        "12.0",
        "012",
        "$12",
        "(12)",
        "12!",
        "=12",
        "a 12, b",
        "12%",
        "is 12;",
        "**12**",
        "'12'",
        "10-12",
        "12\n",
        "Answer:12",
        "１２",
        "1 + 11 = 12.",
        "12-13",
    ],
)
def test_a_number_is_found(answer: str) -> None:
    assert finds(answer, "12")


@pytest.mark.parametrize(
    "answer",
    [
        "120",
        "112",
        "1.2",
        "12.5",
        "12:30",
        "1/2",
        "12/7",
        "12th",
        "-12",
        "−12",
        "12²",
        "x12",
        "12x",
        "12:30pm",
        "12.5kg",
        "0.12",
        "1,012",
        "12,000",
        "twelve",
        "12½",
        "v1.12",
        "2^12",
        "12⁄5",
        "12_000",
        "",
        "12/3rd",
    ],
)
def test_another_number_is_not_taken_for_it(answer: str) -> None:
    assert not finds(answer, "12")


def test_a_power_is_not_its_base() -> None:
    assert not finds("5²", "5")
    assert not finds("5²", "52")


@pytest.mark.parametrize("answer", ["1,200", "1200", "1200.00", "1,200.", "$1,200"])
def test_a_thousands_separator_changes_no_number(answer: str) -> None:
    assert finds(answer, "1200")
    assert finds(answer, "1,200")


def test_a_negative_keyword_matches_negative_numbers_alone() -> None:
    assert finds("It is -12.", "-12")
    assert not finds("It is 12.", "-12")


def test_a_decimal_keyword_matches_by_value() -> None:
    assert finds("about 2.50 kg", "2.5")
    assert not finds("about 2.55 kg", "2.5")


def test_a_number_word_counts_only_where_it_is_listed() -> None:
    assert not finds("twelve", "12")
    assert match("Twelve!", accept=["12", "twelve"], is_chat=True).accepted == ("twelve",)


@pytest.mark.parametrize(
    ("answer", "keyword"),
    [
        ("An UMBRELLA.", "umbrella"),
        ("Straße", "STRASSE"),
        ("STRASSE", "straße"),
        ("Ｔｈｉｒｄ", "third"),
        ("café", "café"),
        ("CAFÉ", "café"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("ﬁve", "five"),
        ("rain   coat", "rain coat"),
        ("rain\ncoat", "Rain Coat"),
        ("Tom’s", "tom's"),
        ("forty‑three", "forty-three"),
    ],
)
def test_case_and_variants_of_unicode_are_folded(answer: str, keyword: str) -> None:
    assert finds(answer, keyword)


@pytest.mark.parametrize(
    ("answer", "keyword"),
    [
        ("thirds", "third"),
        ("raincoat", "rain"),
        ("Tom's", "tom"),
        ("blue-green", "green"),
        ("blue-green", "blue"),
        ("unyounger", "younger"),
        ("cafe", "café"),
        ("rain, coat", "rain coat"),
        ("8th", "8"),
    ],
)
def test_a_part_of_a_word_is_not_the_word(answer: str, keyword: str) -> None:
    assert not finds(answer, keyword)


@pytest.mark.parametrize(
    "answer", ['"third"', "'third'", "third.", "(third)", "**third**", "- third", "third—so", "third?"]
)
def test_punctuation_around_a_word_does_not_hide_it(answer: str) -> None:
    assert finds(answer, "third")


def test_the_dotted_capital_of_turkish_is_no_error() -> None:
    assert finds("İstanbul", "İSTANBUL")


def test_signs_of_regular_expressions_are_plain_text() -> None:
    assert finds("written in c++ (mostly)", "c++")
    assert not finds("written in ccc", "c++")


def test_a_rejected_keyword_spoils_the_answer_and_is_reported() -> None:
    found = match("The second to last, so third.", accept=["third", "3rd"], reject=["second to last"], is_chat=True)
    assert (found.solved, found.accepted, found.rejected) == (False, ("third",), ("second to last",))


def test_no_accepted_keyword_means_not_solved() -> None:
    assert not match("no idea", accept=["third"], reject=["fourth"], is_chat=True).solved


GOES_ON = [
    ("43\nQuestion: What is 1 plus 1?\nAnswer: 2", "43\n"),
    ("43\nQ: Next\nA: 2", "43\n"),
    ("43\n\nQuestion 2: Next", "43\n\n"),
    ("43\n### Question: next", "43\n"),
    ("43\nquestion: next", "43\n"),
    ("It is 43. How many are 2 and 2? It is 4.", "It is 43. "),
    ("It is 43! Is 2 more? Yes.", "It is 43! "),
    ("43\nIs 2 more? Yes.", "43\n"),
    ("43\n2と2は？ 4", "43\n"),
    ("Is it 43? Yes.", ""),
    ("43. No question follows.", "43. No question follows."),
    ("The question: 43", "The question: 43"),
    ("43.5 and more", "43.5 and more"),
    ("", ""),
]


@pytest.mark.parametrize(("answer", "considered"), GOES_ON)
def test_a_base_model_counts_up_to_the_first_question_it_asks_itself(answer: str, considered: str) -> None:
    assert match(answer, accept=["43"], is_chat=False).considered == considered


@pytest.mark.parametrize("answer", [answer for answer, _ in GOES_ON])
def test_all_that_a_chat_model_says_counts(answer: str) -> None:
    assert match(answer, accept=["43"], is_chat=True).considered == answer


def test_an_answer_to_a_question_of_its_own_does_not_count_for_a_base_model() -> None:
    answer = "44\nQuestion: What is 17 plus 26?\nAnswer: 43"
    assert not match(answer, accept=["43"], is_chat=False).solved
    assert match(answer, accept=["43"], is_chat=True).solved


@pytest.mark.parametrize("is_chat", [True, False])
def test_repeating_the_question_solves_no_task_of_the_suite(is_chat: bool) -> None:
    for task in load_suite(ROOT / "config/suites/reasoning.yaml").tasks:
        assert not match(task.question, accept=task.accept, reject=task.reject, is_chat=is_chat).solved, task.id


WORDS = st.text(alphabet="abcdexyzäéñσд", min_size=1, max_size=8)
OPENING = st.sampled_from(["", " ", "(", "_", '"', "'", "**", "- ", ", ", "…", "\n", "[", "¡", "“", "—"])
CLOSING = st.sampled_from(["", " ", ")", "_", '"', "'", "**", ".", ",", "!", ":", ";", "…", "\n", "]", "”", "—"])


@given(word=WORDS, opening=OPENING, closing=CLOSING)
def test_case_and_punctuation_around_a_word_change_nothing(word: str, opening: str, closing: str) -> None:
    for form in (word, word.upper(), word.title(), unicodedata.normalize("NFD", word)):
        assert finds(f"so {opening}{form}{closing} then", word)
        assert finds(f"so {opening}{word}{closing} then", form)


@given(word=WORDS, before=st.text("abcé1", max_size=3), after=st.text("abcé1", max_size=3))
def test_a_word_within_a_longer_one_is_never_found(word: str, before: str, after: str) -> None:
    if before or after:
        assert not finds(f"so {before}{word}{after} then", word)


@given(number=st.integers(), closing=CLOSING)
def test_every_whole_number_is_found_in_a_sentence(number: int, closing: str) -> None:
    assert finds(f"It is {number}.", str(number))
    assert finds(f"It is {number}{closing}", str(number))
    assert finds(f"It is {number:,}.", str(number))


@given(number=st.integers(), digit=st.integers(0, 9))
def test_a_number_is_never_found_in_one_with_a_digit_more(number: int, digit: int) -> None:
    assert not finds(f"It is {number}{digit}.", str(number)) or number == int(f"{number}{digit}")
    assert not finds(f"It is {number}.{digit}5", str(number))


@settings(max_examples=300)
@given(answer=st.text(), keyword=st.text(min_size=1), is_chat=st.booleans())
def test_any_text_can_be_scored(answer: str, keyword: str, is_chat: bool) -> None:
    found = match(answer, accept=[keyword], reject=[keyword], is_chat=is_chat)
    assert not found.solved
    assert answer.startswith(found.considered)


@given(answer=st.text("12,.:/-²½ ^", max_size=12), keyword=st.from_regex(r"-?[0-9]{1,3}(\.[0-9])?", fullmatch=True))
def test_any_heap_of_digits_and_marks_can_be_scored(answer: str, keyword: str) -> None:
    assert match(answer, accept=[keyword], is_chat=True).accepted in {(), (keyword,)}


@pytest.mark.parametrize(
    ("answer", "keyword", "is_found"),
    [
        ("_third_", "third", True),
        ("_43_", "43", True),
        ("x²", "2", False),
        ("a12:30", "30", False),
        ("Answer:12", "12", True),
        ("12_000", "12", False),
        ("10^12", "12", False),
    ],
)
def test_marks_around_a_keyword(answer: str, keyword: str, is_found: bool) -> None:
    assert match(answer, accept=[keyword], is_chat=True).solved is is_found
