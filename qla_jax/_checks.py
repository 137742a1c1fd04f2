"""Checks and promotions that every room shares: what a public function may be given, and what its errors say.

Error messages name the argument, the rule and the value. Values can only be looked at when they are concrete: inside
jit, vmap and grad a check on values is left out, and its outcome shows in `eps` instead.

Arrays are promoted at the public door: integers and booleans become JAX's default float, half precision becomes
float32, wider dtypes stay as they are. NumPy scalars and arrays without axes count as numbers wherever a number is due.

Example:
    >>> as_inexact("x", np.array([200, 100], np.uint8)).dtype == jnp.zeros(()).dtype
    True
    >>> as_inexact("x", jnp.ones(2, jnp.bfloat16)).dtype.name, as_integer("n", np.array(3))
    ('float32', 3)
"""

import math
import operator
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

ROUNDING = 64
"""How many units of rounding a norm may exceed alpha by and still count as equal: a few operations, or one FFT."""


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless the condition holds.

    Args:
        condition: what has to hold.
        message: the error's text: argument, rule and value.
    """
    if not condition:
        raise ValueError(message)


def require_kind(name: str, value: object, kind: type) -> None:
    """Raise TypeError unless `value` is of the kind.

    Args:
        name: the argument's name, for the error.
        value: what was given.
        kind: the class that it has to be of.
    """
    if not isinstance(value, kind):
        wanted, given = kind.__name__, type(value).__name__
        if wanted == given:  # two rooms have a class of this name
            wanted, given = (f"{one.__module__}.{one.__qualname__}" for one in (kind, type(value)))
        raise TypeError(f"`{name}` must be of type {wanted}, but is of type {given}.")


def require_callable(name: str, value: object) -> None:
    """Raise TypeError unless `value` can be called.

    Args:
        name: the argument's name, for the error.
        value: what was given.
    """
    if not callable(value):
        raise TypeError(f"`{name}` must be callable, but is of type {type(value).__name__}.")


def require_key(name: str, value: Any) -> None:
    """Raise TypeError unless `value` is one key of `jax.random`, of the new kind or the old one.

    Args:
        name: the argument's name, for the error.
        value: what was given.
    """
    dtype, shape = getattr(value, "dtype", None), np.shape(value) if hasattr(value, "shape") else None
    new = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    one = shape == () if new else dtype == np.uint32 and len(shape or ()) == 1
    if not one:
        told = f"of shape {shape}; batch with jax.vmap" if new else _told(value)
        raise TypeError(f"`{name}` must be one key of jax.random, but is {told}.")


def as_tuple(name: str, values: Any, kind: type) -> tuple[Any, ...]:
    """Return a sequence of things of one kind as a tuple.

    Args:
        name: the argument's name, for the error.
        values: any iterable.
        kind: the class of every entry.

    Raises:
        TypeError: not a sequence, or an entry of another kind.
    """
    try:
        found = tuple(values)
    except TypeError:
        told = f"a sequence of {kind.__name__}, but is of type {type(values).__name__}"
        raise TypeError(f"`{name}` must be {told}.") from None
    for entry in found:
        require_kind(name, entry, kind)
    return found


def require_mapping(name: str, value: Any) -> None:
    """Raise a TypeError that says what to write, unless a value is a mapping.

    Args:
        name: the argument's name, for the error.
        value: value of the argument.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"`{name}` must be a mapping, but is {_told(value)}{_advice(value)}.")


def is_concrete(*values: Any) -> bool:
    """Return whether all values can be looked at now, outside any transformation."""
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values))


def as_integer(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """Return `value` as a Python integer; NumPy and JAX integers count, floats and booleans do not.

    Args:
        name: the argument's name, for the error.
        value: an integer of Python, NumPy or JAX, or an array of one without axes.
        least: the smallest that is allowed; any unless given.
        most: the largest that is allowed; any unless given.

    Raises:
        ValueError: not an integer, traced, or one outside of the range from `least` to `most`.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)  # arrays of one axis or more have none
    except (TypeError, jax.errors.TracerIntegerConversionError):
        number = None
    if number is None:
        raise ValueError(f"`{name}` must be an integer, but is {_told(value)}{_advice(value)}.")
    require(least is None or number >= least, f"`{name}` must be at least {least}, but is {number}.")
    require(most is None or number <= most, f"`{name}` must be at most {most}, but is {number}.")
    return number


def as_integers(name: str, values: Any, least: int | None = None) -> tuple[int, ...]:
    """Return a sequence of integers, such as the sizes of axes, as a tuple of Python integers.

    Args:
        name: the argument's name, for the error.
        values: any iterable of integers.
        least: the smallest entry that is allowed; any unless given.

    Raises:
        ValueError: not a sequence, or an entry that `as_integer` refuses.
    """
    try:
        entries = tuple(values)
    except TypeError:
        raise ValueError(f"`{name}` must be a sequence of integers, but is {_told(values)}.") from None
    return tuple(as_integer(name, entry, least) for entry in entries)


def as_image(name: str, image: Any) -> tuple[int, int]:
    """Return the rows and columns of an image as Python integers.

    Args:
        name: the argument's name, for the error.
        image: two integers.

    Raises:
        ValueError: not two positive integers.
    """
    sides = as_integers(name, image)
    require(len(sides) == 2 and min(sides) >= 1, f"`{name}` must be (rows, columns), both positive, but is {sides}.")
    return sides[0], sides[1]


def as_real(name: str, value: Any) -> float:
    """Return a concrete real number, of Python, NumPy or JAX, as a Python float.

    Args:
        name: the argument's name, for the error.
        value: a number, or an array of one without axes.

    Raises:
        ValueError: traced, not a number, complex, NaN, or with axes.
    """
    require(is_concrete(value), f"`{name}` must be known outside jit, but is traced.")
    real = _is_number(value) and np.ndim(value) == 0 and not jnp.iscomplexobj(value)
    require(real, f"`{name}` must be a real number, but is {_told(value)}{_advice(value)}.")
    number = float(value)
    require(not math.isnan(number), f"`{name}` must be a number, but is {number}.")
    return number


def as_inexact(name: str, value: Any, like: Array | None = None) -> Array:
    """Return `value` as an array of floating or complex numbers, whatever its rank.

    Args:
        name: the argument's name, for the error.
        value: numbers of Python, NumPy or JAX, possibly nested in lists.
        like: array whose precision Python numbers take, as they would in arithmetic with it.

    Raises:
        ValueError: not an array of numbers.
    """
    array = _array_of(name, value)
    if like is not None and not any(hasattr(part, "dtype") for part in jax.tree.leaves(value)):
        array = array.astype(like.dtype) if jnp.isrealobj(array) else array.astype(jnp.result_type(like, jnp.complex64))
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        return array.astype(jnp.result_type(float))
    # Half precision has neither decompositions nor FFTs in XLA, and its errors would stand in no bound.
    return array.astype(jnp.float32) if array.dtype.itemsize < 4 else array


def as_numeric(name: str, value: ArrayLike | Sequence[ArrayLike], ndim: int | None, like: Array | None = None) -> Array:
    """Return `as_inexact` of the given rank, not empty, its entries finite where that can be seen.

    Args:
        name: the argument's name, for the error.
        value: numbers, possibly nested in lists.
        ndim: the number of axes that the array has to have; None for any.
        like: array whose precision Python numbers take.

    Raises:
        ValueError: not an array of numbers, of another rank, empty, with an entry that is not finite, or with none but
            denormal ones.
    """
    array = as_inexact(name, value, like)
    require(ndim in (None, array.ndim), f"`{name}` must have {ndim} axes, but has shape {array.shape}.")
    require(0 not in array.shape, f"`{name}` must not be empty, but has shape {array.shape}.")
    if is_concrete(array):
        seen = np.asarray(array)
        bad = np.argwhere(~np.isfinite(seen))
        if len(bad):
            where = tuple(int(i) for i in bad[0])
            raise ValueError(f"`{name}` must be finite, but entry {where} is {seen[where]}.")
        require_normal(name, seen)
    return array


def require_normal(name: str, array: np.ndarray) -> None:
    """Raise ValueError for numbers that are not zero and that XLA takes for zero, all of them denormal."""
    largest, least = np.abs(array).max(initial=0), float(jnp.finfo(array.dtype).tiny)
    told = f"zero or reach {least:.3g}, below which XLA takes numbers for zero, but has no entry beyond {largest:.3g}"
    require(largest == 0 or largest >= least, f"`{name}` must be {told}.")


def within(name: str, value: Any, low: float, high: float) -> Array:
    """Return real numbers of any shape that lie between two bounds, as floats.

    Numbers beyond a bound by no more than rounding, which sums and squares of unit vectors may be, become that bound;
    the derivative is that of the numbers. Inside jit numbers further out become NaN.

    Args:
        name: the argument's name, for the error.
        value: real numbers of any shape.
        low: the smallest that is allowed.
        high: the largest that is allowed.

    Raises:
        ValueError: not real numbers, or, where it can be seen, numbers out of range.
    """
    array = as_inexact(name, value)
    require(not jnp.iscomplexobj(array), f"`{name}` must be real, but has dtype {array.dtype}.")
    room = ROUNDING * float(jnp.finfo(array.dtype).eps) * max(abs(low), abs(high))
    if is_concrete(array):
        seen = np.asarray(array)
        inside = bool(np.all((seen >= low - room) & (seen <= high + room)))
        told = (
            f"is {seen}" if seen.ndim == 0 else f"ranges over [{seen.min(initial=np.inf)}, {seen.max(initial=-np.inf)}]"
        )
        require(inside, f"`{name}` must lie in [{low:g}, {high:g}], but {told}.")
        if seen.size == 0 or (seen.min() >= low and seen.max() <= high):
            return array
    return _moved_within(array, low, high, room)


@partial(jax.jit, static_argnums=(1, 2, 3))
def _moved_within(array: Array, low: float, high: float, room: float) -> Array:
    moved = jnp.where(array < low, low, jnp.where(array > high, high, array))
    inside = (array >= low - room) & (array <= high + room)
    return jnp.where(inside, array + jax.lax.stop_gradient(moved - array), jnp.nan)


def as_alpha(alpha: ArrayLike | None, norm: Array, rule: str, *, name: str = "alpha") -> tuple[Array, Array]:
    """Return alpha, `norm` unless given, and the error of an exact encoding with it.

    An alpha below `norm` raises where it can be seen and gives `eps = inf` elsewhere, as does one that is not finite.

    Args:
        alpha: the subnormalization that was given, if any.
        norm: what it has to reach.
        rule: what `norm` is, in the words of the error.
        name: the argument's name, for the error.
    """
    if alpha is None:
        return norm, exact(norm)
    alpha, unknown = as_subnormalization(name, alpha, norm.dtype)
    enough = norm <= alpha * (1 + ROUNDING * jnp.finfo(norm.dtype).eps)
    if is_concrete(enough):
        require(bool(enough), f"`{name}` must be at least {rule}, but {name} = {alpha} < {norm}.")
    return alpha, jnp.where(enough, unknown, jnp.inf).astype(norm.dtype)


def as_subnormalization(name: str, alpha: ArrayLike, dtype: jnp.dtype) -> tuple[Array, Array]:
    """Return a subnormalization in the real counterpart of `dtype`, and 0, or `inf` for a traced one that is none.

    Args:
        name: the argument's name, for the error.
        alpha: a real scalar, not negative and finite.
        dtype: real or complex, of the precision that is wanted.
    """
    alpha = as_bound(name, alpha, dtype)
    if is_concrete(alpha):
        # NumPy's: inside jit every operation of JAX is traced, on known numbers, too.
        require(bool(np.isfinite(np.asarray(alpha))), f"`{name}` must be finite, but is {alpha}.")
    return alpha, exact(alpha)


@jax.jit
def exact(size: Array) -> Array:
    """Return the error 0 of an exact encoding, `inf` where `size`, its alpha or its norm, is not finite.

    Inside jit nothing can refuse NaN or infinite entries; a sum or maximum over them is not finite either.
    """
    return jnp.where(jnp.isfinite(size), 0.0, jnp.inf).astype(size.dtype)


@jax.jit
def known(eps: Array, *values: Array) -> Array:
    """Return an error bound, `inf` where it is NaN or where an entry of `values` is not finite.

    Args:
        eps: the bound.
        values: what is encoded; entries beyond the range of floats are no values.
    """
    finite = [jnp.all(jnp.isfinite(value)) for value in values]
    return jnp.where(jnp.all(jnp.stack([~jnp.isnan(eps), *finite])), eps, jnp.inf)


def as_bound(name: str, value: ArrayLike, dtype: jnp.dtype) -> Array:
    """Return `value` as a non-negative real scalar in the real counterpart of `dtype` (`inf` means unknown).

    Inside jit a negative number or NaN becomes `inf`.

    Args:
        name: the argument's name, for the error.
        value: a real scalar, absolute in units of what it bounds.
        dtype: real or complex, of the precision that is wanted.
    """
    real = _is_number(value) and np.ndim(value) == 0 and not jnp.iscomplexobj(value)
    require(real, f"`{name}` must be a real scalar, but is {_told(value)} of shape {np.shape(value)}.")
    if is_concrete(value):
        require(bool(np.asarray(value) >= 0), f"`{name}` must not be negative or NaN, but is {value}.")
        return jnp.asarray(value, real_dtype(dtype))
    bound = jnp.asarray(value, real_dtype(dtype))
    return jnp.where(bound >= 0, bound, jnp.inf)


def real_dtype(dtype: jnp.dtype) -> jnp.dtype:
    """Return the real dtype of the same precision."""
    return jnp.zeros((), dtype).real.dtype


@jax.jit
def times(factor: ArrayLike, bound: ArrayLike) -> Array:
    """Return `factor * bound` for error bounds: what is unknown (`inf` or NaN) gives `inf`, also times zero.

    Args:
        factor: a non-negative number or array, `inf` where unknown.
        bound: another, in units of an error.
    """
    unknown = ~(jnp.isfinite(factor) & jnp.isfinite(bound))
    product = jnp.where(unknown, 0.0, factor) * jnp.where(unknown, 0.0, bound)
    return jnp.where(unknown, jnp.inf, product)


def _array_of(name: str, value: Any) -> Array:
    if isinstance(value, bool | int | float | complex) and not isinstance(value, np.generic):
        # These keep JAX's weak type, so that they do not widen what they are multiplied by.
        return jnp.asarray(value if isinstance(value, complex) else _as_float(name, value))
    try:
        # NumPy first: without jax_enable_x64 JAX would cut 64-bit integers to their low half, and it knows no extended
        # precision. Lists that hold JAX arrays are left to JAX.
        foreign = not any(isinstance(leaf, Array) for leaf in jax.tree.leaves(value))
        array = jnp.asarray(_of_numpy(np.asarray(value)) if foreign else value)
        if _holds_numbers(array.dtype):
            return array
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"`{name}` must be an array of numbers, but is {_told(value)}{_advice(value)}.")


def _as_float(name: str, value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"`{name}` must be within the range of floats, but is {_told(value)}.") from None


def _of_numpy(array: np.ndarray) -> np.ndarray:
    return array.astype(jnp.result_type(float)) if array.dtype.kind in "iu" else in_known_types(array)


def in_known_types(array: np.ndarray) -> np.ndarray:
    """Return the same numbers in types that JAX knows: in the machine's byte order, extended precision as double."""
    native = array.dtype.newbyteorder("=")
    widest = np.dtype({"f": np.float64, "c": np.complex128}.get(native.kind, native))
    return array.astype(min(native, widest, key=lambda one: one.itemsize), copy=False)


def _is_number(value: Any) -> bool:
    if isinstance(value, int | float | complex):
        return True
    dtype = getattr(value, "dtype", None)
    return dtype is not None and _holds_numbers(dtype)


def _holds_numbers(dtype: Any) -> bool:
    return jnp.issubdtype(dtype, jnp.number) or jnp.issubdtype(dtype, jnp.bool_)


def _told(value: Any) -> str:
    """Return how an error names a value: the value itself if it is short, else its type."""
    if isinstance(value, jax.core.Tracer):
        return "traced"
    text = repr(value)
    return text if len(text) <= 60 else f"of type {type(value).__name__}"


ADVICE = (
    ("tocoo", "for a sparse matrix write `block_encode_sparse(matrix)`"),
    ("to_list", "for a SparsePauliOp write `block_encode_pauli(dict(operator.to_list()))`"),
    ("pauli_rep", "for a PennyLane operator write `block_encode_pauli` of its words and coefficients"),
    ("matvec", "for the matrix of a block encoding write `block(enc)`, for its product with an array `enc.matvec(x)`"),
    ("encoded", "for the array of a vector encoding write `vec.encoded`"),
)
"""Advice for arguments of other kinds, by an attribute that marks the kind: what to write instead."""


def _advice(value: Any) -> str:
    """Return advice for an argument that is no array, in parentheses; empty text where its kind is unknown."""
    told = next((text for attribute, text in ADVICE if hasattr(value, attribute)), "")
    return f" ({told})" if told else ""
