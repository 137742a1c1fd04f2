r"""Common frame of all approximants: from parameters and an error to the smallest proven degree and a `Polynomial`.

A family is one function `build(lib, degree, *parameters)` that returns a `Proven` series. The function is written once.
It runs with NumPy in double precision, without compilation, if all parameters are concrete, and with JAX if one is
traced.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax import Array
from jax.typing import ArrayLike

from qla_jax._checks import as_inexact, as_integer, as_real
from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.polynomial import EVERYWHERE, Polynomial, to_device

MAX_DEGREE = 100_001
ROUNDINGS = 1
"""Machine epsilons allowed for rounding, per unit that each family names; the measured need is below half of it."""

OUTWARDS = 16
"""Machine epsilons, relative, by which proven bounds are increased."""

SUP_OVERSAMPLING = 32  # the sup bound is 0.12% above the maximum at most


class Library(NamedTuple):
    """Array modules and precision with which a family computes; `epsilon` is that of the stored result."""

    xp: Any
    special: Any
    dtype: Any
    epsilon: float

    def array(self, constant: np.ndarray) -> Any:
        """Return a constant in the working precision."""
        return self.xp.asarray(constant, self.dtype)


class Proven(NamedTuple):
    """Chebyshev series P of a target f with proven bounds.

    Attributes:
        coeffs: function without arguments that returns the Chebyshev coefficients.
        truncation: bound on |P - f| over the domain in exact arithmetic.
        rounding: allowance for the rounding of the coefficients.
        relative: bound on |P - f|/|x|, rounding included.
        lipschitz: Lipschitz constant of f on the real line.
        sup: bound on |P| in exact arithmetic, `inf` where none is known.
        domain: intervals on which the bounds hold.
    """

    # A function rather than an array, so that a search over degrees computes bounds without coefficients.
    coeffs: Callable[[], Any]
    truncation: Any
    rounding: Any
    relative: Any = np.inf
    lipschitz: Any = np.inf
    sup: Any = np.inf
    domain: tuple[tuple[Any, Any], ...] = EVERYWHERE


Build = Callable[..., Proven]


def approximant(
    build: Build, *parameters: ArrayLike, parity: str, degree: int | None, eps: float | None, highest: int = MAX_DEGREE
) -> Polynomial:
    """Return the polynomial of a family, of a given degree or of the smallest degree whose bound is at most eps.

    Args:
        build: function of the family.
        parameters: parameters of the family.
        parity: "odd", "even" or "none".
        degree: degree, or None.
        eps: absolute error, or None.
        highest: largest degree that is tried.
    """
    # Half precision is raised to single precision, since no family is proven in half precision.
    sized = [as_inexact("parameters", value).dtype for value in parameters if hasattr(value, "dtype")]
    dtype = jnp.result_type(*sized, float)
    traced = any(isinstance(value, jax.core.Tracer) for value in parameters)
    if (degree is None) == (eps is None):
        raise ValueError(f"either `degree` or `eps` must be given, but got degree={degree} and eps={eps}.")
    if degree is not None:
        degree = _require_degree(degree, parity, highest)
        if traced:
            return _traced(build, degree, parity, dtype, *parameters)
    elif traced:
        raise ValueError("`eps` must come with concrete parameters, but one is traced; give `degree` instead.")
    lib = Library(np, scipy.special, np.dtype(float), float(jnp.finfo(dtype).eps))
    values = [np.asarray(value).astype(float)[()] for value in parameters]
    with np.errstate(all="ignore"):  # overflow shows in the coefficients, which are checked below
        if eps is not None:
            eps = _require_eps(eps, dtype)
            degree = _smallest_degree(lambda d: build(lib, d, *values), eps, parity, highest, dtype)
        poly = _polynomial(lib, build(lib, degree, *values), parity, np.dtype(dtype))
    if not np.isfinite(poly.coeffs).all():
        raise ValueError(f"parameters must give finite coefficients, but {', '.join(map(str, values))} overflow.")
    return to_device(poly)


def parameter(name: str, value: ArrayLike, rule: str, holds: Callable[[float], bool]) -> ArrayLike:
    """Return a parameter that is checked to be a scalar within a rule; of a traced one only the shape is checked.

    Args:
        name: name of the parameter, for error messages.
        value: parameter to check.
        rule: the rule in words, for error messages.
        holds: test of the rule.

    Raises:
        ValueError: a value that is not a real scalar or breaks the rule.
    """
    if isinstance(value, jax.core.Tracer):
        fits = value.shape == () and not jnp.iscomplexobj(value)
    else:
        scalar = np.ndim(value) == 0 and not np.iscomplexobj(value)
        fits = scalar and not isinstance(value, str | bool | None) and holds(float(np.asarray(value)))
    if not fits:
        raise ValueError(f"`{name}` must be {rule}, but is {value}.")
    return value


def finite(name: str, value: ArrayLike) -> ArrayLike:
    """Return a parameter that is checked to be a finite scalar.

    Args:
        name: name of the parameter, for error messages.
        value: parameter to check.
    """
    return parameter(name, value, "a finite number", np.isfinite)


def positive(name: str, value: ArrayLike) -> ArrayLike:
    """Return a parameter that is checked to be a positive, finite scalar.

    Args:
        name: name of the parameter, for error messages.
        value: parameter to check.
    """
    return parameter(name, value, "positive and finite", lambda v: 0 < v < np.inf)


def fraction(name: str, value: ArrayLike) -> ArrayLike:
    """Return a parameter that is checked to be a scalar strictly between 0 and 1.

    Args:
        name: name of the parameter, for error messages.
        value: parameter to check.
    """
    return parameter(name, value, "between 0 and 1", lambda v: 0 < v < 1)


def of_parity(lib: Library, coeffs: Any, parity: str) -> Any:
    """Return coefficients with those of the other parity, which are rounding errors, set to zero.

    Args:
        lib: array modules and precision.
        coeffs: Chebyshev coefficients.
        parity: "odd", "even" or "none".
    """
    if parity == "none":
        return coeffs
    return lib.xp.where(np.arange(len(coeffs)) % 2 == (parity == "odd"), coeffs, 0)


def _require_degree(degree: int, parity: str, highest: int) -> int:
    rule = {"odd": "odd and positive", "even": "even and not negative", "none": "not negative"}[parity]
    try:
        whole = as_integer("degree", degree)
    except ValueError:
        whole = -1
    if whole < 0 or (parity != "none" and whole % 2 != (parity == "odd")):
        raise ValueError(f"`degree` must be {rule}, but is {degree}.")
    if whole > highest:
        raise ValueError(f"`degree` must be at most {highest}, but is {degree}.")
    return whole


def _require_eps(given: Any, dtype: Any) -> float:
    try:
        eps = as_real("eps", given)
    except ValueError:
        eps = np.nan
    if not 0 < eps < np.inf:
        raise ValueError(f"`eps` must be positive and finite, but is {given}.")
    if eps < jnp.finfo(dtype).eps:
        way_out = "" if dtype == np.float64 else "; float64 needs jax_enable_x64"
        least = f"{jnp.finfo(dtype).eps:.1e}"
        raise ValueError(f"`eps` must be at least the rounding {least} of {dtype}, but is {eps}{way_out}.")
    return eps


def _smallest_degree(build: Callable[[int], Proven], eps: float, parity: str, highest: int, dtype: Any) -> int:
    """Return the smallest degree whose bound is at most eps, by doubling and bisection: bounds fall with the degree."""
    step, first = (1, 0) if parity == "none" else (2, int(parity == "odd"))

    def error(index: int) -> tuple[float, float]:
        proven = build(first + step * index)
        return float(proven.truncation + proven.rounding), float(proven.rounding)

    low, high, last = -1, 0, (highest - first) // step
    while not (found := error(high))[0] <= eps:
        if high == last or not found[1] <= eps:  # a higher degree does not reduce rounding
            raise ValueError(
                f"`eps` must be reached by a degree of at most {highest}, but {eps} is not: at degree "
                f"{first + step * high} the bound is {found[0]:.1e}, of which rounding in {dtype} is {found[1]:.1e}."
                + (" float64 needs jax_enable_x64, and parameters that are not float32." if dtype != np.float64 else "")
            )
        low, high = high, min(2 * high + 1, last)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if error(middle)[0] <= eps else (middle, high)
    return first + step * high


@partial(jax.jit, static_argnames=("build", "degree", "parity", "dtype"))
def _traced(build: Build, degree: int, parity: str, dtype: Any, *parameters: Array) -> Polynomial:
    lib = Library(jnp, jax.scipy.special, dtype, float(jnp.finfo(dtype).eps))
    proven = build(lib, degree, *(jnp.asarray(value, dtype) for value in parameters))
    return _polynomial(lib, proven, parity, dtype)


def _polynomial(lib: Library, proven: Proven, parity: str, dtype: Any) -> Polynomial:
    def kept(bound: Any) -> Any:
        # The rounding of the bound's own arithmetic, about ten operations, and of storing it must not lower the bound.
        return lib.xp.asarray(bound * (1 + OUTWARDS * lib.epsilon), dtype)

    coeffs = lib.xp.asarray(proven.coeffs(), dtype)
    sup = chebyshev.sup_bound(coeffs, oversampling=SUP_OVERSAMPLING)
    return Polynomial(
        coeffs=coeffs,
        error_bound=kept(proven.truncation + proven.rounding),
        relative_bound=kept(proven.relative),
        lipschitz=lib.xp.asarray(proven.lipschitz, dtype),
        sup_bound=kept(lib.xp.minimum(sup, proven.sup + proven.rounding)),
        parity=parity,
        domain=tuple((lib.xp.asarray(low, dtype), lib.xp.asarray(high, dtype)) for low, high in proven.domain),
    )
