"""Number formats and layouts of weights."""

from __future__ import annotations

from typing import Literal

DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}

# linear: the weight lies as outputs x inputs, as torch.nn.Linear has it; conv1d: as inputs x outputs, as in GPT-2.
Layout = Literal["linear", "conv1d"]
