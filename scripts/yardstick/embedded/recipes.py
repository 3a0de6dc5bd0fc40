"""What the embedded models are made of: sizes, learning rates and lengths of training."""

from __future__ import annotations

from dataclasses import dataclass

SEED = 20
TOKENIZER_EXAMPLES = 20_000
TOKENIZER_SEED = SEED  # the training text uses SEED + 1 and the evaluation SEED + 2
TEXT_SEED = SEED + 1
EVALUATION_SEED = SEED + 2
BATCH_SEED = SEED + 3


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights of one model, apart from the seed."""

    name: str
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    steps: int
    muon_rate: float  # for the matrices inside the layers
    adamw_rate: float  # for the embeddings and the norms
    batch: int = 64
    vocabulary: int = 1024
    warm_up: int = 100
    curriculum: float = 0.6  # share of the training in which the logic items grow to full hardness

    @property
    def examples(self) -> int:
        """Number of training texts that the model sees, each of them once."""
        return self.steps * self.batch


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="yardstick-mini",
            hidden=64,
            layers=2,
            heads=2,
            feed_forward=192,
            steps=1500,
            muon_rate=8e-3,
            adamw_rate=4e-3,
        ),
        Recipe(
            name="yardstick-base",
            hidden=128,
            layers=4,
            heads=4,
            feed_forward=384,
            steps=4500,
            muon_rate=5e-3,
            adamw_rate=3e-3,
        ),
    )
}
