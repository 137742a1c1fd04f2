r"""Generalized quantum signal processing (GQSP): phase factors of complex polynomials on the unit circle.

The product is $(P(z), Q(z))^T = G_0DG_1D\cdots DG_d|1\rangle$ with $D = \mathrm{diag}(z, 1)$ and the rotations $G_k$ of
the nonlinear Fourier transform with $b = P$. Phases are moved through D until each rotation is the R of Motlagh and
Wiebe, indexed from the other end: $\theta_{d-k} = \arctan|\gamma_k|$, and $\phi_{d-k}$ follows from the differences of
$\arg\gamma_k$.

References:
    Motlagh, Wiebe (2024), Theorem 3. https://arxiv.org/abs/2308.01501
    Laneve (2025), the connection with the nonlinear Fourier transform. https://arxiv.org/abs/2503.03026
"""

import math
from functools import partial
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Complex, Float

from qla_jax._checks import as_inexact, in_known_types
from qla_jax._modes import default_promotion
from qla_jax._nodes import Node
from qla_jax.phases import checks, complementary
from qla_jax.phases.backends import JAX, NUMPY, Backend, backend_of
from qla_jax.phases.blocks import Either
from qla_jax.phases.gqsp_conventions import MOTLAGH_WIEBE, gqsp_convention
from qla_jax.phases.solve import TOLERANCE
from qla_jax.polynomials.numpy_series import powers_of_numpy


class GQSPPhaseFactors(Node):
    r"""Phase factors of generalized quantum signal processing (GQSP) with the quality of the solution.

    The target polynomial is $P(z) = \langle0|U|0\rangle$ of
    $U = R(\theta_d,\phi_d,0)D\cdots D\,R(\theta_1,\phi_1,0)\,D\,R(\theta_0,\phi_0,\lambda)$ with
    $R(\theta,\phi,\lambda) = \begin{pmatrix}e^{i(\lambda+\phi)}\cos\theta & e^{i\phi}\sin\theta\\
    e^{i\lambda}\sin\theta & -\cos\theta\end{pmatrix}$ and $D = \mathrm{diag}(z, 1)$.

    Attributes:
        theta: angles $\theta$ in radians, shape (d + 1,); in $[0, \pi/2]$ from the solver.
        phi: angles $\phi$ in radians, shape (d + 1,).
        lam: angle $\lambda$ in radians.
        residual: measured upper bound on $|\langle0|U|0\rangle - P|$ over the unit circle; `inf` without a solution.
        sup_bound: proven upper bound on $|P|$ over the unit circle.
        converged: True where the residual is at most the requested tolerance, in double precision.
        convention: name of the convention of the angles: "motlagh_wiebe", as above, or "laneve".

    Example:
        >>> phases = gqsp_phase_factors([0.5, 0.25j])
        >>> phases.degree, phases.theta.shape, phases.to("laneve").convention
        (1, (2,), 'laneve')

    References:
        Motlagh, Wiebe (2024), Theorem 3. https://arxiv.org/abs/2308.01501
    """

    theta: Float[Array, " d_plus_1"]
    phi: Float[Array, " d_plus_1"]
    lam: Float[Array, ""]
    residual: Float[Array, ""]
    sup_bound: Float[Array, ""]
    converged: Bool[Array, ""]
    convention: str = struct.field(pytree_node=False, default=MOTLAGH_WIEBE)

    @property
    def degree(self) -> int:
        """Number of calls of the signal operator."""
        return self.theta.shape[-1] - 1

    def to(self, name: str) -> "GQSPPhaseFactors":
        """Return phase factors of the same polynomials, global phase included, in another convention.

        Raises:
            ValueError: an unknown name.
        """
        source, target = gqsp_convention(self.convention), gqsp_convention(name)
        angles = target.from_motlagh_wiebe(*source.to_motlagh_wiebe(self.theta, self.phi, self.lam))
        return GQSPPhaseFactors(*angles, self.residual, self.sup_bound, self.converged, name)


@default_promotion
def gqsp_phase_factors(poly: ArrayLike, *, tol: float = TOLERANCE) -> GQSPPhaseFactors:
    r"""Compute GQSP phase factors of a complex polynomial $P(z) = \sum_k p_kz^k$ with $|P| < 1$ on the unit circle.

    The polynomial needs no parity. Concrete coefficients are solved in NumPy, traced ones by a compiled program; both
    take $O(d\log^2 d)$ operations, as for `phase_factors`.

    Args:
        poly: coefficients $p_0, \dots, p_d$, real or complex; a polynomial of NumPy is taken as one in z.
        tol: tolerance of the residual for `converged`, absolute.

    Returns:
        The 2d + 3 angles with their residual. Traced coefficients that reach 1 or are not finite give NaN, residual
        `inf` and `converged` False.

    Raises:
        ValueError: an array that is not a vector, or concrete coefficients that are not finite, not in double
            precision, or of size 1 or more somewhere on the circle.

    Example:
        >>> phases = gqsp_phase_factors([0.3, 0.0, 0.5j])
        >>> bool(jnp.allclose(gqsp_response(phases, 1j), 0.3 + 0.5j * 1j**2)), phases.degree
        (True, 2)

    References:
        Motlagh, Wiebe (2024), Theorem 3. https://arxiv.org/abs/2308.01501
    """
    coeffs = _read(poly)
    if np.issubdtype(coeffs.dtype, np.inexact):
        checks.require_double(coeffs)
    return _found(coeffs, tol)


def find(poly: ArrayLike, tol: float) -> GQSPPhaseFactors:
    """Return `gqsp_phase_factors` of coefficients of any precision; concrete ones are solved in double precision.

    Args:
        poly: coefficients of the polynomial, lowest degree first.
        tol: tolerance of the residual, absolute.
    """
    return _found(_read(poly), tol)


def _read(poly: ArrayLike) -> Either:
    poly = powers_of_numpy(poly)
    traced = isinstance(poly, jax.core.Tracer)
    coeffs: Either = poly if traced else np.asarray(poly)
    checks.require_vector(coeffs)
    return as_inexact("poly", coeffs) if traced else in_known_types(coeffs)


def _found(coeffs: Either, tol: float) -> GQSPPhaseFactors:
    on, count = backend_of(coeffs), len(coeffs)
    if on is JAX:
        coeffs = jnp.pad(
            coeffs.astype(jnp.result_type(coeffs, jnp.complex64)), (0, complementary.bucket(count) - count)
        )
        sequence, residual, sup_bound = _solve_compiled(coeffs)
    else:
        coeffs = np.asarray(coeffs, complex)
        checks.require_finite(coeffs)
        sequence, residual, sup_bound = _solve(coeffs, NUMPY, _directions(coeffs))
    theta, phi = _angles(sequence[:count], on.xp)
    converged = (residual <= tol) & (theta.dtype == np.float64)
    lam = np.asarray(np.pi * ((count - 1) % 2), theta.dtype)
    return GQSPPhaseFactors(*jax.device_put((theta, phi, lam, residual, sup_bound, converged)))


@default_promotion
def gqsp_response(phases: GQSPPhaseFactors, z: ArrayLike) -> Complex[Array, "..."]:
    r"""Return the polynomial $\langle0|U(z)|0\rangle$ of GQSP phase factors by multiplying the matrices one by one.

    This is the specification of the phase factors, independent of the solver.

    Args:
        phases: phase factors with their convention.
        z: points on the unit circle, of any shape.

    Returns:
        Complex amplitudes of the shape of z.

    Raises:
        ValueError: points that are not an array of numbers.

    Example:
        >>> bool(jnp.allclose(gqsp_response(gqsp_phase_factors([0.0, 0.5]), -1.0), -0.5))
        True

    References:
        Motlagh, Wiebe (2024), Theorem 3. https://arxiv.org/abs/2308.01501
    """
    model = gqsp_convention(phases.convention)
    return model.response(phases.theta, phases.phi, phases.lam, as_inexact("z", z))


def _directions(coeffs: np.ndarray) -> np.ndarray | None:
    """Return a power of i for each coefficient, of which all are real multiples and which turn evenly; or None."""
    # Their products are exact, so that a series such as that of exp(-ix) is seen whatever its numbers are.
    powers, places = np.array([1, 1j, -1, -1j]), np.arange(len(coeffs))
    for turn in range(4):
        for first in range(2):
            found = powers[(first + turn * places) % 4]
            if not (coeffs * found.conj()).imag.any():
                return found
    return None


def _solve(b: Either, on: Backend, directions: np.ndarray | None = None) -> tuple[Either, Either, Either]:
    """Return the sequence, the residual, and the bound on |P|; the sequence has the directions of b, if it has any."""
    xp = on.xp
    outer = on.outer(b, len(b))
    on.require_below_one(xp.sqrt(outer.peak), "the unit circle")
    sequence = on.inverse(outer.coeffs, b)
    if directions is not None:
        # Without rounding in the arguments of small factors, the phases are quarter turns and hence Clifford gates.
        sequence = (sequence[: len(b)] * directions.conj()).real * directions
    cos = 1 / xp.sqrt(1 + xp.square(sequence.real) + xp.square(sequence.imag))
    found = on.forward(cos, cos * sequence)[1]
    size = 9 * -(-len(b) // 2)  # at most one point in nine is on the solver's grid, so that the check is independent
    residual = xp.max(xp.abs(xp.fft.fft(found - b, size))) / math.cos(math.pi / 2 * (len(b) - 1) / size)
    samples = xp.asarray(complementary.grids(len(b)), cos.dtype)[outer.grid]
    sup_bound = complementary.sup_bound(b, outer.peak, math.pi / 2 * (len(b) - 1) / samples, xp)
    return sequence, xp.where(xp.isfinite(residual), residual, np.inf), sup_bound


_solve_compiled = jax.jit(partial(_solve, on=JAX))


def _angles(sequence: Either, xp: ModuleType) -> tuple[Either, Either]:
    square = xp.square(sequence.real) + xp.square(sequence.imag)
    nonzero = square != 0  # modulus and argument have no derivative at zero: both are constants there
    theta = xp.where(nonzero, xp.arctan(xp.sqrt(xp.where(nonzero, square, 1))), 0)
    sigma = xp.where(nonzero, xp.arctan2(sequence.imag, xp.where(nonzero, sequence.real, 1)), 0)
    steps = sigma - xp.concatenate([xp.zeros_like(sigma[:1]), sigma[:-1]])
    theta, steps = theta[::-1], steps[::-1]
    theta = xp.concatenate([math.pi / 2 - theta[:1], theta[1:]])
    # Half a turn either way is the same. Signs alternate, since the rounding error of pi would add up over d phases.
    turns = math.pi * (1.0 - 2 * (np.arange(1, len(steps)) % 2))
    return theta, xp.concatenate([steps[:1], steps[1:] + turns.astype(steps.dtype)])
