"""Checks of requested errors and margins of matrix functions, and a warning where floats cannot reach an error."""

import math
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from qla_jax._checks import as_real, is_concrete, require
from qla_jax.encodings.base.encoding import Encoding


class RoundingWarning(UserWarning):
    """Warning that a requested error is smaller than the precision of the arrays allows."""


def as_eps(eps: float, name: str = "eps") -> float:
    """Return a requested error as a checked Python number.

    Args:
        eps: requested error, absolute or relative.
        name: name of the argument, for error messages.

    Raises:
        ValueError: a number that is not positive and finite.
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
    """Return a requested error relative to a unit, given either as an absolute or as a relative error.

    Error messages name the argument that was given, with limits in its own units.

    Args:
        eps: absolute error, or None where the relative error is given.
        relative_eps: relative error, or None where the absolute error is given.
        unit: size to which the error is relative.
        what: name of the unit, for error messages.
        below: upper limit of the relative error, excluded.
        parts: divisor of the relative error that gives the error of a polynomial, which rounding bounds from below.

    Raises:
        ValueError: not exactly one of both errors, an error that is not positive and finite, too large, or below
            rounding in this precision, or an absolute error where the unit is traced.
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
    require(
        given >= least, f"`{name}` must be at least {least:.1e}, which is rounding here, but is {given}{way_out()}."
    )
    require(given < most, f"`{name}` must be below {most:.3g}, but is {given}.")
    return given / size


def as_fraction(name: str, value: float) -> float:
    """Return a checked number between 0 and 1, both excluded.

    Args:
        name: name of the argument, for error messages.
        value: number to check.

    Raises:
        ValueError: a number outside (0, 1).
    """
    number = as_real(name, value)
    require(0 < number < 1, f"`{name}` must lie between 0 and 1, but is {number}.")
    return number


def as_margin(margin: float) -> float:
    """Return the requested distance of a polynomial from 1 as a checked number between 0 and 1."""
    return as_fraction("margin", margin)


def warn_below_rounding(found: Encoding, eps: float, unit: object, inherited: object = 0.0) -> None:
    """Warn where the requested error is below the rounding estimate, or below the bound that was reached.

    Args:
        found: resulting encoding; a traced one gives no warning.
        eps: requested error, in units of `unit`.
        unit: size of one such unit in units of the encoded matrix or vector.
        inherited: share of `found.eps` that is due to the errors of the parts.
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
    warn_caller(f"`eps` of {eps:.1e} was asked for, but {told}.", RoundingWarning)


def way_out() -> str:
    """Return how to get more digits where JAX is in single precision, as the end of a sentence."""
    double = jax.dtypes.canonicalize_dtype(np.float64) == np.float64
    return "" if double else "; float64 needs jax_enable_x64"


@contextmanager
def shared_eps(eps: float, part: float, what: str) -> Iterator[None]:
    """Name the requested error in errors and warnings about the share of a part.

    Args:
        eps: error that the caller asked for, absolute.
        part: share of the part, in the units of the part.
        what: name of the part, for messages.

    Raises:
        ValueError: an error about `eps` from within, in terms of the requested one.
    """
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            yield
        except ValueError as error:
            if not str(error).startswith("`eps`"):
                raise
            told = f"`eps` of {eps:.3g} leaves {part:.2g} for {what}, which cannot be had: {error}"
            raise ValueError(told) from None
    for one in seen:
        rounding = issubclass(one.category, RoundingWarning)
        about = f"`eps` of {eps:.1e} leaves {part:.1e} for {what}: " if rounding else ""
        warn_caller(f"{about}{one.message}", one.category)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line outside of this package that called it.

    Args:
        message: text of the warning.
        category: class of the warning.
    """
    inside = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    level, frame = 1, sys._getframe(0)
    # Decorators and compilers stand between a public function and its caller: their number is not known.
    while frame.f_back is not None and (frame.f_code.co_filename.startswith(inside) or _is_of_jax(frame.f_globals)):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_of_jax(names: dict[str, Any]) -> bool:
    return str(names.get("__name__", "")).partition(".")[0] in ("jax", "contextlib", "functools")
