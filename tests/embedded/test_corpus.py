"""The generated text is right, reproducible, and free of the suite."""

from __future__ import annotations

import re
from itertools import pairwise, permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yardstick.embedded import recipes
from yardstick.embedded.corpus import digest, training_examples, unique_items
from yardstick.embedded.items import Item, is_held_out
from yardstick.embedded.lexicon import RELATIONS
from yardstick.embedded.recipes import RECIPES
from yardstick.embedded.record import read_record
from yardstick.embedded.suite_guard import SuiteGuard
from yardstick.suites.suite import Task, load_suite

ROOT = Path(__file__).parents[2]
SUITE = load_suite(ROOT / "config" / "suites" / "reasoning.yaml")
SHIPPED = ROOT / "workflow" / "resources" / "embedded"

# The instances of the suite, written down by hand, so that the check does not depend on the guard's own reading.
SUITE_OPERANDS = [{"17", "26"}, {"64", "28"}, {"45", "12"}]
SUITE_NAMES = [{"Mia", "Leo", "Tom"}, {"Anna", "Ben"}]
SUITE_TERMS = re.compile(
    r"(?<!\d)(?:7, 12, 17|12, 17, 22|40, 36, 32|36, 32, 28|3, 6, 12|6, 12, 24)(?!\d)",
)


@pytest.fixture(scope="module")
def guard() -> SuiteGuard:
    return SuiteGuard(SUITE.tasks)


def plain(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", text.lower()).split())


def is_suite_instance(question: str) -> bool:
    """Say whether a question is about the numbers, people or terms of a suite question."""
    numbers = re.findall(r"\d+", question)
    if len(numbers) == 2 and set(numbers) in SUITE_OPERANDS:
        return True
    words = set(re.findall(r"\w+", question))
    if any(names <= words for names in SUITE_NAMES):
        return True
    return SUITE_TERMS.search(question) is not None


# ---------------------------------------------------------------------------------------------------- the whole text


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_full_training_text_holds_no_suite_question_and_no_held_out_question(name: str, guard: SuiteGuard) -> None:
    recipe = RECIPES[name]
    forbidden = [plain(task.question) for task in SUITE.tasks]
    held_out = {item.question for item in unique_items(recipes.EVALUATION_SEED, 2000, guard, held_out=True)}
    examples = list(training_examples(recipes.TEXT_SEED, recipe.examples, guard, recipe.curriculum))

    assert len(examples) == recipe.examples
    assert digest(examples) == read_record(SHIPPED / name)["text_sha256"], (
        "the shipped model was trained on another text: the corpus or the suite changed; train again (make embedded)"
    )
    text = "\n".join(plain(f"{prompt} {completion}") for prompt, completion, _ in examples)
    assert [question for question in forbidden if question in text] == []
    assert [item.question for _, _, item in examples if is_suite_instance(item.question)] == []
    assert held_out.isdisjoint(item.question for _, _, item in examples)


def test_tokenizer_text_holds_no_suite_question(guard: SuiteGuard) -> None:
    examples = training_examples(recipes.TOKENIZER_SEED, recipes.TOKENIZER_EXAMPLES, guard)
    text = "\n".join(plain(prompt) for prompt, _, _ in examples)
    assert [task.id for task in SUITE.tasks if plain(task.question) in text] == []


def test_guard_is_what_keeps_the_suite_out() -> None:
    """Without the guard the same generator does produce suite instances, so the checks above can fail."""
    unguarded = training_examples(recipes.TEXT_SEED, 30_000, SuiteGuard([]))
    assert any(is_suite_instance(item.question) for _, _, item in unguarded)


def test_same_seed_gives_the_same_text_and_another_seed_another(guard: SuiteGuard) -> None:
    first, again, other = (digest(training_examples(seed, 500, guard, 0.6)) for seed in (5, 5, 6))
    assert first == again != other


def test_logic_grows_harder_over_the_curriculum(guard: SuiteGuard) -> None:
    questions = [item.question for _, _, item in training_examples(1, 8000, guard, 0.9) if item.kind == "race"]
    inverted = [" after " in question for question in questions]
    assert sum(inverted[:200]) < sum(inverted[-200:]) / 2


# ----------------------------------------------------------------------------------------------------------- the guard


def item(question: str, keyword: str = "none") -> Item:
    return Item("test", "test", "key", question, keyword, keyword)


@pytest.mark.parametrize(
    ("question", "keyword"),
    [
        ("Add 26 and 17.", "43"),
        ("What is 26 times 17?", "442"),
        ("Ruth has 64 coins and gives 28 to Carl. How many coins are left?", "36"),
        ("Tom is taller than Mia. Leo is taller than Tom. Who is the tallest?", "Leo"),
        ("Ben is richer than Anna. What is Anna, compared with Ben?", "poorer"),
        ("12, 17, 22, ?", "27"),
        ("Continue the sequence: 2, 7, 12, 17", "22"),
        ("Which number comes next in 44, 40, 36, ...?", "32"),
        ("6, 12, 24, ?", "48"),
        ("Tell me: how many LEGS does a  spider have", "8"),
    ],
)
def test_guard_blocks_a_suite_instance_in_other_words(guard: SuiteGuard, question: str, keyword: str) -> None:
    assert guard.blocks(item(question, keyword))


@pytest.mark.parametrize(
    ("question", "keyword"),
    [
        ("Add 26 and 18.", "44"),
        ("Tom is taller than Mia. Ann is taller than Tom. Who is the tallest?", "Ann"),
        ("Ben is richer than Ann. What is Ann, compared with Ben?", "poorer"),
        ("22, 27, 32, ?", "37"),
        ("3, 6, 9, ?", "12"),
        ("How many legs does an ant have?", "6"),
        ("Tell me how many legs a spider has.", "8"),
    ],
)
def test_guard_lets_other_instances_through(guard: SuiteGuard, question: str, keyword: str) -> None:
    assert not guard.blocks(item(question, keyword))


@given(data=st.data(), task=st.sampled_from(SUITE.tasks))
def test_guard_sees_a_suite_question_through_case_spacing_and_punctuation(data: st.DataObject, task: Task) -> None:
    words = re.findall(r"[A-Za-z0-9]+", task.question)
    gaps = st.text(alphabet=" .,;:!?-\n\t'\"", min_size=1, max_size=3)
    mangled = "".join(data.draw(st.sampled_from([word.upper(), word.lower()])) + data.draw(gaps) for word in words)
    assert SuiteGuard(SUITE.tasks).repeats_question(f"User: {mangled}Assistant:")


# ------------------------------------------------------------------------------------------------------ right answers


def solve_order(statements: list[tuple[str, bool, str]]) -> tuple[str, ...]:
    """Return the one order of the names, highest first, that agrees with all statements (a, a is above b, b)."""
    names = {name for a, _, b in statements for name in (a, b)}
    fitting = [
        order
        for order in permutations(names)
        if all((order.index(a) < order.index(b)) == above for a, above, b in statements)
    ]
    assert len(fitting) == 1, f"{statements} leaves the order open"
    return fitting[0]


def expected_answer(generated: Item) -> str:
    """Work out the answer from the question's text alone."""
    question = generated.question
    numbers = [int(number) for number in re.findall(r"\d+", question)]
    if generated.kind in ("rising", "falling"):
        steps = {after - before for before, after in pairwise(numbers)}
        assert len(steps) == 1
        return str(numbers[-1] + steps.pop())
    if generated.kind == "geometric":
        return str(numbers[-1] * numbers[1] // numbers[0])
    if generated.kind == "add":
        return str(sum(numbers))
    if generated.kind == "subtract":
        return str(max(numbers) - min(numbers))
    if generated.kind == "multiply":
        return str(numbers[0] * numbers[1])
    if generated.kind == "word":
        loses = re.search(r"gives|loses|takes|give away", question)
        return str(numbers[0] - numbers[1] if loses else sum(numbers))
    if generated.kind == "race":
        found = re.findall(r"(\w+) (?:finishes|arrives|comes in) (before|after) (\w+)\.", question)
        order = solve_order([(a, word == "before", b) for a, word, b in found])
        name = next(word for word in reversed(re.findall(r"\w+", question)) if word in order)
        return ("first", "second", "third")[order.index(name)]
    ups = {words[0] for words in RELATIONS}
    order = solve_order([(a, word in ups, b) for a, word, b in re.findall(r"(\w+) is (\w+) than (\w+)\.", question)])
    if generated.kind == "chain-yes-no":
        asked = re.search(r"Is (\w+) (\w+) than (\w+)\?", question)
        assert asked
        return "yes" if (order.index(asked[1]) < order.index(asked[3])) == (asked[2] in ups) else "no"
    return order[0] if question.rstrip("?").split()[-1] in {words[2] for words in RELATIONS} else order[-1]


COMPUTED = {"rising", "falling", "geometric", "add", "subtract", "multiply", "word", "race"} | {
    f"chain-{end}" for end in ("2", "3", "4", "yes-no")
}


def test_answers_follow_from_the_questions(guard: SuiteGuard) -> None:
    items = [example.item for example in training_examples(7, 6000, guard)]
    checked = [generated for generated in items if generated.kind in COMPUTED]
    assert {generated.kind for generated in checked} == COMPUTED
    for generated in checked:
        assert expected_answer(generated) == generated.keyword, generated
        assert generated.keyword in re.findall(r"\w+", f"{generated.answer} {generated.answer.lower()}")


def test_one_instance_falls_on_one_side_of_the_split(guard: SuiteGuard) -> None:
    """All wordings and both orders of a sum share a key, and every drawn item lies on the side that was asked for."""
    sides: dict[frozenset[str], set[bool]] = {}
    for held_out in (False, True):
        for generated in unique_items(3, 4000, guard, held_out):
            assert is_held_out(generated.key) == held_out
            if generated.kind == "add":
                operands = frozenset(re.findall(r"\d+", generated.question))
                sides.setdefault(operands, set()).add(held_out)
    assert sides
    assert all(len(found) == 1 for found in sides.values())
