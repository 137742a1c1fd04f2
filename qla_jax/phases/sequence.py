"""Phase factors as a value that includes their convention and the quality of the solution."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Complex, Float

from qla_jax._modes import default_promotion
from qla_jax._nodes import Node
from qla_jax.phases import checks, conventions
from qla_jax.phases.conventions import CANONICAL


class PhaseFactors(Node):
    r"""Phase factors of quantum signal processing (QSP) with their convention and the quality of the solution.

    In the canonical convention "wx" the phase factors $\phi_j$ define
    $U = e^{i\phi_0Z}\prod_{j=1}^d W(x)e^{i\phi_jZ}$ with
    $W(x) = \begin{pmatrix}x & i\sqrt{1-x^2}\\ i\sqrt{1-x^2} & x\end{pmatrix}$, and the target is
    $f = \mathrm{Re}\langle 0|U|0\rangle$.

    Attributes:
        values: phase factors in radians, shape (d + 1,) in most conventions.
        residual: upper bound on $|\mathrm{Re}\langle0|U|0\rangle - f|$ over [-1, 1], measured with these values on a
            grid that the solver does not use; `inf` where there is no solution or nothing is known.
        sup_bound: proven upper bound on $|f|$ over [-1, 1].
        converged: True where the residual is at most the requested tolerance, in double precision.
        convention: name of the convention of `values`.

    Example:
        >>> phases = phase_factors([0.0, 0.5])
        >>> phases.degree, phases.convention, bool(phases.converged)
        (1, 'wx', True)

    References:
        Martyn, Rossi, Tan, Chuang (2021), Section II.A. https://arxiv.org/abs/2105.02859
    """

    values: Float[Array, " count"]
    residual: Float[Array, ""]
    sup_bound: Float[Array, ""]
    converged: Bool[Array, ""]
    convention: str = struct.field(pytree_node=False, default=CANONICAL)

    def __repr__(self) -> str:
        known = ("residual", "sup_bound", "converged", "convention")
        told = ", ".join(f"{name}={getattr(self, name)}" for name in known)
        return f"PhaseFactors({self.values.shape[-1]} values, {told})"

    @property
    def degree(self) -> int:
        """Number of calls of the signal operator."""
        return conventions.convention(self.convention).degree(self.values.shape[-1])

    @property
    def global_phase(self) -> Complex[Array, ""]:
        r"""Constant c of $\langle0|U|0\rangle = cP$ with the canonical P, so that f = Re(<0|U|0>/c)."""
        return conventions.convention(self.convention).global_phase(self.values)

    def to(self, name: str) -> "PhaseFactors":
        r"""Return the same phase factors in another convention, global phase included where its values can hold one.

        The amplitude $\langle0|U|0\rangle$ changes only by the quotient of the two `global_phase`: i for "pyqsp",
        $(-1)^de^{i\sum_j\phi_j}$ for "cudaq", 1 otherwise. For "wz" only its real part is kept. The residual is not
        measured again, although each phase is rounded once more. It grows by the effect of mirroring for the
        conventions "qsppack_reduced_even" and "qsppack_reduced_odd".

        Raises:
            ValueError: an unknown name, a degree that the convention does not have, or concrete phases that are not
                symmetric for the reduced conventions of qsppack.

        Example:
            >>> phase_factors([0.0, 0.5]).to("qsvt").values.shape
            (1,)
        """
        if name == self.convention:
            return self
        target = conventions.convention(name)
        wx = conventions.convention(self.convention).to_wx(self.values)
        found: dict[str, Any] = {"values": target.from_wx(wx), "convention": name}
        if target.defect is not None:
            defect, allowed = target.defect(wx), float(np.sqrt(jnp.finfo(wx.dtype).eps))
            if not isinstance(defect, jax.core.Tracer) and defect > allowed:
                raise ValueError(f"`phases` must be symmetric for {name!r}, but mirroring moves them by {defect:.3g}.")
            found["residual"] = self.residual + defect
            found["converged"] = self.converged & (defect <= allowed)
        return dataclasses.replace(self, **found)


def _replace(phases: PhaseFactors, **changes: Any) -> PhaseFactors:
    """Return a copy with other fields.

    Args:
        phases: phase factors.
        changes: new values of fields.

    Raises:
        ValueError: a new convention, which would change the meaning of the values. Use `to`.
    """
    if changes.get("convention", phases.convention) != phases.convention:
        raise ValueError(
            f"`convention` must stay {phases.convention!r}, but is to be {changes['convention']!r}: "
            "a new name does not convert the values; use .to(name)."
        )
    return dataclasses.replace(phases, **changes)


# Assigned after the class is made, because flax gives every class a `replace` of its own.
PhaseFactors.replace = _replace  # type: ignore[method-assign,assignment]


@default_promotion
def from_phases(values: ArrayLike, convention: str) -> PhaseFactors:
    """Return phase factors from values computed elsewhere, such as by another package.

    The target polynomial is not known, so that `residual` and `sup_bound` are `inf`; `polynomial_of` computes it.

    Args:
        values: phase factors in radians.
        convention: name of their convention, such as "wx", "reflection", "pyqsp" or "pennylane_qsvt".

    Raises:
        ValueError: an unknown convention, or values that are not a vector of real, finite numbers.

    Example:
        >>> phases = from_phases([0.0, 0.0, 0.0], "wx")  # T_2
        >>> bool(jnp.allclose(qsp_response(phases, 0.3), 2 * 0.3**2 - 1))
        True
    """
    known = values if isinstance(values, jax.core.Tracer) else np.asarray(values)
    if known.ndim != 1 or not len(known):
        raise ValueError(f"`values` must be a vector, but has shape {known.shape}; batch with jax.vmap.")
    if not (jnp.issubdtype(known.dtype, np.floating) or jnp.issubdtype(known.dtype, np.integer)):
        raise ValueError(f"`values` must be real, but is {known.dtype}.")
    if isinstance(known, np.ndarray):
        known = checks.in_floats(known)
    if isinstance(known, np.ndarray) and not np.all(np.isfinite(known)):
        raise ValueError(f"`values` must be finite, but holds {known[~np.isfinite(known)][0]}.")
    conventions.convention(convention)
    angles = jnp.asarray(known, jnp.result_type(known, float))
    unknown = jnp.full((), jnp.inf, angles.dtype)
    return PhaseFactors(
        values=angles, residual=unknown, sup_bound=unknown, converged=jnp.asarray(False), convention=convention
    )
