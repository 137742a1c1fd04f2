r"""Transformer blocks that are coherent inside, with a readout between blocks: Guo et al. (2024).

A block is, for each token s of a sequence S of n tokens in d dimensions,
$$y = \frac{s + a}{\|s + a\|},\quad a = W_VS^T\mathrm{softmax}(\beta\,SW_K^TW_Qs),\qquad
s' = \frac{y + W_2\,g(W_1y)}{\|y + W_2\,g(W_1y)\|},\quad g = \mathrm{GELU},$$
with one head and normalization without a shift. The block is one vector encoding, composed of this package's nodes: S
from a quantum memory with $\alpha = \|S\|_F$, the softmax as squared amplitudes of $e^{\beta x/2}$, whose sum is
normalized by their norm, and Theorem 1 of Rattew et al. for $S^T$ times these squares. The degrees of its polynomials
grow like $\log 1/\epsilon$. The next block needs all tokens in a memory, however. So all n d numbers are read out by
tomography with $2N$ copies for each token, $N = 36\ln d/\eta^2$. There is no lower bound on $\|s + a\|$.

References:
    Guo, Yu, Choi, Han, Agrawal, Nakaji, Aspuru-Guzik, Rebentrost (2024), Quantum Transformer: Accelerating model
    inference via quantum linear algebra, Section IV. https://arxiv.org/abs/2402.16714
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from qla_jax._checks import ROUNDING, as_inexact, as_numeric, as_real, as_tuple, require, require_key, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.lemmas import vector_sum
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.combine.squares import square_product
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.matrices.frobenius import block_encode_frobenius
from qla_jax.encodings.vectors.loading import qram_encode
from qla_jax.linalg.preparation import length
from qla_jax.polynomials import Polynomial, erf, exp
from qla_jax.prior.convolutional import rounds
from qla_jax.prior.feedforward import FAILURE
from qla_jax.prior.layered import LayeredRun, LayerResult, in_a_row, require_tolerances, tomography_for
from qla_jax.transforms.activation import activate
from qla_jax.transforms.activation_routes import activate_any

Activations = tuple[Polynomial, Polynomial]
r"""Polynomial approximants of $e^{\beta x/2}$ and of $\mathrm{erf}(x/\sqrt2)$."""


class AttentionWeights(NamedTuple):
    """Weights of one block, each of operator norm at most 1.

    Attributes:
        query: matrix $W_Q$ of shape (d, d).
        key: matrix $W_K$ of shape (d, d).
        value: matrix $W_V$ of shape (d, d).
        into: matrix $W_1$ into the hidden layer, shape (h, d).
        out_of: matrix $W_2$ out of the hidden layer, shape (d, h).
    """

    query: Array
    key: Array
    value: Array
    into: Array
    out_of: Array


@default_promotion
def transformer(
    blocks: Sequence[AttentionWeights],
    tokens: ArrayLike,
    *,
    key: Array,
    eps: float,
    eta: float,
    beta: float = 1.0,
    failure: float = FAILURE,
) -> LayeredRun:
    """Run transformer blocks on a sequence, with a readout of all tokens after each block.

    Args:
        blocks: weights of each block.
        tokens: sequence S of shape (n, d), powers of two; rows are normalized, as those after a block are.
        key: random key of the counts.
        eps: absolute error of the polynomial of each activation.
        eta: error of tomography in each entry of a token of norm 1.
        beta: sharpness of the softmax, positive.
        failure: probability that any entry is off by more.

    Returns:
        Run of all blocks, whose bounds are those of the encodings and of tomography together, over all tokens.

    Raises:
        ValueError: no blocks, shapes that do not fit, a weight whose norm is above 1, a zero token, `eps` or `beta`
            that is not positive, `eta` or `failure` that is not between 0 and 1.

    Example:
        >>> weights = AttentionWeights(*(0.5 * jnp.eye(2) for _ in range(5)))
        >>> run = transformer([weights], jnp.eye(2), key=jax.random.key(0), eps=0.1, eta=0.1)
        >>> len(run.states), run.states[-1].shape
        (1, (2, 2))
    """
    require_key("key", key)
    blocks = as_tuple("blocks", blocks, AttentionWeights)
    require(len(blocks) > 0, "`blocks` must hold at least one block, but is empty.")
    eps, beta = as_real("eps", eps), as_real("beta", beta)
    for name, value in (("eps", eps), ("beta", beta)):
        require(value > 0, f"`{name}` must be positive, but is {value}.")
    failure, eta = require_tolerances(failure, eta)
    state, layers = as_numeric("tokens", tokens, ndim=2), []
    for axis, size in enumerate(state.shape):
        require(size & (size - 1) == 0, f"`tokens` must have power-of-two axes, but axis {axis} has {size}.")
    lengths = jax.vmap(length)(state)
    require(bool((lengths > 0).all()), f"`tokens` must not be zero, but token {int(jnp.argmin(lengths))} is.")
    state = state / lengths[:, None]
    polys = softmax_polynomial(beta, eps), erf(math.sqrt(0.5), eps=eps)
    for part, weights in zip(jax.random.split(key, len(blocks)), blocks, strict=True):
        weights = _contractions(weights, state.shape[1])
        layers.append(_block(weights, state, part, polys, eta, failure / len(blocks)))
        state = layers[-1].state
    return in_a_row(layers)


def _block(
    weights: AttentionWeights, tokens: Array, key: Array, polys: Activations, eta: float, failure: float
) -> LayerResult:
    @jax.jit
    @jax.vmap
    def run(token: Array) -> tuple[Array, Array, Array]:
        vec = token_encoding(weights, tokens, token, polys)
        return vec.encoded, vec.eps, vec.amplitude

    vectors, errors, amplitudes = run(tokens)
    counted = cost(jax.eval_shape(lambda token: token_encoding(weights, tokens, token, polys), tokens[0]))
    readout, proven = tomography_for(tokens.shape[1], eta, failure / len(tokens))
    read = jax.vmap(lambda x, key: readout(x, key=key))(vectors, jax.random.split(key, len(tokens)))
    loads = sum(number for name, number in counted.num_queries.items() if not name.startswith("Dense"))
    calls = loads * sum(
        int(shots) * (2 * rounds(float(amplitude) ** 2) + 1)
        for shots, amplitude in zip(read.shots, amplitudes, strict=True)
    )
    # normalization at most doubles the distance from a unit vector
    state = read.values / jnp.linalg.norm(read.values, axis=1)[:, None]
    bound = 2 * float(jnp.linalg.norm(errors + read.error_bound))
    return LayerResult(state, bound, len(tokens) * proven, calls, tokens.size)


def token_encoding(
    weights: AttentionWeights, tokens: Float[Array, "n d"], token: Float[Array, " d"], polys: Activations
) -> VectorEncoding:
    """Return the vector encoding of a block's output for one token, which is its circuit.

    Args:
        weights: weights of the block.
        tokens: sequence S of unit tokens.
        token: token s.
        polys: approximants of both activations.
    """
    start, sequence = qram_encode(token), block_encode_frobenius(tokens)
    query, key, value, into, out_of = (_contraction(matrix) for matrix in weights)
    scores = sequence @ (key.adjoint() @ (query @ start))
    amplitudes = normalize(activate_any(scores, polys[0]))
    attention = value @ square_product(tokens.T, amplitudes, sizes=(tokens.shape[1],))
    inner = normalize(vector_sum(start, attention))
    return normalize(vector_sum(inner, out_of @ gelu(into @ inner, polys[1])))


def softmax_polynomial(beta: float, eps: float) -> Polynomial:
    r"""Return an approximant of $e^{\beta x/2}$ on [-1, 1], with its Lipschitz constant.

    Scores of unit tokens under contractions lie in this interval.

    Args:
        beta: sharpness of the softmax.
        eps: absolute error of the approximant on [-1, 1].
    """
    slope = beta / 2 * math.exp(beta / 2)
    return exp(-beta / 2, eps=eps).replace(lipschitz=jnp.asarray(slope))


def gelu(vec: VectorEncoding, erf: Polynomial) -> VectorEncoding:
    r"""Encode $x\,\Phi(x) = \frac12x + \frac12x\,\mathrm{erf}(x/\sqrt2)$ entry by entry.

    Args:
        vec: vector encoding of x.
        erf: approximant of $\mathrm{erf}(x/\sqrt2)$.
    """
    return vector_sum(vec, diagonal_of_amplitudes(vec) @ activate(vec, erf), weights=(0.5, 0.5))


def exact_block(weights: AttentionWeights, tokens: ArrayLike, beta: float = 1.0) -> np.ndarray:
    """Return the exact output of the block that `transformer` estimates, on unit tokens.

    Args:
        weights: weights of the block.
        tokens: sequence of unit tokens, a row each.
        beta: sharpness of the softmax.

    Example:
        >>> zero, one = jnp.zeros((2, 2)), jnp.eye(2)
        >>> exact_block(AttentionWeights(zero, zero, zero, one, zero), one).tolist()  # residuals alone
        [[1.0, 0.0], [0.0, 1.0]]
    """
    require_kind("weights", weights, AttentionWeights)
    query, key, value, into, out_of = (np.asarray(as_inexact("weights", matrix)) for matrix in weights)
    s = np.asarray(as_inexact("tokens", tokens))
    scores = beta * (s @ query.T) @ (s @ key.T).T
    y = _unit_rows(s + scipy.special.softmax(scores, axis=1) @ s @ value.T)
    hidden = y @ into.T
    return _unit_rows(y + (hidden * scipy.special.ndtr(hidden)) @ out_of.T)


def _unit_rows(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _contraction(matrix: Array) -> BlockEncoding:
    return block_encode(matrix, alpha=jnp.ones((), matrix.dtype))


def _contractions(weights: AttentionWeights, width: int) -> AttentionWeights:
    """Return the weights of a block as arrays, after a check of their shapes and norms."""
    found = AttentionWeights(*(as_numeric("blocks", matrix, ndim=2) for matrix in weights))
    hidden = len(found.into)
    shapes = [(width, width)] * 3 + [(hidden, width), (width, hidden)]
    for name, matrix, shape in zip(AttentionWeights._fields, found, shapes, strict=True):
        have = matrix.shape
        require(have == shape, f"`blocks` must have a weight `{name}` of shape {shape}, but it has {have}.")
        norm = float(jnp.linalg.norm(matrix, 2))
        # beyond it an encoding with alpha = 1 has an unknown error
        room = ROUNDING * float(jnp.finfo(matrix.dtype).eps)
        require(norm <= 1 + room, f"`blocks` must have weights of norm at most 1, but `{name}` has {norm}.")
    return found
