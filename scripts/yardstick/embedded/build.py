"""Makes the complete folder of one embedded model: weights, tokenizer, record and model card."""

from __future__ import annotations

from pathlib import Path

from yardstick.embedded.evaluation import evaluate
from yardstick.embedded.model_card import write_card
from yardstick.embedded.recipes import Recipe
from yardstick.embedded.record import accuracies, training_record, write_record
from yardstick.embedded.suite_guard import SuiteGuard
from yardstick.embedded.training import Report, Trained, save, train


def describe(recipe: Recipe, trained: Trained, folder: Path, guard: SuiteGuard) -> None:
    """Evaluate a saved model and write its record and its card."""
    record = training_record(recipe, trained, folder, guard)
    record["evaluation"] = accuracies(evaluate(folder, guard))
    write_record(record, folder)
    write_card(record, folder)


def build(recipe: Recipe, folder: Path, guard: SuiteGuard, report: Report = print) -> None:
    """Train a model and write everything that ships with it."""
    trained = train(recipe, guard, report)
    save(trained, folder)
    describe(recipe, trained, folder, guard)
    report(f"{recipe.name}: written to {folder}")
