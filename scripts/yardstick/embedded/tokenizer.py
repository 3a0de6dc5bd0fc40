"""Trains the byte-level BPE tokenizer of an embedded model and writes it in the format of transformers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END_OF_TEXT = "<|endoftext|>"  # the only special token: begin, end and padding, always id 0
END_OF_TEXT_ID = 0
MAX_LENGTH = 512
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}User: {{ message['content'] }}\n"
    "{% elif message['role'] == 'assistant' %}Assistant: {{ message['content'] }}" + END_OF_TEXT + "\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
_SETTINGS = {
    "tokenizer_class": "PreTrainedTokenizerFast",  # the class that loads tokenizer.json as it is
    "bos_token": END_OF_TEXT,
    "eos_token": END_OF_TEXT,
    "pad_token": END_OF_TEXT,
    "add_bos_token": False,
    "add_eos_token": False,
    "clean_up_tokenization_spaces": False,
    "model_max_length": MAX_LENGTH,
    "padding_side": "left",
    "chat_template": CHAT_TEMPLATE,
}


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn a vocabulary; every digit is a token of its own, so that numbers have one spelling."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),  # sorted, as a set has no fixed order
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json."""
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(_SETTINGS, indent=2) + "\n", encoding="utf-8")
