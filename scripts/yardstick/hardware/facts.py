"""What a decoder-only model costs per token, computed from its shape alone."""

from __future__ import annotations

from dataclasses import dataclass

from yardstick.hardware.formats import DTYPE_BYTES, Layout


@dataclass(frozen=True)
class Matrix:
    """A weight matrix that every token is multiplied with.

    Attributes:
        inputs: its inputs.
        outputs: its outputs.
        layout: which of the two is contiguous in memory.
    """

    inputs: int
    outputs: int
    layout: Layout = "linear"

    @property
    def parameters(self) -> int:
        """Its number of elements."""
        return self.inputs * self.outputs


@dataclass(frozen=True)
class StoredWeights:
    """What a file of quantised weights takes.

    Attributes:
        total_bytes: all its tensors.
        per_token_bytes: the tensors that each token is multiplied with.
    """

    total_bytes: int
    per_token_bytes: int


@dataclass(frozen=True)
class ModelFacts:
    """A model's shape.

    Attributes:
        family: its architecture, as `config.json` names it in ``model_type``.
        parameters: its number of parameters, tied ones once.
        layers: its number of decoder layers.
        hidden: width of the residual stream.
        intermediate: width inside the MLP.
        heads: attention heads.
        kv_heads: heads of keys and values.
        head_dim: width of a head.
        vocab: number of tokens it knows.
        is_tied: whether the output head is the embedding.
        context: longest context in tokens.
        dtype: number format that the weights are stored in, None where nothing says so.
        matrices: weight matrices of one layer.
        looked_up: parameters of tables of which a token reads a row: untied embeddings, positions.
        window: tokens that the layers with a sliding window see, None without such layers.
        windowed_layers: number of layers with a sliding window.
        stored: sizes of quantised weights, None for weights in one number format.
    """

    family: str
    parameters: int
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    is_tied: bool
    context: int
    dtype: str | None
    matrices: tuple[Matrix, ...]
    looked_up: int
    window: int | None = None
    windowed_layers: int = 0
    stored: StoredWeights | None = None

    @property
    def head(self) -> Matrix:
        """The output head."""
        return Matrix(self.hidden, self.vocab)

    @property
    def layer_parameters(self) -> int:
        """Parameters in the matrices of all layers, the output head not among them."""
        return self.layers * sum(matrix.parameters for matrix in self.matrices)

    def weight_bytes(self, dtype: str) -> int:
        """Return the bytes of all weights in a number format, or as they are stored if quantised."""
        return self.stored.total_bytes if self.stored else self.parameters * DTYPE_BYTES[dtype]

    def weight_bytes_per_token(self, dtype: str) -> int:
        """Return the bytes of weights that decoding one token reads."""
        if self.stored:
            return self.stored.per_token_bytes
        return (self.parameters - self.looked_up) * DTYPE_BYTES[dtype]

    def kv_bytes_per_token(self, dtype: str) -> int:
        """Return the bytes by which one token makes the cache of keys and values grow, before any window is full."""
        return 2 * self.layers * self.kv_heads * self.head_dim * DTYPE_BYTES[dtype]

    def kv_bytes(self, tokens: int, dtype: str) -> int:
        """Return the bytes of the cache of keys and values of a context; layers with a window keep no more than that."""
        kept = self.layers * tokens
        if self.window is not None:
            kept = (self.layers - self.windowed_layers) * tokens + self.windowed_layers * min(tokens, self.window)
        return kept * 2 * self.kv_heads * self.head_dim * DTYPE_BYTES[dtype]

    def prefill_flops(self, tokens: int) -> int:
        """Return the operations for a prompt: the layers for all tokens, attention to those before, the head for the last.

        A multiplication and an addition count as two.
        """
        pairs = tokens * (tokens + 1) // 2
        return 2 * tokens * self.layer_parameters + self._attention_flops(pairs) + 2 * self.head.parameters

    def decode_flops(self, context: int) -> int:
        """Return the operations for one new token after ``context`` tokens, itself among them."""
        return 2 * self.layer_parameters + self._attention_flops(context) + 2 * self.head.parameters

    def _attention_flops(self, pairs: int) -> int:
        """Return the operations of scores and weighted sums for so many pairs of tokens."""
        return 4 * self.layers * self.heads * self.head_dim * pairs
