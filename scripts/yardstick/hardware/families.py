"""The shapes of model families: what of `config.json` decides how many parameters each part has.

The counts are those of the classes in Transformers, and a test holds them against these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from yardstick.hardware.facts import Matrix, ModelFacts
from yardstick.hardware.fields import Fields


@dataclass(frozen=True)
class _Parts:
    """A model in parts.

    Attributes:
        hidden: width of the residual stream.
        intermediate: width inside the MLP.
        heads: attention heads.
        kv_heads: heads of keys and values.
        head_dim: width of a head.
        matrices: weight matrices of a layer.
        small: biases and norms of a layer.
        last: parameters after the last layer, the head's bias among them and its matrix not.
        is_tied: whether the output head is the embedding.
        positions: parameters of a table of positions.
        window: see `ModelFacts`.
        windowed_layers: see `ModelFacts`.
        embedding: width of the embedding where it is not the hidden width.
    """

    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    matrices: tuple[Matrix, ...]
    small: int
    last: int
    is_tied: bool
    positions: int = 0
    window: int | None = None
    windowed_layers: int = 0
    embedding: int | None = None


def model_facts(config: Mapping[str, Any], name: str) -> ModelFacts:
    """Return the facts of a model from the content of its `config.json`.

    Args:
        config: the content.
        name: the file, for messages.

    Raises:
        YardstickError: the family is unknown, or a field is missing or impossible.
    """
    inner = config.get("text_config")
    fields = Fields({**config, **inner} if isinstance(inner, dict) else config, name)
    family = fields.text("model_type") or ""
    if family not in _FAMILIES:
        shown = repr(family[:40]) if family else "none"
        raise fields.error(f"model_type is {shown}, and only these are known: {', '.join(_FAMILIES)}")
    layers = fields.whole("num_hidden_layers", "n_layer")
    vocab = fields.whole("vocab_size")
    parts = _FAMILIES[family](fields)
    embedding = vocab * (parts.embedding or parts.hidden)
    of_layer = sum(matrix.parameters for matrix in parts.matrices) + parts.small
    untied = 0 if parts.is_tied else embedding
    dtype = fields.text("dtype", "torch_dtype")
    return ModelFacts(
        family=family,
        parameters=embedding + untied + parts.positions + layers * of_layer + parts.last,
        layers=layers,
        hidden=parts.hidden,
        intermediate=parts.intermediate,
        heads=parts.heads,
        kv_heads=parts.kv_heads,
        head_dim=parts.head_dim,
        vocab=vocab,
        is_tied=parts.is_tied,
        context=fields.whole("max_position_embeddings", "n_positions", "n_ctx"),
        dtype=dtype.removeprefix("torch.") if dtype else None,
        matrices=parts.matrices,
        looked_up=untied + parts.positions,
        window=parts.window,
        windowed_layers=min(parts.windowed_layers, layers) if parts.window else 0,
    )


def _heads(fields: Fields, hidden: int, *, default_dim: int | None = None) -> tuple[int, int, int]:
    """Return attention heads, heads of keys and values, and the width of a head."""
    heads = fields.whole("num_attention_heads", "n_head")
    kv_heads = fields.whole("num_key_value_heads", default=heads)
    head_dim = fields.whole("head_dim", default=default_dim or max(1, hidden // heads))
    if default_dim is None and hidden % heads:
        raise fields.error(f"a hidden size of {hidden} cannot be split over {heads} attention heads")
    if heads % kv_heads:
        raise fields.error(f"{heads} attention heads cannot share {kv_heads} key-value heads")
    return heads, kv_heads, head_dim


def _gated(
    fields: Fields,
    *,
    biases: Callable[[int, int, int], int] = lambda query, keys, hidden: 0,
    norms: int = 2,
    head_norms: bool = False,
    default_dim: int | None = None,
    tied: bool = False,
    is_fused: bool = False,
    has_mlp_bias: bool = False,
) -> _Parts:
    """Return a model with RMS norms and a gated MLP.

    Args:
        fields: the configuration.
        biases: parameters of the attention's biases, of the widths of queries, keys and the residual stream.
        norms: norms of a layer.
        head_norms: whether queries and keys are normalised within each head.
        default_dim: width of a head where the configuration names none, None for the hidden size over the heads.
        tied: whether the head is the embedding where the configuration does not say.
        is_fused: whether queries, keys and values are one matrix, gate and up another.
        has_mlp_bias: whether the MLP has biases.
    """
    hidden = fields.whole("hidden_size")
    inside = fields.whole("intermediate_size")
    heads, kv_heads, head_dim = _heads(fields, hidden, default_dim=default_dim)
    query, keys = heads * head_dim, kv_heads * head_dim
    apart = [Matrix(hidden, query), Matrix(hidden, keys), Matrix(hidden, keys)]
    up = [Matrix(hidden, inside), Matrix(hidden, inside)]
    if is_fused:
        apart, up = [Matrix(hidden, query + 2 * keys)], [Matrix(hidden, 2 * inside)]
    mlp_bias = 2 * inside + hidden if has_mlp_bias else 0
    return _Parts(
        hidden=hidden,
        intermediate=inside,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        matrices=(*apart, Matrix(query, hidden), *up, Matrix(inside, hidden)),
        small=norms * hidden + 2 * head_dim * head_norms + biases(query, keys, hidden) + mlp_bias,
        last=hidden,
        is_tied=fields.flag("tie_word_embeddings", default=tied),
    )


def _all_biases(query: int, keys: int, hidden: int) -> int:
    return query + 2 * keys + hidden


def _no_biases(query: int, keys: int, hidden: int) -> int:
    return 0


def _attention_biases(fields: Fields) -> Callable[[int, int, int], int]:
    return _all_biases if fields.flag("attention_bias", default=False) else _no_biases


def _llama(fields: Fields) -> _Parts:
    return _gated(fields, biases=_attention_biases(fields), has_mlp_bias=fields.flag("mlp_bias", default=False))


def _mistral(fields: Fields) -> _Parts:
    return _with_window(_gated(fields), fields, default=None)


def _qwen2(fields: Fields) -> _Parts:
    parts = _gated(fields, biases=lambda query, keys, hidden: query + 2 * keys)
    return _with_window(parts, fields, default=None) if fields.flag("use_sliding_window", default=False) else parts


def _qwen3(fields: Fields) -> _Parts:
    parts = _gated(fields, biases=_attention_biases(fields), head_norms=True, default_dim=128)
    return _with_window(parts, fields, default=None) if fields.flag("use_sliding_window", default=False) else parts


def _phi3(fields: Fields) -> _Parts:
    return _with_window(_gated(fields, is_fused=True), fields, default=None)


def _gemma(fields: Fields) -> _Parts:
    return _gated(fields, biases=_attention_biases(fields), default_dim=256, tied=True)


def _gemma2(fields: Fields) -> _Parts:
    parts = _gated(fields, biases=_attention_biases(fields), norms=4, default_dim=256, tied=True)
    return _with_window(parts, fields, default=4096, every_second=True)


def _with_window(parts: _Parts, fields: Fields, *, default: int | None, every_second: bool = False) -> _Parts:
    """Add the sliding window of a configuration, of the layers that it names or of all (every second) of them."""
    window = fields.whole("sliding_window", default=default or 0) or None
    kinds, layers = fields.texts("layer_types"), fields.whole("num_hidden_layers")
    windowed = kinds.count("sliding_attention") if kinds else (layers + 1) // 2 if every_second else layers
    return _replace(parts, window=window, windowed_layers=windowed)


def _replace(parts: _Parts, **changes: Any) -> _Parts:
    return _Parts(**{**parts.__dict__, **changes})


def _plain(fields: Fields, *, hidden: int, inside: int, layout: Any = "linear", is_fused: bool) -> dict[str, Any]:
    """Return the parts that a model with a plain MLP of two matrices has."""
    heads, kv_heads, head_dim = _heads(fields, hidden)
    query, keys = heads * head_dim, kv_heads * head_dim
    fused = [Matrix(hidden, query + 2 * keys, layout)]
    apart = [Matrix(hidden, query, layout), Matrix(hidden, keys, layout), Matrix(hidden, keys, layout)]
    rest = [Matrix(query, hidden, layout), Matrix(hidden, inside, layout), Matrix(inside, hidden, layout)]
    return {
        "hidden": hidden,
        "intermediate": inside,
        "heads": heads,
        "kv_heads": kv_heads,
        "head_dim": head_dim,
        "matrices": (*(fused if is_fused else apart), *rest),
    }


def _gpt2(fields: Fields) -> _Parts:
    hidden = fields.whole("n_embd", "hidden_size")
    inside = fields.whole("n_inner", default=4 * hidden)
    return _Parts(
        **_plain(fields, hidden=hidden, inside=inside, layout="conv1d", is_fused=True),
        small=4 * hidden + 3 * hidden + hidden + inside + hidden,
        last=2 * hidden,
        is_tied=fields.flag("tie_word_embeddings", default=True),
        positions=fields.whole("n_positions", "max_position_embeddings") * hidden,
    )


def _gpt_neox(fields: Fields) -> _Parts:
    hidden = fields.whole("hidden_size")
    inside = fields.whole("intermediate_size")
    attention = 4 * hidden if fields.flag("attention_bias", default=True) else 0
    return _Parts(
        **_plain(fields, hidden=hidden, inside=inside, is_fused=True),
        small=4 * hidden + attention + inside + hidden,
        last=2 * hidden,
        is_tied=fields.flag("tie_word_embeddings", default=False),
    )


def _phi(fields: Fields) -> _Parts:
    hidden = fields.whole("hidden_size")
    inside = fields.whole("intermediate_size")
    plain = _plain(fields, hidden=hidden, inside=inside, is_fused=False)
    keys = plain["kv_heads"] * plain["head_dim"]
    head_norms = 4 * plain["head_dim"] if fields.flag("qk_layernorm", default=False) else 0
    return _Parts(
        **plain,
        small=2 * hidden + _all_biases(hidden, keys, hidden) + inside + hidden + head_norms,
        last=2 * hidden + fields.whole("vocab_size"),
        is_tied=fields.flag("tie_word_embeddings", default=False),
    )


def _opt(fields: Fields) -> _Parts:
    hidden = fields.whole("hidden_size")
    inside = fields.whole("ffn_dim")
    embedding = fields.whole("word_embed_proj_dim", default=hidden)
    biases = 5 * hidden + inside if fields.flag("enable_bias", default=True) else 0
    norm = 2 * hidden if fields.flag("layer_norm_elementwise_affine", default=True) else 0
    has_last = fields.flag("do_layer_norm_before", default=True) and not fields.flag(
        "_remove_final_layer_norm", default=False
    )
    projections = 0 if embedding == hidden else 2 * embedding * hidden
    return _Parts(
        **_plain(fields, hidden=hidden, inside=inside, is_fused=False),
        small=2 * norm + biases,
        last=(norm if has_last else 0) + projections,
        is_tied=fields.flag("tie_word_embeddings", default=True),
        # The table has two rows before the first position.
        positions=(fields.whole("max_position_embeddings") + 2) * hidden,
        embedding=embedding,
    )


_FAMILIES: dict[str, Callable[[Fields], _Parts]] = {
    "gpt2": _gpt2,
    "llama": _llama,
    "mistral": _mistral,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "phi": _phi,
    "phi3": _phi3,
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gpt_neox": _gpt_neox,
    "opt": _opt,
}
FAMILIES = tuple(_FAMILIES)
