r"""Coherent residual networks: the skip norm block (Lemma 6) and chains of such blocks (Lemma 7).

$$\psi \mapsto \frac{\psi + f(W\psi)}{N},\qquad f(x) = \mathrm{erf}(4x/5),\quad N = \|\psi + f(W\psi)\|.$$
The skip connection keeps the norm away from 0. The activation f has the Lipschitz constant
$L = 8/(5\sqrt\pi) = 0.9027 < 1$, so that for unit $\psi$ and $\|W\| \le 1$ the norm lies in $[1 - L, 1 + L]$. With
erf(x) itself, for which L > 1, the sum can vanish.

The blocks of this module are not amplified. Alpha grows from block to block, and the polynomial of the activation is
re-expanded in the subnormalized amplitudes. The computed network is hence the same as with amplification.

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

from qla_jax._bounds import times
from qla_jax._checks import ROUNDING, as_tuple, is_concrete, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, combination
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.in_turn import marking, together
from qla_jax.encodings.base.registers import same_place
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.composed import Composed
from qla_jax.encodings.combine.lemmas import MatrixVectorProduct, matrix_vector_product, vector_sum
from qla_jax.encodings.combine.normalized import Normalized, direction_error, normalize
from qla_jax.linalg.preparation import length
from qla_jax.polynomials import Polynomial, chebyshev, erf
from qla_jax.transforms.activation import activate, activating, approximation_error

SCALE = 4 / 5
"""Factor of x in the activation erf(SCALE x)."""

LIPSCHITZ = 2 * SCALE / math.sqrt(math.pi)
"""Lipschitz constant L of the activation."""

NORM_RANGE = (1 - LIPSCHITZ, 1 + LIPSCHITZ)
"""Range of the norm before normalization for unit input and a weight of norm at most 1."""

DEFAULT_DEGREE = 7

Vector = Num[Array, " n"]


class SkipNormBlock(Composed, kw_only=True):
    """Vector encoding of a residual block (Lemma 6), which calls the circuit of its input `poly.degree + 1` times.

    Attributes:
        weight: block encoding of W.
        part: vector encoding of the input.
        poly: odd polynomial of the activation.
        norm: norm N before normalization.
        alone: success amplitude of this block for an input with alpha = 1.
        activation_eps: l2 error of the activation alone, e1 in the lemma.
        log_size: natural logarithm of alpha.
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
        return self.log_size  # stored: derived from the circuit, each block would evaluate the one before it twice

    @property
    def circuit(self) -> Normalized:
        """Encoding of the block by Lemmas 1 and 2 and the activation, whose circuit runs."""
        return _compose(self.weight, self.part, self.poly)[0]

    @property
    def least_amplitude(self) -> Array:
        r"""Lower bound $(1 - g\|W\|)/(\alpha + s)$ on the success amplitude for every unit input.

        With $g = \max|P(x)/x|$ the length of $\psi + P(W\psi)$ is at least $1 - g\|W\|$.
        """
        slope = chebyshev.sup_bound(chebyshev.quotient(self.poly.coeffs), oversampling=64)
        return jnp.maximum(0, 1 - slope * jnp.minimum(1, self.weight.norm_bound)) / (self.alpha * self.norm)

    def uses(self) -> tuple[Use, ...]:
        steps = self.poly.degree // 2
        within = [Use(part, steps, steps, paired=True) for part in (self.weight, self.part)]
        return within[0], Use(self.weight, controlled=True), within[1], Use(self.part, 2, controlled=True)

    def gates(self) -> Gates:
        steps, ancillas = self.poly.degree // 2, (self.part.num_ancillas, self.weight.num_ancillas)
        qubits = max(self.weight.num_qubits, self.part.num_qubits)
        multiplied = marking(*ancillas)  # W psi runs in pairs within the activation, and once before it
        branch = (multiplied + activating(steps + 1, together(*ancillas), qubits)).controlled
        # Controls of the whole block are joined with that of the branch, which has one control in either case.
        return combination(2) + 2 * steps * multiplied.around + branch.around


@default_promotion
def skip_norm_block(
    weight: BlockEncoding,
    vec: VectorEncoding,
    *,
    poly: Polynomial | None = None,
    eps: float | None = None,
    skip_bound: ArrayLike | None = None,
) -> SkipNormBlock:
    r"""Encode a residual block $(\psi + f(W\psi))/N$ with the activation $f(x) = \mathrm{erf}(4x/5)$: Lemma 6.

    For an activation polynomial of degree k the result is an
    $\big((\alpha + s)/N,\ c + n + \lceil\log_2\frac{k+1}2\rceil + 1 + \min(c, 1),\ \epsilon'\big)$-vector-encoding,
    with the normalization s of the activation and the $c = \min(a + b, \max(a, b) + 1)$ ancillas of $W\psi$. The
    circuits that run one after another share their ancillas (`product`); the lemma has 2(a + b) instead of
    $c + \min(c, 1)$. The error uses the actual norm N: with the input error $e_0$, the activation
    error $e_1$ and $e = (1 + L\|W\|)e_0 + e_1$ it is $2e/(2N - e)$. In the worst case it is
    $19.6 e_0 + 10.3 e_1$ to first order (`worst_case_error`). Where W opposes the skip connection the factor of $e_0$
    is much too large. With a bound $\sigma$ on $\|1 + LW\|$ it is also at most $\sigma + (L - g)\|W\|$, where g is the
    smallest slope of f at the arguments that occur.

    Args:
        weight: block encoding of a square W with $\|W\| \le 1$ by its `norm_bound`.
        vec: vector encoding of $\psi$; the norm is conserved for unit vectors.
        poly: odd polynomial of the activation, an approximant of erf(4x/5); of degree 7 by default.
        eps: uniform error of the activation, absolute; the smallest sufficient degree is used instead of `poly`.
        skip_bound: certified bound $\sigma$ on $\|1 + LW\|$, by default $1 + L\|W\|$. A bound that a stored W
            contradicts raises; otherwise it is trusted. It is used for polynomials of `polynomials.erf(4/5, ...)` only,
            since it concerns the slopes of erf.

    Raises:
        TypeError: `weight`, `vec` or `poly` is of another class.
        ValueError: both `poly` and `eps`, a weight that does not map the vector's registers to themselves, or a
            `norm_bound` above 1 (inside jit: `eps = inf`).

    Example:
        >>> block = skip_norm_block(block_encode_pauli({"X": 1.0}), vector_encode(jnp.array([0.6, 0.8])))
        >>> ideal, norm = ideal_skip_norm(lambda x: x[::-1], jnp.array([0.6, 0.8]))
        >>> bool(jnp.linalg.norm(block.encoded - ideal) <= block.eps), block.num_ancillas
        (True, 4)

    References:
        Rattew et al. (2025), Lemma 6. https://arxiv.org/abs/2510.07195
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
    eps_sharp = jnp.asarray(jnp.inf)  # both error rules are valid, and the smaller one counts
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
        log_size=jax.lax.stop_gradient(circuit).log_alpha,  # it needs no derivative, and has none at alpha = 0
    )


@default_promotion
def residual_network(
    weights: Sequence[BlockEncoding],
    vec: VectorEncoding,
    *,
    poly: Polynomial | None = None,
    skip_bounds: Sequence[ArrayLike | None] | None = None,
) -> SkipNormBlock:
    r"""Return a residual network of skip norm blocks one after another, as one encoding: Lemma 7.

    Blocks share their ancillas, so that each adds $n + \lceil\log_2\frac{d+1}2\rceil + 3$ of them for a polynomial of
    degree d. A network of k blocks has $b + k\,(n + \lceil\log_2\frac{d+1}2\rceil + 3) - 1$ ancillas for an input
    without ancillas and weights with $b \ge 1$ of them. Separate ancillas would grow like $2^k$: for blocks of degree 7
    on six qubits with b = 1, two blocks take 22 ancillas instead of 33, and three blocks take 33 instead of 77.

    `chain` returns the blocks of the network, and `schedule.ancillas` the number of ancillas in general.

    Args:
        weights: block encodings of the weights, first to last.
        vec: vector encoding of the input, a unit vector.
        poly: odd polynomial of the activation; by default the approximant of erf(4x/5) of degree 7.
        skip_bounds: one `skip_bound` of `skip_norm_block`, or None, for each weight.

    Raises:
        ValueError: no weights, unequally many weights and skip bounds, or the conditions of `skip_norm_block`.

    Example:
        >>> weight = block_encode_pauli({"X": 1.0})
        >>> network = residual_network([weight, weight], vector_encode(jnp.array([0.6, 0.8])))
        >>> len(chain(network)), round(float(jnp.linalg.norm(network.encoded)), 6)
        (2, 1.0)

    References:
        Rattew et al. (2025), Lemma 7. https://arxiv.org/abs/2510.07195
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
    """Return the skip norm blocks of a network, first to last, without the other nodes between and after them.

    Raises:
        TypeError: `network` is not a vector encoding.

    Example:
        >>> blocks = chain(residual_network([block_encode_pauli({"X": 1.0})], vector_encode(jnp.array([0.6, 0.8]))))
        >>> [type(block).__name__ for block in blocks]
        ['SkipNormBlock']
    """
    require_kind("network", network, VectorEncoding)
    blocks: list[SkipNormBlock] = []
    vec: VectorEncoding | None = network
    while vec is not None:
        if isinstance(vec, SkipNormBlock):
            blocks.insert(0, vec)
        vec = getattr(vec, "part", None)
    return blocks


def ideal_skip_norm(matvec: Callable[[Vector], Vector], x: Vector) -> tuple[Vector, Array]:
    """Return the ideal block with the exact erf, and its norm N, which encodings approximate; for comparison only.

    Args:
        matvec: function that multiplies a vector by the weight.
        x: input.
    """
    y = x + jax.scipy.special.erf(SCALE * matvec(x))
    norm = length(y)
    return y / norm, norm


def worst_case_error(input_eps: ArrayLike, activation_eps: ArrayLike) -> Array:
    r"""Return $[(1+L)e_0 + e_1]/(1-L) \le 19.6e_0 + 10.3e_1$, the first-order error of a block at the smallest norm.

    Args:
        input_eps: error $e_0$ of the input, absolute.
        activation_eps: error $e_1$ of the activation, absolute.
    """
    return ((1 + LIPSCHITZ) * jnp.asarray(input_eps) + jnp.asarray(activation_eps)) / (1 - LIPSCHITZ)


def published_error(input_eps: ArrayLike, activation_eps: ArrayLike) -> Array:
    """Return $712(e_0 + e_1)$, the error of a block in Lemma 6 as published.

    Args:
        input_eps: error $e_0$ of the input, absolute.
        activation_eps: error $e_1$ of the activation, absolute.
    """
    return 712 * jnp.add(input_eps, activation_eps)


def _is_of_erf(poly: Polynomial) -> Bool[Array, ""]:
    """Return whether a polynomial is the approximant of erf(4x/5), the only function that a skip bound concerns."""
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
    if is_concrete(fits):  # inside jit even the norm of a constant matrix is traced
        require(bool(fits), f"`skip_bound` must be at least |1 + LW| = {norm}, but is {skip_bound}.")


def _contraction(weight: BlockEncoding, product: MatrixVectorProduct, skip_bound: ArrayLike) -> Array:
    """Return a Lipschitz constant of x + f(Wx) near the input."""
    # The slopes of f lie in [g, L] for arguments up to `reach`, and g = L exp(-(SCALE reach)^2).
    reach = jnp.abs(product.encoded).max() + product.eps
    return jnp.asarray(skip_bound) + LIPSCHITZ * (1 - jnp.exp(-jnp.square(SCALE * reach))) * weight.norm_bound


def _compose(weight: BlockEncoding, vec: VectorEncoding, poly: Polynomial) -> tuple[Normalized, MatrixVectorProduct]:
    # The product is returned, too, since the error of the activation depends on its entries.
    product = matrix_vector_product(weight, vec)
    return normalize(vector_sum(vec, activate(product, poly))), product
