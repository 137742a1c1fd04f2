r"""Coherent residual networks: the skip norm block (Lemma 6) and chains of it (Lemma 7).

$$\psi \mapsto \frac{\psi + f(W\psi)}{N},\qquad f(x) = \mathrm{erf}(4x/5),\quad N = \|\psi + f(W\psi)\|.$$
The skip connection is what keeps the norm: f has Lipschitz constant $L = 8/(5\sqrt\pi) = 0.9027 < 1$, so for unit
$\psi$ and $\|W\| \le 1$ the norm stays in $[1 - L, 1 + L]$. With plain erf, L > 1, the sum can vanish.

Blocks stay unamplified: alpha grows from block to block, and the activation's polynomial is re-expanded in the
subnormalized amplitudes, so that the network computed is the same as after amplification.

References:
    Rattew et al. (2025), Lemmas 6 and 7. https://arxiv.org/abs/2510.07195
"""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Num

from qla_jax._checks import ROUNDING, as_tuple, is_concrete, require, require_kind, times
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, combination
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.registers import same_place
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.composed import Composed
from qla_jax.encodings.combine.lemmas import MatrixVectorProduct, matrix_vector_product, vector_sum
from qla_jax.encodings.combine.normalized import Normalized, direction_error, normalize
from qla_jax.linalg.preparation import length
from qla_jax.polynomials import Polynomial, chebyshev, erf
from qla_jax.transforms.activation import activate, activating, approximation_error

SCALE = 4 / 5
"""The activation is erf(SCALE x)."""

LIPSCHITZ = 2 * SCALE / math.sqrt(math.pi)
"""L, the Lipschitz constant of the activation."""

NORM_RANGE = (1 - LIPSCHITZ, 1 + LIPSCHITZ)
"""Where the norm before normalization lies for unit input and a weight of norm at most 1."""

DEFAULT_DEGREE = 7

Vector = Num[Array, " n"]


class SkipNormBlock(Composed, kw_only=True):
    """Lemma 6. The input's circuit stands in this one `poly.degree + 1` times.

    Attributes:
        norm: N, the norm before normalization.
        alone: the flagged amplitude of this block if its input were amplified to alpha = 1.
        activation_eps: the activation's own l2 error, e1 in the lemma.
        log_size: the natural logarithm of alpha.
    """

    weight: BlockEncoding
    part: VectorEncoding
    poly: Polynomial
    norm: Array
    alone: Array
    activation_eps: Array
    log_size: Array

    @property
    def log_alpha(self) -> Array:
        return self.log_size  # kept: from the circuit, each block would ask the one before it twice

    @property
    def circuit(self) -> Normalized:
        """The block in terms of Lemmas 1 and 2 and the activation."""
        return _compose(self.weight, self.part, self.poly)[0]

    @property
    def least_amplitude(self) -> Array:
        r"""A lower bound on the flagged amplitude for every unit input, $(1 - g\|W\|)/(\alpha + s)$.

        With $g = \max|P(x)/x|$ the sum $\psi + P(W\psi)$ is no shorter than $1 - g\|W\|$.
        """
        slope = chebyshev.sup_bound(chebyshev.quotient(self.poly.coeffs), oversampling=64)
        return jnp.maximum(0, 1 - slope * jnp.minimum(1, self.weight.norm_bound)) / (self.alpha * self.norm)

    def uses(self) -> tuple[Use, ...]:
        steps = self.poly.degree // 2
        within = [Use(part, steps, steps, paired=True) for part in (self.weight, self.part)]
        return within[0], Use(self.weight, controlled=True), within[1], Use(self.part, 2, controlled=True)

    def gates(self) -> Gates:
        ancillas = self.weight.num_ancillas + self.part.num_ancillas
        qubits = max(self.weight.num_qubits, self.part.num_qubits)
        return combination(2) + activating(self.poly.degree // 2 + 1, ancillas, qubits)


@default_promotion
def skip_norm_block(
    weight: BlockEncoding,
    vec: VectorEncoding,
    *,
    poly: Polynomial | None = None,
    eps: float | None = None,
    skip_bound: ArrayLike | None = None,
) -> SkipNormBlock:
    r"""Lemma 6: encode $(\psi + f(W\psi))/N$.

    An $\big((\alpha + s)/N,\ n + 2(a + b) + \lceil\log_2\frac{k+1}2\rceil + 1,\ \epsilon'\big)$-vector-encoding for
    degree k, with s the normalization of the activation. The error uses the instance's own N: with $e = (1 +
    L\|W\|)e_0 + e_1$ it is $2e/(2N - e)$, in the worst case of small errors $19.6 e_0 + 10.3 e_1$
    (`worst_case_error`). Where W opposes the skip connection that is far from the truth: with a bound s on $\|1 +
    LW\|$ the factor of $e_0$ is also at most $s + (L - g)\|W\|$, g the smallest slope of f on the arguments that
    occur.

    Args:
        weight: any block encoding of a square W with $\|W\| \le 1$ by its `norm_bound`.
        vec: $\psi$; the norm is conserved for unit vectors.
        poly: the activation's odd polynomial, an approximant of erf(4x/5); of degree 7 unless given.
        eps: choose instead the smallest degree of erf(4x/5) whose uniform error is at most eps.
        skip_bound: s, a certified bound on $\|1 + LW\|$; $1 + L\|W\|$ unless given. One that a stored W contradicts is
            refused, elsewhere you vouch for it. It counts for polynomials of `polynomials.erf(4/5, ...)`, of whose
            slopes it speaks.

    Raises:
        TypeError: `weight`, `vec` or `poly` is of another kind.
        ValueError: both `poly` and `eps`, a weight that does not map the vector's registers to themselves, or a
            `norm_bound` above 1 (inside jit: `eps = inf`).
    """
    require_kind("weight", weight, BlockEncoding)
    require_kind("vec", vec, VectorEncoding)
    if poly is not None:
        require_kind("poly", poly, Polynomial)
    require(poly is None or eps is None, f"`skip_norm_block` takes `poly` or `eps`, but got both (eps={eps}).")
    if poly is None:
        scale = np.asarray(SCALE, vec.alpha.dtype)  # concrete under jit, too
        poly = erf(scale, degree=DEFAULT_DEGREE) if eps is None else erf(scale, eps=eps)
    require(
        same_place(weight.codomain, vec.sizes),
        f"`weight` must map the registers {vec.sizes} of `vec` to themselves, but its codomain is {weight.codomain}.",
    )
    slack = 1 + ROUNDING * jnp.finfo(weight.norm_bound.dtype).eps
    if is_concrete(weight.norm_bound):
        bound = float(weight.norm_bound)
        require(bool(bound <= slack), f"`weight` must have a norm of at most 1, but its certified bound is {bound}.")
    circuit, product = _compose(weight, vec, poly)
    approximation = approximation_error(product.encoded, poly)
    eps_sharp = jnp.asarray(jnp.inf)
    if skip_bound is not None:
        own = times(weight.eps, length(vec.encoded))
        moved = times(_contraction(weight, product, skip_bound), vec.eps) + times(LIPSCHITZ, own)
        _require_skip_bound(skip_bound, weight)
        eps_sharp = jnp.where(_is_of_erf(poly), direction_error(moved + approximation, circuit.norm), jnp.inf)
    degree_sum = jnp.abs(
        chebyshev.quotient(chebyshev.rescale(poly.coeffs, weight.alpha.astype(poly.coeffs.dtype)))
    ).sum()
    return SkipNormBlock(
        alpha=circuit.alpha,
        eps=jnp.where(weight.norm_bound <= slack, jnp.minimum(circuit.eps, eps_sharp), jnp.inf),
        num_ancillas=circuit.num_ancillas,
        num_qubits=circuit.num_qubits,
        encoded=circuit.encoded,
        sizes=vec.sizes,
        weight=weight,
        part=vec,
        poly=poly,
        norm=circuit.norm,
        alone=circuit.norm / (1 + degree_sum),
        activation_eps=approximation,
        log_size=jax.lax.stop_gradient(circuit).log_alpha,  # no derivative is asked for, and none is there at alpha 0
    )


@default_promotion
def residual_network(
    weights: Sequence[BlockEncoding],
    vec: VectorEncoding,
    *,
    poly: Polynomial | None = None,
    skip_bounds: Sequence[ArrayLike | None] | None = None,
) -> SkipNormBlock:
    """Lemma 7: the blocks in a row, as one encoding; `chain` gives each of them back.

    Raises:
        ValueError: no weights, a number of skip bounds other than that of weights, or what `skip_norm_block` raises.
    """
    weights = as_tuple("weights", weights, BlockEncoding)
    require(len(weights) > 0, "`weights` must hold at least one block encoding, but is empty.")
    bounds = [None] * len(weights) if skip_bounds is None else skip_bounds
    require(
        len(bounds) == len(weights), f"`skip_bounds` must match {len(weights)} weights, but there are {len(bounds)}."
    )
    for weight, bound in zip(weights, bounds, strict=True):
        vec = skip_norm_block(weight, vec, poly=poly, skip_bound=bound)
    assert isinstance(vec, SkipNormBlock)
    return vec


@default_promotion
def chain(network: VectorEncoding) -> list[SkipNormBlock]:
    """The blocks of a network, first to last, without what stands between and behind them."""
    require_kind("network", network, VectorEncoding)
    blocks: list[SkipNormBlock] = []
    vec: VectorEncoding | None = network
    while vec is not None:
        if isinstance(vec, SkipNormBlock):
            blocks.insert(0, vec)
        vec = getattr(vec, "part", None)
    return blocks


def ideal_skip_norm(matvec: Callable[[Vector], Vector], x: Vector) -> tuple[Vector, Array]:
    """The ideal block with the true erf, and its norm N: what the encodings approximate, never a part of them."""
    y = x + jax.scipy.special.erf(SCALE * matvec(x))
    norm = length(y)
    return y / norm, norm


def worst_case_error(input_eps: ArrayLike, activation_eps: ArrayLike) -> Array:
    r"""$[(1+L)e_0 + e_1]/(1-L)$, at most $19.6e_0 + 10.3e_1$: the first-order error of a block at the smallest norm."""
    return ((1 + LIPSCHITZ) * jnp.asarray(input_eps) + jnp.asarray(activation_eps)) / (1 - LIPSCHITZ)


def published_error(input_eps: ArrayLike, activation_eps: ArrayLike) -> Array:
    """$712(e_0 + e_1)$, Lemma 6 as published."""
    return 712 * jnp.add(input_eps, activation_eps)


def _is_of_erf(poly: Polynomial) -> Bool[Array, ""]:
    """Whether this is the approximant of erf(4x/5) of its degree: of other functions a skip bound proves nothing."""
    dtype = poly.coeffs.dtype
    if poly.parity != "odd" or poly.lipschitz is None or jnp.iscomplexobj(poly.coeffs):
        return jnp.asarray(False)
    wanted = erf(np.asarray(SCALE, dtype), degree=poly.degree).coeffs
    return jnp.abs(poly.coeffs - wanted).max() <= ROUNDING * jnp.finfo(dtype).eps


def _require_skip_bound(skip_bound: ArrayLike, weight: BlockEncoding) -> None:
    matrix = getattr(weight, "matrix", None)
    if matrix is None:
        return
    norm = jnp.linalg.norm(jnp.eye(len(matrix), dtype=matrix.dtype) + LIPSCHITZ * matrix, 2)
    fits = norm <= jnp.asarray(skip_bound) + ROUNDING * jnp.finfo(matrix.dtype).eps
    if is_concrete(fits):  # of known numbers, too, nothing is known inside jit
        require(bool(fits), f"`skip_bound` must be at least |1 + LW| = {norm}, but is {skip_bound}.")


def _contraction(weight: BlockEncoding, product: MatrixVectorProduct, skip_bound: ArrayLike) -> Array:
    """Lipschitz constant of x + f(Wx) near the input: slopes of f lie in [g, L] for arguments up to `reach`."""
    reach = jnp.abs(product.encoded).max() + product.eps
    return jnp.asarray(skip_bound) + LIPSCHITZ * (1 - jnp.exp(-jnp.square(SCALE * reach))) * weight.norm_bound


def _compose(weight: BlockEncoding, vec: VectorEncoding, poly: Polynomial) -> tuple[Normalized, MatrixVectorProduct]:
    product = matrix_vector_product(weight, vec)
    return normalize(vector_sum(vec, activate(product, poly))), product
