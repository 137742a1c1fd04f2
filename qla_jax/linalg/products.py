r"""Matrix products and convolutions that keep all digits of their numbers on every device.

By default an H200 multiplies matrices of float32 with 10 bits of mantissa and a TPU with 7, of the 23 that a CPU uses.
A bound that counts on float32 is then wrong by up to $10^{-3}$. Each product of the package is therefore one of these
functions, which ask for all bits; `jax.config` stays as the caller left it. The functions are those of NumPy by name,
and known arrays of NumPy are multiplied by NumPy.

Example:
    >>> matmul(jnp.eye(2), jnp.ones((2, 3)), jnp.ones(3)).tolist()
    [3.0, 3.0]

References:
    JAX documentation, matrix multiplication precision. https://docs.jax.dev/en/latest/201/precision.html
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

FULL = jax.lax.Precision.HIGHEST
"""Precision of a product with which float32 is multiplied as float32 on every device."""


PrecisionLike = jax.lax.Precision | str
"""Precision of a product, or its name in JAX, such as "float32", "tensorfloat32" or "bfloat16"."""


def as_precision(name: str, value: PrecisionLike) -> jax.lax.Precision:
    """Return a precision of JAX by its name.

    Args:
        name: name of the argument, for error messages.
        value: precision, or its name.

    Raises:
        ValueError: a value that names no precision.
    """
    try:
        return jax.lax.Precision(value)
    except ValueError:
        names = '"float32", "tensorfloat32" or "bfloat16"'
        raise ValueError(f"`{name}` must be a precision of JAX, such as {names}, but is {value!r}.") from None


def matmul(*factors: Any, precision: jax.lax.Precision = FULL) -> Any:
    """Return the matrix product of one or more factors, from left to right.

    Args:
        factors: matrices, vectors or stacks of matrices, as `@` takes them.
        precision: precision of the products, full unless training in less was asked for.
    """

    def times(left: Any, right: Any) -> Any:
        known = isinstance(left, np.ndarray) and isinstance(right, np.ndarray)
        return left @ right if known else jnp.matmul(left, right, precision=precision)

    return reduce(times, factors)


def tensordot(left: Any, right: Any, axes: Any) -> Any:
    """Return the sum of products over axes of two arrays.

    Args:
        left: one array.
        right: other array.
        axes: number of last axes of `left` and first axes of `right`, or the axes of each.
    """
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return np.tensordot(left, right, axes)
    return jnp.tensordot(left, right, axes, precision=FULL)


def einsum(formula: str, *arrays: Array, precision: jax.lax.Precision = FULL) -> Array:
    """Return the sum of products that a formula of Einstein's notation names.

    Args:
        formula: axes of the arrays and of the result, such as "ij,jk->ik".
        arrays: factors in the order of the formula.
        precision: precision of the products, full unless training in less was asked for.
    """
    return jnp.einsum(formula, *arrays, precision=precision)


def vdot(left: Array, right: Array) -> Array:
    """Return the inner product of two arrays as vectors, the first one conjugated.

    Args:
        left: array to conjugate.
        right: other array, of the same size.
    """
    return jnp.vdot(left, right, precision=FULL)


def dot_general(left: Array, right: Array, over: tuple[Sequence[int], Sequence[int]]) -> Array:
    """Return the sum of products over given axes: remaining axes of the first array, then those of the second.

    Args:
        left: one array.
        right: other array, of the same dtype.
        over: axes of `left` and the axes of `right` that meet them.
    """
    return jax.lax.dot_general(left, right, (over, ((), ())), precision=FULL)


def correlate(
    images: Array,
    kernel: Array,
    strides: Sequence[int],
    margins: Sequence[tuple[int, int]],
    *,
    precision: jax.lax.Precision = FULL,
) -> Array:
    """Return the cross-correlation of images with a kernel.

    Args:
        images: images of shape (batch, channels, rows, columns).
        kernel: kernel of shape (outputs, channels, rows, columns), of the same dtype.
        strides: distance between pixels that are kept, along rows and columns.
        margins: zeros before and after each axis.
        precision: precision of the products, full unless training in less was asked for.
    """
    return jax.lax.conv_general_dilated(images, kernel, strides, margins, precision=precision)
