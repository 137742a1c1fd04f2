"""Phase factors as a value that knows its convention and how well it was found."""

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
    r"""Phase factors of quantum signal processing.

    In the canonical convention "wx" they are those of $U = e^{i\phi_0Z}\prod_{j=1}^d W(x)e^{i\phi_jZ}$ with
    $W(x) = \begin{pmatrix}x & i\sqrt{1-x^2}\\ i\sqrt{1-x^2} & x\end{pmatrix}$, and the target is
    $\mathrm{Re}\langle 0|U|0\rangle$.

    Attributes:
        values: in radians, shape (d + 1,) in most conventions.
        residual: an upper bound on $|\mathrm{Re}\langle0|U|0\rangle - f|$ over [-1, 1], measured with these phases on
            a grid that the solver has not seen; `inf` where there is no solution, or where nothing is known.
        sup_bound: a proven upper bound on $|f|$ over [-1, 1].
        converged: whether the residual is at most the tolerance asked for, in double precision.
        convention: the name under which `values` are to be read.
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
        """The number of calls to the signal operator."""
        return conventions.convention(self.convention).degree(self.values.shape[-1])

    @property
    def global_phase(self) -> Complex[Array, ""]:
        r"""The c of $\langle0|U|0\rangle = cP$ with the canonical P: $f = \mathrm{Re}(\langle0|U|0\rangle/c)$."""
        return conventions.convention(self.convention).global_phase(self.values)

    def to(self, name: str) -> "PhaseFactors":
        r"""The same in another convention, global phase included wherever its phases can hold one.

        $\langle0|U|0\rangle$ stays what it is, up to the quotient of the two `global_phase`: i for "pyqsp",
        $(-1)^de^{i\sum_j\phi_j}$ for "cudaq", 1 otherwise; of "wz" the real part only. `residual` gains what mirroring
        a sequence changes ("qsppack_reduced_even" and "_odd"), and is not measured again: each phase is rounded once
        more.

        Raises:
            ValueError: an unknown name; a degree that the convention does not have; concrete phases that are not
                symmetric, for the halves of qsppack.
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
    """A copy with other fields.

    Raises:
        ValueError: a convention is given: a new name would not make the values mean the same. Use `to`.
    """
    if changes.get("convention", phases.convention) != phases.convention:
        raise ValueError(
            f"`convention` must stay {phases.convention!r}, but is to be {changes['convention']!r}: "
            "a new name does not convert the values; use .to(name)."
        )
    return dataclasses.replace(phases, **changes)


# Here, for flax puts a `replace` of its own into every class that it makes.
PhaseFactors.replace = _replace  # type: ignore[method-assign,assignment]


@default_promotion
def from_phases(values: ArrayLike, convention: str) -> PhaseFactors:
    """Phases from elsewhere, with the convention under which they were found; nothing is known of their target.

    Raises:
        ValueError: an unknown convention, or values that are not a vector of real, finite numbers.
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
