"""Checks and dtype promotions of arguments that all rooms share.

Error messages name the argument, the rule and the value. Values can be checked only when they are concrete. Inside jit,
vmap and grad a check of values is skipped, and its outcome shows in `eps` instead. So is the check of an array of which
other processes hold parts. An array on an accelerator, or on several devices, is checked there: only one number comes
to the host, not the array.

Public functions promote their arrays: integers and booleans become JAX's default float, half precision becomes float32,
and wider dtypes stay as they are. NumPy scalars and arrays without axes count as numbers.

Example:
    >>> as_inexact("x", np.array([200, 100], np.uint8)).dtype == jnp.zeros(()).dtype
    True
    >>> as_inexact("x", jnp.ones(2, jnp.bfloat16)).dtype.name, as_integer("n", np.array(3))
    ('float32', 3)
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax._modes import known_stays_known

ROUNDING = 64
"""Machine epsilons by which a norm may exceed alpha and still count as equal: a few operations, or one FFT."""


def require(condition: bool, message: str) -> None:
    """Raise a ValueError with a given message unless a condition holds.

    Args:
        condition: condition to check.
        message: text of the error with argument, rule and value.
    """
    if not condition:
        raise ValueError(message)


def require_kind(name: str, value: object, kind: type) -> None:
    """Raise a TypeError unless a value is an instance of a class.

    Args:
        name: name of the argument, for error messages.
        value: value of the argument.
        kind: class of the value.
    """
    if not isinstance(value, kind):
        wanted, given = kind.__name__, type(value).__name__
        if wanted == given:  # a class of the same name from another module
            wanted, given = (f"{one.__module__}.{one.__qualname__}" for one in (kind, type(value)))
        raise TypeError(f"`{name}` must be of type {wanted}, but is of type {given}.")


def require_callable(name: str, value: object) -> None:
    """Raise a TypeError unless a value can be called.

    Args:
        name: name of the argument, for error messages.
        value: value of the argument.
    """
    if not callable(value):
        raise TypeError(f"`{name}` must be callable, but is of type {type(value).__name__}.")


def require_key(name: str, value: Any) -> None:
    """Raise a TypeError unless a value is one key of `jax.random`, typed or an array of two integers.

    Args:
        name: name of the argument, for error messages.
        value: value of the argument.
    """
    dtype, shape = getattr(value, "dtype", None), np.shape(value) if hasattr(value, "shape") else None
    new = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    one = shape == () if new else dtype == np.uint32 and len(shape or ()) == 1
    if not one:
        told = f"of shape {shape}; batch with jax.vmap" if new else kind_of(value)
        raise TypeError(f"`{name}` must be one key of jax.random, but is {told}.")


def as_tuple(name: str, values: Any, kind: type) -> tuple[Any, ...]:
    """Return a sequence of instances of one class as a tuple.

    Args:
        name: name of the argument, for error messages.
        values: any iterable.
        kind: class of every entry.

    Raises:
        TypeError: a value that is not a sequence, or an entry of another class.
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
    """Raise a TypeError unless a value is a mapping; the message suggests what to write.

    Args:
        name: name of the argument, for error messages.
        value: value of the argument.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"`{name}` must be a mapping, but is {kind_of(value)}{_advice(value)}.")


def is_concrete(*values: Any) -> bool:
    """Return whether all values can be read: none is traced, and of none other processes alone hold a part."""
    return all(_is_readable(leaf) for leaf in jax.tree.leaves(values))


def _is_readable(leaf: Any) -> bool:
    if isinstance(leaf, jax.core.Tracer):
        return False
    return not isinstance(leaf, Array) or leaf.is_fully_addressable or leaf.is_fully_replicated


def is_near(array: Any) -> bool:
    """Return whether NumPy reads an array where it is: in the memory of this machine, and in one piece.

    Args:
        array: concrete array of NumPy or JAX.
    """
    if not isinstance(array, Array):
        return True
    devices = array.devices()
    return len(devices) == 1 and next(iter(devices)).platform == "cpu"


def measured(function: Callable[..., Any], *arrays: Any) -> Any:
    """Return a number that a function computes from concrete arrays: by NumPy, or on the devices that hold them.

    JAX traces operations on concrete arrays inside jit, and NumPy does not. From an accelerator NumPy would fetch the
    whole array.

    Args:
        function: function of a module, `numpy` or `jax.numpy`, and of the arrays.
        arrays: concrete arrays.
    """
    if all(is_near(array) for array in arrays):
        return np.asarray(function(np, *(np.asarray(array) for array in arrays))).item()
    with known_stays_known(*arrays):
        return function(jnp, *arrays).item()


def has_numbers(value: Any, ndim: int) -> bool:
    """Return whether a value is an array of numbers with so many axes: not traced, not a shape, and not a stack.

    Args:
        value: array of NumPy or JAX, tracer, or shape.
        ndim: number of axes.
    """
    return is_concrete(value) and not isinstance(value, jax.ShapeDtypeStruct) and np.ndim(value) == ndim


def as_integer(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """Return a value as a Python integer; integers of NumPy and JAX are accepted, floats and booleans are not.

    Args:
        name: name of the argument, for error messages.
        value: integer of Python, NumPy or JAX, or an integer array without axes.
        least: smallest allowed value, if any.
        most: largest allowed value, if any.

    Raises:
        ValueError: a value that is not an integer, traced, or outside the range from `least` to `most`.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)  # fails for arrays with axes
    except (TypeError, jax.errors.TracerIntegerConversionError):
        number = None
    if number is None:
        raise ValueError(f"`{name}` must be an integer, but is {kind_of(value)}{_advice(value)}.")
    require(least is None or number >= least, f"`{name}` must be at least {least}, but is {number}.")
    require(most is None or number <= most, f"`{name}` must be at most {most}, but is {number}.")
    return number


def as_integers(name: str, values: Any, least: int | None = None) -> tuple[int, ...]:
    """Return a sequence of integers, such as the sizes of axes, as a tuple of Python integers.

    Args:
        name: name of the argument, for error messages.
        values: iterable of integers.
        least: smallest allowed entry, if any.

    Raises:
        ValueError: a value that is not a sequence, or an entry that `as_integer` rejects.
    """
    try:
        entries = tuple(values)
    except TypeError:
        raise ValueError(f"`{name}` must be a sequence of integers, but is {kind_of(values)}.") from None
    return tuple(as_integer(name, entry, least) for entry in entries)


def as_image(name: str, image: Any) -> tuple[int, int]:
    """Return the rows and columns of an image as Python integers.

    Args:
        name: name of the argument, for error messages.
        image: pair of integers.

    Raises:
        ValueError: a value that is not a pair of positive integers.
    """
    sides = as_integers(name, image)
    require(len(sides) == 2 and min(sides) >= 1, f"`{name}` must be (rows, columns), both positive, but is {sides}.")
    return sides[0], sides[1]


def as_real(name: str, value: Any) -> float:
    """Return a concrete real number, of Python, NumPy or JAX, as a Python float.

    Args:
        name: name of the argument, for error messages.
        value: number, or an array without axes.

    Raises:
        ValueError: a value that is traced, not a number, complex, NaN, or an array with axes.
    """
    require(is_concrete(value), f"`{name}` must be known outside jit, but is traced.")
    real = is_number(value) and np.ndim(value) == 0 and not jnp.iscomplexobj(value)
    require(real, f"`{name}` must be a real number, but is {kind_of(value)}{_advice(value)}.")
    number = float(value)
    require(not math.isnan(number), f"`{name}` must be a number, but is {number}.")
    return number


def as_inexact(name: str, value: Any, like: Array | None = None) -> Array:
    """Return a value as an array of floating or complex numbers, of any rank.

    Args:
        name: name of the argument, for error messages.
        value: numbers of Python, NumPy or JAX, possibly nested in lists.
        like: array whose precision Python numbers take, as in arithmetic with this array.

    Raises:
        ValueError: a value that is not an array of numbers.
    """
    array = _array_of(name, value)
    if like is not None and not any(hasattr(part, "dtype") for part in jax.tree.leaves(value)):
        array = array.astype(like.dtype) if jnp.isrealobj(array) else array.astype(jnp.result_type(like, jnp.complex64))
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        return array.astype(jnp.result_type(float))
    # XLA has neither decompositions nor FFTs in half precision, and no error bound would account for its rounding.
    return array.astype(jnp.float32) if array.dtype.itemsize < 4 else array


def as_numeric(name: str, value: ArrayLike | Sequence[ArrayLike], ndim: int | None, like: Array | None = None) -> Array:
    """Return a value as a non-empty array of floating or complex numbers of a given rank, finite if concrete.

    Args:
        name: name of the argument, for error messages.
        value: numbers, possibly nested in lists.
        ndim: number of axes, or None for any.
        like: array whose precision Python numbers take.

    Raises:
        ValueError: a value that is not an array of numbers, has another rank, is empty, has an entry that is not
            finite, or has only denormal entries.
    """
    array = as_inexact(name, value, like)
    require(ndim in (None, array.ndim), f"`{name}` must have {ndim} axes, but has shape {array.shape}.")
    require(0 not in array.shape, f"`{name}` must not be empty, but has shape {array.shape}.")
    if is_concrete(array):
        require_finite(name, array)
        require_normal(name, array)
    return array


def require_finite(name: str, array: Array | np.ndarray) -> None:
    """Raise a ValueError for an entry that is infinite or NaN; the message names the first one.

    Args:
        name: name of the argument, for error messages.
        array: concrete array of numbers.
    """
    if not measured(lambda xp, values: xp.isfinite(values).all(), array):
        seen = np.asarray(array)
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(seen))[0])
        raise ValueError(f"`{name}` must be finite, but entry {where} is {seen[where]}.")


def require_normal(name: str, array: Array | np.ndarray) -> None:
    """Raise a ValueError for an array whose largest entry is denormal, which XLA treats as zero.

    On an accelerator a denormal array counts as zero.

    Args:
        name: name of the argument, for error messages.
        array: concrete array of numbers.
    """
    largest = measured(lambda xp, values: xp.abs(values).max(initial=0), array)
    least = float(jnp.finfo(array.dtype).tiny)
    told = f"zero or reach {least:.3g}, below which XLA takes numbers for zero, but has no entry beyond {largest:.3g}"
    require(largest == 0 or largest >= least, f"`{name}` must be {told}.")


def within(name: str, value: Any, low: float, high: float) -> Array:
    """Return real numbers of any shape that lie between two bounds, as floats.

    Numbers that exceed a bound by no more than rounding, such as sums of squares of unit vectors, are replaced by the
    bound, with the derivative of the numbers. Inside jit numbers further out become NaN.

    Args:
        name: name of the argument, for error messages.
        value: real numbers of any shape.
        low: smallest allowed number.
        high: largest allowed number.

    Raises:
        ValueError: a value that is not an array of real numbers, or, outside jit, numbers out of range.
    """
    array = as_inexact(name, value)
    require(not jnp.iscomplexobj(array), f"`{name}` must be real, but has dtype {array.dtype}.")
    room = ROUNDING * float(jnp.finfo(array.dtype).eps) * max(abs(low), abs(high))
    if is_concrete(array):
        # All entries by comparisons: a minimum over several devices may lose a NaN.
        inside = measured(lambda xp, values: xp.all((values >= low - room) & (values <= high + room)), array)
        least = measured(lambda xp, values: xp.min(values, initial=np.inf), array)
        most = measured(lambda xp, values: xp.max(values, initial=-np.inf), array)
        told = f"is {least}" if array.ndim == 0 else f"ranges over [{least}, {most}]"
        require(inside, f"`{name}` must lie in [{low:g}, {high:g}], but {told}.")
        if least >= low and most <= high:
            return array
    return _moved_within(array, low, high, room)


@partial(jax.jit, static_argnums=(1, 2, 3))
def _moved_within(array: Array, low: float, high: float, room: float) -> Array:
    moved = jnp.where(array < low, low, jnp.where(array > high, high, array))
    inside = (array >= low - room) & (array <= high + room)
    return jnp.where(inside, array + jax.lax.stop_gradient(moved - array), jnp.nan)


def _array_of(name: str, value: Any) -> Array:
    if isinstance(value, bool | int | float | complex) and not isinstance(value, np.generic):
        # Python numbers keep JAX's weak type, so that they do not widen the arrays that they multiply.
        return jnp.asarray(value if isinstance(value, complex) else _as_float(name, value))
    try:
        # NumPy converts first: without jax_enable_x64 JAX would cut 64-bit integers to their low half, and JAX does not
        # support extended precision. Lists that hold JAX arrays are left to JAX.
        foreign = not any(isinstance(leaf, Array) for leaf in jax.tree.leaves(value))
        array = jnp.asarray(_of_numpy(np.asarray(value)) if foreign else value)
        if _holds_numbers(array.dtype):
            return array
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"`{name}` must be an array of numbers, but is {kind_of(value)}{_advice(value)}.")


def _as_float(name: str, value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"`{name}` must be within the range of floats, but is {kind_of(value)}.") from None


def _of_numpy(array: np.ndarray) -> np.ndarray:
    return array.astype(jnp.result_type(float)) if array.dtype.kind in "iu" else in_known_types(array)


def in_known_types(array: np.ndarray) -> np.ndarray:
    """Return an array in a dtype that JAX supports: in the machine's byte order, extended precision as double."""
    native = array.dtype.newbyteorder("=")
    widest = np.dtype({"f": np.float64, "c": np.complex128}.get(native.kind, native))
    return array.astype(min(native, widest, key=lambda one: one.itemsize), copy=False)


def is_number(value: Any) -> bool:
    if isinstance(value, int | float | complex):
        return True
    dtype = getattr(value, "dtype", None)
    return dtype is not None and _holds_numbers(dtype)


def _holds_numbers(dtype: Any) -> bool:
    return jnp.issubdtype(dtype, jnp.number) or jnp.issubdtype(dtype, jnp.bool_)


def kind_of(value: Any) -> str:
    """Return the text by which an error names a value: the value itself if it is short, otherwise its type."""
    if isinstance(value, jax.core.Tracer):
        return "traced"
    text = repr(value)
    return text if len(text) <= 60 else f"of type {type(value).__name__}"


ADVICE = (
    ("tocoo", "for a sparse matrix write `block_encode_sparse(matrix)`"),
    ("to_list", "for a SparsePauliOp write `block_encode_pauli(operator)`"),
    ("pauli_rep", "for a PennyLane operator write `block_encode_pauli(operator)`"),
    ("matvec", "for the matrix of a block encoding write `block(enc)`, for its product with an array `enc.matvec(x)`"),
    ("encoded", "for the array of a vector encoding write `vec.encoded`"),
)
"""Advice on what to write instead of arguments of other classes, by an attribute that marks the class."""


def _advice(value: Any) -> str:
    """Return advice for an argument that is no array, in parentheses; empty text for an unknown class."""
    told = next((text for attribute, text in ADVICE if hasattr(value, attribute)), "")
    return f" ({told})" if told else ""
