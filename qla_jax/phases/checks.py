"""What the solvers refuse, in the same words."""

import jax
import numpy as np

from qla_jax._checks import in_known_types


def require_vector(values: np.ndarray | jax.Array, name: str = "poly", of: str = "coefficients") -> None:
    """Refuses anything but a vector of numbers with an entry."""
    if values.dtype.kind not in "biufcV":
        raise ValueError(
            f"`{name}` must be a vector of {of}, but is of type {values.dtype}; "
            "`polynomials.interpolant` makes a polynomial of a function."
        )
    if values.ndim != 1 or not len(values):
        raise ValueError(f"`{name}` must be a vector of {of}, but has shape {values.shape}; batch with jax.vmap.")


def in_floats(values: np.ndarray) -> np.ndarray:
    """Return concrete numbers in floats of single or double precision; integers and booleans in JAX's default."""
    if values.dtype.kind in "biu":
        return values.astype(jax.dtypes.canonicalize_dtype(float))
    if values.dtype.itemsize < 4:
        return values.astype(np.float32)
    return in_known_types(values)


def require_double(coeffs: np.ndarray | jax.Array) -> None:
    """Refuses single precision of concrete coefficients, whether theirs or that of JAX."""
    if isinstance(coeffs, jax.core.Tracer):
        return
    enabled = jax.dtypes.canonicalize_dtype(np.float64) == np.float64
    if not enabled or coeffs.dtype not in (np.float64, np.complex128):
        raise ValueError(
            f"`poly` must be in double precision, but is {coeffs.dtype} and jax_enable_x64 is {enabled}: "
            "phase factors lose their digits otherwise."
        )


def require_finite(coeffs: np.ndarray) -> None:
    """Refuses NaN and infinities, naming the first."""
    if not np.all(np.isfinite(coeffs)):
        worst = np.flatnonzero(~np.isfinite(coeffs))[0]
        raise ValueError(f"`poly` must be finite, but coefficient {worst} is {coeffs[worst]}.")


def require_below_one(size: float, where: str) -> None:
    """Refuses a polynomial that was seen to reach 1, and says what to multiply it by."""
    if not size < 1:
        raise ValueError(
            f"`poly` must stay below 1 in size on {where}, but reaches {size:.9g}; nothing is rescaled here: "
            f"multiply it by less than {1 / size:.12g}."
        )
