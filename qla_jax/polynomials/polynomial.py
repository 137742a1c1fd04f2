"""Polynomials with proven error bounds, the values that approximants return and that encodings take."""

from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Inexact

from qla_jax._checks import as_inexact, is_concrete
from qla_jax._modes import known_stays_known
from qla_jax._nodes import Node
from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.numpy_series import series_of_numpy

EVERYWHERE = ((-1.0, 1.0),)


class Polynomial(Node):
    """Chebyshev series P on [-1, 1] that approximates a target function f on a domain, with proven bounds.

    Bounds of approximants include an allowance for the rounding of the stored coefficients, but not for the rounding of
    evaluating them.

    Attributes:
        coeffs: Chebyshev coefficients, lowest degree first.
        parity: "odd", "even" or "none".
        error_bound: proven bound on |P - f| over the domain; 0.0 if the polynomial is itself the target, `inf` if
            nothing is proven.
        relative_bound: proven bound on |P(x) - f(x)| / |x| over the domain; `inf` where none is known.
        lipschitz: Lipschitz constant of f on the real line, `inf` if there is none; None if the polynomial is itself
            the target.
        sup_bound: proven bound on |P| over all of [-1, 1].
        domain: intervals (low, high) within [-1, 1] on which the error bounds hold.

    Example:
        >>> poly = polynomial([0.0, 1.0], "odd").scaled(0.5)
        >>> round(float(poly(0.4)), 6), poly.degree, poly.parity, bool(poly.sup_bound < 0.51)
        (0.2, 1, 'odd', True)
    """

    coeffs: Inexact[Array, " degree_plus_1"]
    error_bound: Array
    relative_bound: Array
    lipschitz: Array | None
    sup_bound: Array
    parity: str = struct.field(pytree_node=False)
    domain: tuple[tuple[ArrayLike, ArrayLike], ...] = EVERYWHERE

    @property
    def degree(self) -> int:
        """Degree, with zeros of the highest degrees counted."""
        return self.coeffs.shape[-1] - 1

    def __call__(self, x: ArrayLike) -> Array:
        """Return $P(x)$ entrywise."""
        return chebyshev.evaluate(self.coeffs, x)

    def covers(self, x: ArrayLike) -> Bool[Array, "..."]:
        """Return entrywise whether x lies in the domain."""
        x = as_inexact("x", x)
        inside = [(low <= x) & (x <= high) for low, high in self.domain]
        return jnp.any(jnp.stack(inside), axis=0)

    def scaled(self, factor: ArrayLike) -> Self:
        """Return `factor` times P as an approximant of `factor` times f.

        No function of this package rescales a polynomial without being asked. `poly.scaled(1 / poly.sup_bound)` is
        bounded by one; the caller keeps the factor.

        Raises:
            ValueError: a factor that is not a finite number.
        """
        if not isinstance(factor, jax.core.Tracer) and not (np.ndim(factor) == 0 and np.isfinite(factor)):
            raise ValueError(f"`factor` must be a finite number, but is {factor}.")
        known = is_concrete((self, factor))
        xp: Any = np if known else jnp  # NumPy stays concrete inside jit, so that phase factors are computed only once
        size = xp.abs(xp.asarray(factor)).astype(self.sup_bound.dtype)

        def times(bound: Array) -> Any:
            unknown = xp.isinf(xp.asarray(bound))
            return xp.where(unknown, np.inf, size * xp.where(unknown, 0, xp.asarray(bound)))  # an unknown bound stays

        coeffs = xp.asarray(self.coeffs) * xp.asarray(factor)
        changed = {
            "coeffs": coeffs.astype(jnp.result_type(self.coeffs, factor)),
            "error_bound": times(self.error_bound),
            "relative_bound": times(self.relative_bound),
            "lipschitz": None if self.lipschitz is None else times(self.lipschitz),
            "sup_bound": times(self.sup_bound),
        }
        return self.replace(**(to_device(changed) if known else changed))


def from_numpy(
    coeffs: Any,
    *,
    parity: str,
    error: float,
    sup: float,
    domain: tuple[tuple[ArrayLike, ArrayLike], ...] = EVERYWHERE,
) -> Polynomial:
    """Return an approximant with NumPy coefficients of a target without known relative bound or Lipschitz constant.

    Args:
        coeffs: Chebyshev coefficients.
        parity: "odd", "even" or "none".
        error: proven bound on |P - f| over the domain, or `inf`.
        sup: proven bound on |P| over [-1, 1].
        domain: intervals on which the error bound holds.
    """
    real = coeffs.real.dtype
    numbers = (np.asarray(number, real) for number in (error, sup, np.inf))
    series, error_bound, sup_bound, unknown, intervals = to_device((coeffs, *numbers, domain))
    return Polynomial(
        coeffs=series,
        error_bound=error_bound,
        relative_bound=unknown,
        lipschitz=unknown,
        sup_bound=sup_bound,
        parity=parity,
        domain=intervals,
    )


def polynomial(coeffs: ArrayLike, parity: str) -> Polynomial:
    """Return a polynomial that is its own target, from Chebyshev coefficients, real or complex.

    Args:
        coeffs: Chebyshev coefficients, lowest degree first; or a polynomial of NumPy (`np.poly1d`, `numpy.polynomial`),
            which is converted.
        parity: "odd", "even" or "none".

    Raises:
        ValueError: coefficients that are not a vector of finite numbers, or that contradict the parity.

    Example:
        >>> poly = polynomial([0.0, 0.0, 1.0], "even")  # T_2(x) = 2 x^2 - 1
        >>> poly.degree, round(float(poly(0.5)), 6)
        (2, -0.5)
    """
    coeffs = series_of_numpy(coeffs)
    if callable(coeffs):
        raise ValueError(
            f"`coeffs` must be a vector of coefficients, but is {coeffs!r}; see `polynomials.interpolant`."
        )
    known: Any = coeffs if isinstance(coeffs, jax.core.Tracer) else np.asarray(coeffs)  # NumPy needs no compile
    if known.ndim != 1 or not len(known):
        raise ValueError(f"`coeffs` must have one axis and an entry, but has shape {known.shape}.")
    if known.dtype.kind not in "biufcV":
        raise ValueError(f"`coeffs` must be a vector of numbers, but is of type {known.dtype}.")
    if known.dtype.itemsize < 4 and known.dtype.kind in "fV":
        known = known.astype(np.float32)  # half precision
    if parity not in ("odd", "even", "none"):
        raise ValueError(f"`parity` must be 'odd', 'even' or 'none', but is {parity!r}.")
    known = known.astype(jnp.result_type(jax.dtypes.canonicalize_dtype(known.dtype), float))  # integers become floats
    if isinstance(known, np.ndarray):
        if not np.all(np.isfinite(known)):
            raise ValueError(f"`coeffs` must be finite, but is {known}.")
        if parity != "none" and np.any(known[int(parity == "even") :: 2] != 0):
            raise ValueError(f"`coeffs` must be {parity}, as `parity` says, but is {known}.")
    zero = np.zeros((), known.real.dtype)
    sup = chebyshev.sup_bound(known)
    series, none, sup = to_device((known, zero, sup.astype(zero.dtype)))
    return Polynomial(
        coeffs=series, error_bound=none, relative_bound=none, lipschitz=None, sup_bound=sup, parity=parity
    )


def to_device(tree: Any) -> Any:
    """Return a tree with its arrays on the JAX device, without compiling anything, unlike `jnp.asarray`."""
    with known_stays_known(tree):
        return jax.device_put(tree)
