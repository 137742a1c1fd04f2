"""Checks of coefficients and angles that all solvers of phase factors share."""

import jax
import numpy as np

from qla_jax._checks import in_known_types


def require_vector(values: np.ndarray | jax.Array, name: str = "poly", of: str = "coefficients") -> None:
    """Raise an error unless an array is a non-empty vector of numbers.

    Args:
        values: array to check.
        name: name of the argument, for error messages.
        of: kind of the entries, for error messages.

    Raises:
        ValueError: an array of another rank or dtype, or an empty one.
    """
    if values.dtype.kind not in "biufcV":
        raise ValueError(
            f"`{name}` must be a vector of {of}, but is of type {values.dtype}; "
            "`polynomials.interpolant` makes a polynomial of a function."
        )
    if values.ndim != 1 or not len(values):
        raise ValueError(f"`{name}` must be a vector of {of}, but has shape {values.shape}; batch with jax.vmap.")


def in_floats(values: np.ndarray) -> np.ndarray:
    """Return concrete numbers as floats of single or double precision; integers and booleans in JAX's default."""
    if values.dtype.kind in "biu":
        return values.astype(jax.dtypes.canonicalize_dtype(float))
    if values.dtype.itemsize < 4:
        return values.astype(np.float32)
    return in_known_types(values)


def require_double(coeffs: np.ndarray | jax.Array) -> None:
    """Raise an error for concrete coefficients in single precision, and where JAX itself is in single precision."""
    if isinstance(coeffs, jax.core.Tracer):
        return
    enabled = jax.dtypes.canonicalize_dtype(np.float64) == np.float64
    if not enabled or coeffs.dtype not in (np.float64, np.complex128):
        raise ValueError(
            f"`poly` must be in double precision, but is {coeffs.dtype}: phase factors lose their digits otherwise."
            if enabled
            else "`poly` must be in double precision, which JAX has only after "
            '`jax.config.update("jax_enable_x64", True)`: phase factors lose their digits otherwise.'
        )


def require_finite(coeffs: np.ndarray) -> None:
    """Raise an error for NaN and infinities that names the first one."""
    if not np.all(np.isfinite(coeffs)):
        worst = np.flatnonzero(~np.isfinite(coeffs))[0]
        raise ValueError(f"`poly` must be finite, but coefficient {worst} is {coeffs[worst]}.")


def require_below_one(size: float, where: str) -> None:
    """Raise an error for a polynomial that reaches 1; the message says by what to multiply it.

    Args:
        size: largest value of the polynomial that was computed.
        where: description of the domain, for the message.

    Raises:
        ValueError: a size of 1 or more.
    """
    if not size < 1:
        raise ValueError(
            f"`poly` must stay below 1 in size on {where}, but reaches {size:.9g}; nothing is rescaled here: "
            f"multiply it by less than {1 / size:.12g}."
        )
