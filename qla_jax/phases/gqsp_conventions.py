r"""Two conventions of the angles of generalized quantum signal processing (GQSP).

"motlagh_wiebe": $U = R(\theta_d,\phi_d,0)D\cdots D\,R(\theta_0,\phi_0,\lambda)$ with
$R(\theta,\phi,\lambda) = \begin{pmatrix}e^{i(\lambda+\phi)}\cos\theta & e^{i\phi}\sin\theta\\
e^{i\lambda}\sin\theta & -\cos\theta\end{pmatrix}$ and $D = \mathrm{diag}(z, 1)$. The first column of U is $(P, Q)$.
PennyLane's `GQSP` and Qualtran's `qsp_phase_factors` use this convention.

"laneve": $U = e^{i\lambda Z}e^{i\phi_0X}e^{i\theta_0Z}\prod_{j=1}^dD\,e^{i\phi_jX}e^{i\theta_jZ}$. The first row of U
is $(P, Q)$. nlft-qsp's `GQSPPhaseFactors` and Qrisp's `gqsp_angles` use this convention. A transposed rotation of this
convention is an R with $\theta^{MW} = \phi$, up to phases that commute with D. P and Q are hence the same in both
conventions, global phase included.

References:
    Motlagh, Wiebe (2024), Theorem 3. https://arxiv.org/abs/2308.01501
    Laneve (2025), Theorem 2. https://arxiv.org/abs/2503.03026
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

Angles = tuple[Array, Array, Array]
"""Angles theta, phi, lambda."""
State = tuple[Array, Array]


@dataclass(frozen=True)
class GQSPConvention:
    """Convention of GQSP angles: the maps from and to "motlagh_wiebe", and the amplitude <0|U|0> at points z."""

    from_motlagh_wiebe: Callable[[Array, Array, Array], Angles]
    to_motlagh_wiebe: Callable[[Array, Array, Array], Angles]
    response: Callable[[Array, Array, Array, Array], Array]


def gqsp_convention(name: str) -> GQSPConvention:
    """Return the GQSP convention of a given name.

    Raises:
        ValueError: an unknown name.
    """
    if name not in GQSP_CONVENTIONS:
        raise ValueError(f"`convention` must be one of {', '.join(GQSP_CONVENTIONS)}, but is {name!r}.")
    return GQSP_CONVENTIONS[name]


def _offsets(count: int) -> np.ndarray:
    return np.pi * np.r_[np.ones(count - 1), -0.5]


def _to_laneve(theta: Array, phi: Array, lam: Array) -> Angles:
    count = len(theta)
    turns = (phi - _offsets(count).astype(phi.dtype)) / 2
    return turns, theta, lam + jnp.sum(turns) + np.pi * (0.5 - count % 2)


def _from_laneve(theta: Array, phi: Array, lam: Array) -> Angles:
    count = len(theta)
    shifted = 2 * theta + _offsets(count).astype(theta.dtype)
    return phi, shifted, lam - jnp.sum(theta) - np.pi * (0.5 - count % 2)


def _motlagh_wiebe_response(theta: Array, phi: Array, lam: Array, z: Array) -> Array:
    """Return the first entry of the first column, multiplied out from the right."""

    def rotate(state: State, angles: tuple[Array, Array]) -> tuple[State, None]:
        (up, down), (theta, phi) = state, angles
        up = z * up
        turned = jnp.exp(1j * phi) * (jnp.cos(theta) * up + jnp.sin(theta) * down)
        return (turned, jnp.sin(theta) * up - jnp.cos(theta) * down), None

    first = jnp.exp(1j * lam) * (0 * z + 1)
    start = (jnp.exp(1j * phi[0]) * jnp.cos(theta[0]) * first, jnp.sin(theta[0]) * first)
    (up, _), _ = jax.lax.scan(rotate, start, (theta[1:], phi[1:]))
    return up


def _laneve_response(theta: Array, phi: Array, lam: Array, z: Array) -> Array:
    """Return the first entry of the first row, multiplied out from the left."""

    def processed(row: State, theta: Array, phi: Array) -> State:
        left, right = row
        cos, sin, turn = jnp.cos(phi), 1j * jnp.sin(phi), jnp.exp(1j * theta)
        return turn * (cos * left + sin * right), turn.conj() * (sin * left + cos * right)

    def rotate(row: State, angles: tuple[Array, Array]) -> tuple[State, None]:
        return processed((z * row[0], row[1]), *angles), None

    start = processed((jnp.exp(1j * lam) * (0 * z + 1), 0 * z), theta[0], phi[0])
    (left, _), _ = jax.lax.scan(rotate, start, (theta[1:], phi[1:]))
    return left


MOTLAGH_WIEBE = "motlagh_wiebe"
GQSP_CONVENTIONS = {
    MOTLAGH_WIEBE: GQSPConvention(lambda *angles: angles, lambda *angles: angles, _motlagh_wiebe_response),
    "laneve": GQSPConvention(_to_laneve, _from_laneve, _laneve_response),
}
