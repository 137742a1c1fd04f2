"""What is asked of a function of a matrix: an error, a margin, as Python numbers, and whether floats can hold it."""

import math
import warnings

import jax
import numpy as np
from jax.typing import ArrayLike

from qla_jax._checks import as_real, is_concrete, require
from qla_jax.encodings.base.encoding import Encoding


class RoundingWarning(UserWarning):
    """An error was asked for that the precision of the arrays does not hold."""


def as_eps(eps: float, name: str = "eps") -> float:
    """Return an error that is asked for.

    Raises:
        ValueError: not a positive, finite number.
    """
    number = as_real(name, eps)
    require(0 < number < float("inf"), f"`{name}` must be positive and finite, but is {number}.")
    return number


def as_relative_eps(
    eps: float | None,
    relative_eps: float | None,
    unit: ArrayLike,
    what: str,
    *,
    below: float = math.inf,
    parts: float = 1.0,
) -> float:
    """Return an error that is asked for in units of something, given in these or as an absolute one.

    What is out of range is told in terms of the argument that was given, not of the one that follows from it.

    Args:
        eps: absolute error; None where the relative one is given.
        relative_eps: relative error; None where the absolute one is given.
        unit: what the relative error is relative to.
        what: name of the unit, for the error.
        below: bound that the relative error must not reach.
        parts: number by which the relative error is divided to be that of a polynomial, which rounding bounds below.

    Raises:
        ValueError: both or none of the two, one that is not positive and finite, too large, or below the rounding of
            this precision, or an absolute one where the unit is traced.
    """
    one = (eps is None) != (relative_eps is None)
    require(one, f"Give one of `eps` and `relative_eps`, but they are {eps} and {relative_eps}.")
    name, size = "relative_eps", 1.0
    given = as_eps(relative_eps, name) if relative_eps is not None else as_eps(eps)  # type: ignore[arg-type] # not None
    if relative_eps is None:
        known = is_concrete(unit)
        require(known, f"`relative_eps` must be given instead of `eps` inside jit, where {what} is not known.")
        name, size = "eps", float(np.asarray(unit))
        size = size if 0 < size < math.inf else 1.0
    rounding = float(np.finfo(jax.dtypes.canonicalize_dtype(float)).eps)
    least, most = rounding * parts * size, below * size
    require(given >= least, f"`{name}` must be at least {least:.1e}, which is rounding here, but is {given}.")
    require(given < most, f"`{name}` must be below {most:.3g}, but is {given}.")
    return given / size


def as_fraction(name: str, value: float) -> float:
    """Return a number between 0 and 1, both excluded.

    Raises:
        ValueError: none of these.
    """
    number = as_real(name, value)
    require(0 < number < 1, f"`{name}` must lie between 0 and 1, but is {number}.")
    return number


def as_margin(margin: float) -> float:
    """Return how far a polynomial is to be kept below 1; `as_fraction` by its name."""
    return as_fraction("margin", margin)


def warn_below_rounding(found: Encoding, eps: float, unit: object, inherited: object = 0.0) -> None:
    """Warn where the error that was asked for is below what rounding may do, or below the bound that was reached.

    Args:
        found: what was built; traced ones are left alone.
        eps: the error that was asked for, in units of `unit`.
        unit: what one of these is in units of what `found` encodes.
        inherited: the part of `found.eps` that was there before.
    """
    estimate = found.rounding
    if not is_concrete(found, unit, inherited, estimate):
        return
    asked, rounding = eps * float(np.asarray(unit)), float(estimate)
    own = float(found.eps) - float(np.asarray(inherited))
    name = found.alpha.dtype.name
    if asked < rounding:
        told = f"rounding in {name} may be {rounding / asked * eps:.1e} (`.rounding`), more than that"
    elif own > 1.5 * asked and own < float("inf"):
        told = f"the bound that {name} can prove is {own / asked * eps:.1e}"
    else:
        return
    warnings.warn(f"`eps` of {eps:.1e} was asked for, but {told}.", RoundingWarning, stacklevel=3)
