r"""The generalized quantum eigenvalue transformation: any complex polynomial of a Hermitian matrix, of any parity.

The qubitized walk W of a Hermitian A has $\langle0|W^k|0\rangle = T_{|k|}(A/\alpha)$, so that the Laurent polynomial
$\sum_k c_kT_k = \sum_k \frac{c_k}2(z^k + z^{-k})$ of W is $f(A/\alpha)$. Generalized signal processing makes it with
one control: d steps forwards where it is 0, d steps backwards where it is 1. The walk needs a circuit that is its own
inverse: $|0\rangle\langle1|\otimes U + |1\rangle\langle0|\otimes U^\dagger$ on one more ancilla in $|+\rangle$.

References:
    Motlagh, Wiebe (2024), Theorem 3 and Section 4. https://arxiv.org/abs/2308.01501
    Sunderhauf (2023), generalized quantum singular value transformation. https://arxiv.org/abs/2312.00723
    Low, Chuang (2019), qubitization. https://arxiv.org/abs/1610.06546
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Complex, Float, Num

from qla_jax.encodings.block import BlockEncoding
from qla_jax.encodings.checks import require, require_kind
from qla_jax.encodings.encoding import Encoding, State
from qla_jax.encodings.vector import same_place
from qla_jax.phases.gqsp import find
from qla_jax.phases.solve import TOLERANCE
from qla_jax.polynomials.polynomial import Polynomial, polynomial
from qla_jax.transforms._qsvt import proven_error, robust_error
from qla_jax.transforms.recurrence import chebyshev_sum

Vector = Num[Array, " n"]
Grid = Complex[Array, "control mirror ancilla system"]


class GQET(BlockEncoding, kw_only=True):
    r"""$f(A/\alpha)$; in front of the part's ancillas stand the control and the ancilla that mirrors the part."""

    coeffs: Num[Array, " d_plus_1"]
    theta: Float[Array, " two_d_plus_1"]
    phi: Float[Array, " two_d_plus_1"]
    lam: Float[Array, ""]
    part: BlockEncoding

    def apply(self, state: State) -> State:
        grid = _plus(self._grid(state))
        grid = _rotate(grid, _rotation(self.theta[0], self.phi[0], self.lam))

        @jax.checkpoint
        def pair(s: Grid, angles: Array) -> tuple[Grid, None]:
            s = _rotate(jnp.stack([self._walk(s[0]), s[1]]), _rotation(angles[0, 0], angles[0, 1], 0.0))
            return _rotate(jnp.stack([s[0], self._walk_back(s[1])]), _rotation(angles[1, 0], angles[1, 1], 0.0)), None

        grid, _ = jax.lax.scan(pair, grid, self._pairs())
        return _plus(grid).reshape(state.shape)

    def apply_adjoint(self, state: State) -> State:
        @jax.checkpoint
        def pair(s: Grid, angles: Array) -> tuple[Grid, None]:
            s = _rotate(s, _rotation(angles[1, 0], angles[1, 1], 0.0).conj().T)
            s = _rotate(jnp.stack([s[0], self._walk(s[1])]), _rotation(angles[0, 0], angles[0, 1], 0.0).conj().T)
            return jnp.stack([self._walk_back(s[0]), s[1]]), None

        grid, _ = jax.lax.scan(pair, _plus(self._grid(state)), self._pairs(), reverse=True)
        return _plus(_rotate(grid, _rotation(self.theta[0], self.phi[0], self.lam).conj().T)).reshape(state.shape)

    def _grid(self, state: State) -> Grid:
        grid = state.reshape(2, 2, -1, state.shape[-1])
        return grid.astype(jnp.result_type(grid, self.theta, jnp.complex64))

    def _pairs(self) -> Float[Array, "d 2 2"]:
        return jnp.stack([self.theta[1:], self.phi[1:]], axis=1).reshape(-1, 2, 2)

    def _mirror(self, s: Complex[Array, "mirror ancilla system"]) -> Array:
        return jnp.stack([self.part.apply(s[1]), self.part.apply_adjoint(s[0])])

    def _walk(self, s: Array) -> Array:
        return _reflect(self._mirror(s))

    def _walk_back(self, s: Array) -> Array:
        return self._mirror(_reflect(s))

    def _matvec(self, x: Vector) -> Vector:
        return self._series(self.coeffs, x)

    def _rmatvec(self, y: Vector) -> Vector:
        return self._series(self.coeffs.conj(), y)

    def _series(self, coeffs: Array, x: Vector) -> Vector:
        safe = jnp.where(self.part.alpha == 0, 1, self.part.alpha)

        def times(v: Vector) -> Vector:  # what the mirror makes of a part that is Hermitian up to its error only
            return (self.part.matvec(v) + self.part.rmatvec(v)) / (2 * safe)

        return chebyshev_sum(coeffs, times, x, times(x))

    def uses(self) -> tuple[tuple[Encoding, int], ...]:
        return ((self.part, 4 * (len(self.coeffs) - 1)),)


def gqet(enc: BlockEncoding, poly: Polynomial | ArrayLike, *, in_domain: bool = False) -> GQET:
    r"""Any polynomial of a Hermitian matrix: a $(1, a + 2, \epsilon')$-block-encoding of $f(A/\alpha)$.

    4d calls, since each of the 2d steps mirrors the part. The error is the polynomial's own, the residual of the
    angles, and $\sum_k|c_k|\min(k^2\delta, 2)$ with $\delta = \epsilon/\alpha$, as for `qsvt`.

    Args:
        enc: square, A Hermitian; not checked.
        poly: a `Polynomial` below 1 of any parity, or Chebyshev coefficients, real or complex.
        in_domain: whether you vouch for the spectrum of $A/\alpha$ to lie in the polynomial's domain.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: not square, or what `gqsp_phase_factors` refuses: not finite, size 1 or more on [-1, 1].
    """
    require_kind("enc", enc, BlockEncoding)
    require(same_place(enc.domain, enc.codomain), f"`enc` must be square, but is {enc.codomain} x {enc.domain}.")
    if not isinstance(poly, Polynomial):
        poly = polynomial(poly, "none")
    # Known coefficients stay NumPy's, also inside jit: their angles are then found at once, in double precision.
    xp, coeffs = (jnp, poly.coeffs) if isinstance(poly.coeffs, jax.core.Tracer) else (np, np.asarray(poly.coeffs))
    laurent = xp.concatenate([coeffs[:0:-1] / 2, coeffs[:1], coeffs[1:] / 2])
    found = find(laurent, TOLERANCE, strict=False)
    real = enc.alpha.dtype
    dtype = real if jnp.isrealobj(poly.coeffs) else jnp.result_type(real, jnp.complex64)
    return GQET(
        alpha=jnp.ones_like(enc.alpha),
        eps=(proven_error(poly, in_domain) + found.residual + robust_error(enc, poly.coeffs)).astype(real),
        num_ancillas=enc.num_ancillas + 2,
        num_qubits=enc.num_qubits,
        norm_bound=jnp.minimum(1, poly.sup_bound + poly.error_bound).astype(real),
        domain=enc.domain,
        codomain=enc.domain,
        coeffs=poly.coeffs.astype(dtype),
        theta=found.theta.astype(real),
        phi=found.phi.astype(real),
        lam=found.lam.astype(real),
        part=enc,
    )


def _rotation(theta: Array, phi: Array, lam: ArrayLike) -> Complex[Array, "2 2"]:
    up, down = jnp.exp(1j * phi), jnp.exp(1j * jnp.asarray(lam))
    cos, sin = jnp.cos(theta), jnp.sin(theta)
    return jnp.stack([jnp.stack([up * down * cos, up * sin]), jnp.stack([down * sin, -cos + 0j])])


def _rotate(grid: Grid, matrix: Complex[Array, "2 2"]) -> Grid:
    return jnp.einsum("ij,jmas->imas", matrix.astype(grid.dtype), grid)


def _plus(grid: Grid) -> Grid:
    """A Hadamard on the mirror: its flag is $|+>$ within the circuit."""
    root = float(np.sqrt(0.5))
    return jnp.stack([grid[:, 0] + grid[:, 1], grid[:, 0] - grid[:, 1]], axis=1) * root


def _reflect(s: Complex[Array, "mirror ancilla system"]) -> Array:
    r"""$2|{+},0\rangle\langle{+},0| - 1$ on mirror and ancillas."""
    return (-s).at[:, 0].add((s[0, 0] + s[1, 0])[None])
