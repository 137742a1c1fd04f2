r"""Quantum linear algebra modules of attention: $A'V$ by a block encoding of $A'$, and the merging of heads.

For one head, a memory holds the softmax weights $A'$ column by column, and their block encoding acts on the state of V,
$$(A' \otimes I)\,|V\rangle, \qquad \text{with success amplitude } \frac{\|A'V\|_F}{\|A'\|_F\|V\|_F}.$$
The paper has two ways to merge heads. `concatenated_heads` adds a head register, in the superposition that gives each
head its true length (Lemma 4 of Rattew et al.); arithmetic then applies the output matrix $W_O$. `combined_heads` is a
linear combination of unitaries that includes $W_O$: $\sum_hA'_hV_hW_h$ with $W_O = (W_1; W_2; \dots)$. The weights of
the combination are the subnormalizations, so heads that cancel reduce the success amplitude.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section III.2 (heads by a linear combination) and
    appendix D.1 (a head register, then arithmetic). https://arxiv.org/abs/2402.18940
    Rattew et al. (2025), Lemmas 1 and 4. https://arxiv.org/abs/2510.07195
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_inexact, as_numeric, require
from qla_jax._modes import promoted
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.joint import tensor
from qla_jax.encodings.combine.lemmas import Concatenation, VectorSum, concatenate, vector_sum
from qla_jax.encodings.matrices.dense import from_unitary
from qla_jax.encodings.matrices.frobenius import block_encode_frobenius
from qla_jax.encodings.vectors.known import vector_encode

Scores = Float[Array, "head n n"]
Values = Float[Array, "head n k"]


def attended(scores: Float[Array, "n n"], values: Float[Array, "n k"]) -> VectorEncoding:
    r"""Encode the attention output $A'V$ of one head.

    The result is an $(\|A'\|_F\|V\|_F, \lceil\log_2n\rceil, 0)$-vector-encoding.

    Args:
        scores: softmax weights $A'$ of the head.
        values: values V of the head.
    """
    return tensor(block_encode_frobenius(scores), _idle(values)) @ vector_encode(values, pad=True)


def concatenated_heads(scores: Scores, values: Values) -> Concatenation:
    r"""Encode the attention outputs $A'_hV_h$ of all heads, with a head register before those of tokens and features.

    The subnormalization is $\sqrt{\sum_h\|A'_h\|_F^2\|V_h\|_F^2}$.

    Args:
        scores: softmax weights $A'$ of each head.
        values: values V of each head.

    Returns:
        A vector encoding of the tensor (head, token, feature), flattened.

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> scores, values = jnp.eye(2)[None], jnp.array([[[3.0, 0.0], [0.0, 4.0]]])
        >>> vec = concatenated_heads(scores, values)
        >>> vec.encoded.tolist(), round(float(vec.amplitude), 6)  # 1 over the Frobenius norm of the identity
        ([3.0, 0.0, 0.0, 4.0], 0.707107)

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix D.1. https://arxiv.org/abs/2402.18940
        Rattew et al. (2025), Lemma 4. https://arxiv.org/abs/2510.07195
    """
    scores, values = _as_heads(scores, values)
    return concatenate(*[attended(a, v) for a, v in zip(scores, values, strict=True)])


def combined_heads(scores: Scores, values: Values, weight: Float[Array, "d width"]) -> VectorSum:
    r"""Encode the merged output of all heads, $\sum_hA'_hV_hW_h$, by a linear combination of unitaries.

    The subnormalization is $\sum_h\|A'_h\|_F\|V_h\|_F\|W_h\|_F$.

    Args:
        scores: softmax weights $A'$ of each head.
        values: values V of each head, with k columns.
        weight: transposed output matrix $W_O^T$, shape (d, heads * k), whose columns belong to the heads in order.

    Returns:
        A vector encoding of the tensor (token, feature), flattened.

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> scores, values = jnp.eye(2)[None], jnp.array([[[3.0, 0.0], [0.0, 4.0]]])
        >>> combined_heads(scores, values, jnp.eye(2)).encoded.tolist()
        [3.0, 0.0, 0.0, 4.0]

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section III.2. https://arxiv.org/abs/2402.18940
        Rattew et al. (2025), Lemma 1. https://arxiv.org/abs/2510.07195
    """
    scores, values = _as_heads(scores, values)
    heads, k = len(values), values.shape[2]
    scores, values, weight = promoted(scores, values, as_numeric("weight", weight, ndim=2))
    require(
        weight.shape[1] == heads * k,
        f"`weight` must have {heads * k} columns for {heads} heads of {k}, but has shape {weight.shape}.",
    )
    parts = [weight[:, h * k : (h + 1) * k] for h in range(heads)]
    return vector_sum(*_mixed(scores, values, parts))


def _mixed(scores: Scores, values: Values, parts: Sequence[Array]) -> list[VectorEncoding]:
    return [
        tensor(block_encode_frobenius(a), block_encode_frobenius(w)) @ vector_encode(v, pad=True)
        for a, v, w in zip(scores, values, parts, strict=True)
    ]


def _idle(values: Array) -> BlockEncoding:
    """Return the identity on the register of features as a block encoding without ancillas."""
    columns = values.shape[1]
    identity = jnp.eye(1 << (columns - 1).bit_length(), dtype=values.dtype)
    return from_unitary(identity, num_ancillas=0, alpha=1.0, eps=0.0, shape=(columns, columns))


def _as_heads(scores: Scores, values: Values) -> list[Array]:
    scores, values = promoted(as_inexact("scores", scores), as_inexact("values", values))
    fits = scores.ndim == values.ndim == 3 and scores.shape[:2] == values.shape[:2] and len(scores) > 0
    require(
        fits and scores.shape[1] == scores.shape[2],
        f"`values` must be (heads, n, k) for `scores` (heads, n, n), but they are {values.shape} and {scores.shape}.",
    )
    return [scores, values]
