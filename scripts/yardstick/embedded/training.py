"""Trains one embedded model from generated text and writes it as a folder that transformers can load."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

from yardstick.embedded import recipes
from yardstick.embedded.batches import IGNORED, batches
from yardstick.embedded.corpus import training_examples
from yardstick.embedded.recipes import Recipe
from yardstick.embedded.suite_guard import SuiteGuard
from yardstick.embedded.tokenizer import END_OF_TEXT_ID, MAX_LENGTH, save_tokenizer, train_tokenizer

_FINAL_RATE = 0.01  # the learning rate decays to this share of its peak
_CLIP_NORM = 1.0
_PROGRESS_EVERY = 250
_SMOOTHING = 0.98  # of the loss that is reported
WEIGHTS = "model.safetensors"

Report = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A trained model with what its training took."""

    model: LlamaForCausalLM
    tokenizer: Tokenizer
    parameters: int
    tokens: int
    seconds: float
    loss: float


def make_deterministic(seed: int) -> None:
    """Fix the seed, the kernels and the number of threads, so that equal seeds give equal weights."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def build_tokenizer(recipe: Recipe, guard: SuiteGuard) -> Tokenizer:
    """Train the tokenizer on a text of its own."""
    examples = training_examples(recipes.TOKENIZER_SEED, recipes.TOKENIZER_EXAMPLES, guard)
    return train_tokenizer((example.prompt + example.completion for example in examples), recipe.vocabulary)


def build_model(recipe: Recipe, vocabulary: int) -> LlamaForCausalLM:
    """Make a Llama with random weights."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.feed_forward,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=MAX_LENGTH,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=END_OF_TEXT_ID,
        eos_token_id=END_OF_TEXT_ID,
        pad_token_id=END_OF_TEXT_ID,
    )
    return LlamaForCausalLM(config)


def build_optimisers(model: LlamaForCausalLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Give the matrices inside the layers to Muon, and the embeddings and norms to AdamW."""
    named = list(model.named_parameters())
    matrices = [weight for name, weight in named if weight.ndim == 2 and "embed" not in name]
    others = [weight for name, weight in named if weight.ndim != 2 or "embed" in name]
    muon = torch.optim.Muon(
        matrices, lr=recipe.muon_rate, momentum=0.95, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"
    )
    adamw = torch.optim.AdamW(others, lr=recipe.adamw_rate, betas=(0.9, 0.98), weight_decay=0.0)
    return [muon, adamw]


def rate_factor(step: int, recipe: Recipe) -> float:
    """Return the share of the peak learning rate at a step: a short warm-up, then a linear decay."""
    return min(1.0, (step + 1) / recipe.warm_up) * max(_FINAL_RATE, 1 - step / recipe.steps)


def completion_loss(model: LlamaForCausalLM, tokens: Tensor, labels: Tensor) -> Tensor:
    """Return the mean loss over the completions; other positions never reach the output layer."""
    hidden = model.model(tokens).last_hidden_state
    selected = labels != IGNORED
    loss: Tensor = cross_entropy(model.lm_head(hidden[selected]), labels[selected])
    return loss


def _update(model: LlamaForCausalLM, optimisers: list[torch.optim.Optimizer], loss: Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP_NORM)
    for optimiser in optimisers:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def _schedulers(optimisers: list[torch.optim.Optimizer], recipe: Recipe) -> list[torch.optim.lr_scheduler.LRScheduler]:
    def factor(step: int) -> float:
        return rate_factor(step, recipe)

    return [torch.optim.lr_scheduler.LambdaLR(optimiser, factor) for optimiser in optimisers]


def train(recipe: Recipe, guard: SuiteGuard, report: Report = print, steps: int | None = None) -> Trained:
    """Train a model; `steps` stops early without changing what the steps before it do."""
    tokenizer = build_tokenizer(recipe, guard)
    make_deterministic(recipes.SEED)
    model = build_model(recipe, tokenizer.get_vocab_size())
    optimisers = build_optimisers(model, recipe)
    schedulers = _schedulers(optimisers, recipe)
    examples = training_examples(recipes.TEXT_SEED, recipe.examples, guard, recipe.curriculum)
    data = batches(examples, tokenizer, recipe.batch, recipes.BATCH_SEED)
    started, seen, average = time.monotonic(), 0, 0.0
    for step, (tokens, labels) in enumerate(islice(data, recipe.steps if steps is None else steps), start=1):
        loss = completion_loss(model, tokens, labels)
        _update(model, optimisers, loss)
        for scheduler in schedulers:
            scheduler.step()
        seen += tokens.numel()
        average = loss.item() if step == 1 else _SMOOTHING * average + (1 - _SMOOTHING) * loss.item()
        if step % _PROGRESS_EVERY == 0:
            report(f"{recipe.name}: step {step}, loss {average:.4f}, {time.monotonic() - started:.0f} s")
    parameters = sum(weight.numel() for weight in model.parameters())
    return Trained(model, tokenizer, parameters, seen, time.monotonic() - started, average)


def save(trained: Trained, folder: Path) -> None:
    """Write the weights in half precision, the configuration and the tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    model = copy.deepcopy(trained.model).to(torch.float16)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(model.generation_config, name, END_OF_TEXT_ID)
    model.generation_config.do_sample = False
    model.save_pretrained(folder)
    (folder / WEIGHTS).chmod(0o644)  # safetensors leaves the file to its owner alone
    save_tokenizer(trained.tokenizer, folder)
