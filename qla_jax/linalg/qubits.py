r"""Small matrices applied to some qubits of a state.

A diagonal matrix multiplies entry by entry. Any other matrix is a matrix product over the axes of its qubits. The
compiler never merges matrix products. A gate written as a sum over flipped states would be fused with the gates before
it, each of which doubles the repeated calculations: 20 gates would take a million times as long as one.

Example:
    >>> apply_matrix(jnp.array([[0.0, 1.0], [1.0, 0.0]]), [1], jnp.array([1.0, 0.0, 0.0, 0.0])).tolist()
    [0.0, 1.0, 0.0, 0.0]
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Num

from qla_jax._checks import require
from qla_jax._modes import common_dtype, promoted, reshaped
from qla_jax.linalg.products import dot_general, tensordot

PRODUCT_QUBITS = 8
"""Smallest number of qubits for which overlaps are a matrix product, which is a tenth slower for fewer under vmap."""

Matrix = Num[Array | np.ndarray, "k k"]


def qubits_of(state: Array) -> int:
    """Return the number of qubits of a state of shape (2^n,) or (2,)*n.

    Raises:
        ValueError: a size that is no power of two, or another shape.
    """
    n = max(state.size.bit_length() - 1, 0)  # an empty state has no qubits
    shapes = (1 << n,), (2,) * n
    require(n >= 1 and state.shape in shapes, f"`state` must have shape (2^n,) or (2,)*n, but has {state.shape}.")
    return n


def apply_matrix(matrix: Matrix, wires: Sequence[int], state: Array, *, diagonal: bool = False) -> Array:
    """Return a matrix, unitary or not, applied to some qubits of a state, in the shape of the state.

    Args:
        matrix: matrix of 2^k rows and columns.
        wires: k qubits, the most significant bit of the matrix first.
        state: state of shape (2^n,) or (2,)*n.
        diagonal: True where all entries off the diagonal are zero.
    """
    k = len(wires)
    order = sorted(range(k), key=wires.__getitem__)
    matrix, grid = promoted(jnp.asarray(matrix), reshaped(state, split(qubits_of(state), [wires[j] for j in order])))
    if diagonal:
        entries = jnp.diagonal(matrix).reshape((2,) * k).transpose(order)
        return reshaped(entries.reshape((1, 2) * k + (1,)) * grid, state.shape)
    axes = [2 * order.index(j) + 1 for j in range(k)]
    moved = tensordot(reshaped(matrix, (2,) * (2 * k)), grid, (list(range(k, 2 * k)), axes))
    return reshaped(jnp.moveaxis(moved, range(k), axes), state.shape)


def apply_by_flips(matrix: Matrix, wires: Sequence[int], state: Array, *, diagonal: bool = False) -> Array:
    r"""Return a matrix applied to some qubits by $M = \sum_f D_f X^f$, diagonals times flips of the wires.

    This is one pass over the state without transposes, twice as fast as `apply_matrix` for a gate that cannot be merged
    with others, such as a single one in the body of a loop. Terms that are zero in a NumPy matrix are left out.

    Args:
        matrix: matrix of 2^k rows and columns.
        wires: k qubits, the most significant bit of the matrix first.
        state: state of shape (2^n,) or (2,)*n.
        diagonal: True where all entries off the diagonal are zero.
    """
    k = len(wires)
    order = sorted(range(k), key=wires.__getitem__)
    grid = reshaped(state, split(qubits_of(state), [wires[j] for j in order]))
    rows = np.arange(1 << k)
    grid = grid.astype(common_dtype(matrix, state))
    moved = jnp.zeros((), grid.dtype)
    for flip in range(1 if diagonal else 1 << k):
        entries = matrix[rows, rows ^ flip]
        if isinstance(matrix, np.ndarray) and not entries.any():
            continue
        axes = [2 * place + 1 for place, j in enumerate(order) if flip >> (k - 1 - j) & 1]
        spread = jnp.asarray(entries, grid.dtype).reshape((2,) * k).transpose(order).reshape((1, 2) * k + (1,))
        moved = moved + spread * jax.lax.rev(grid, axes)
    return reshaped(moved, state.shape)


def overlaps(left: Array, right: Array, wires: Sequence[int]) -> Num[Array, "k k"]:
    r"""Return $G_{ij} = \sum_r l_{ir}\, r_{jr}$ over the values r of all other qubits, without conjugation.

    Args:
        left: state l.
        right: state r, of the same shape.
        wires: k qubits whose values are i and j.
    """
    k = len(wires)
    order = sorted(range(k), key=wires.__getitem__)
    shape = split(qubits_of(left), [wires[j] for j in order])
    sums = _sums_by_product if qubits_of(left) >= PRODUCT_QUBITS else _sums_one_by_one
    axes = [order.index(j) for j in range(k)]
    sorted_sums = sums(reshaped(left, shape), reshaped(right, shape), k)
    return reshaped(sorted_sums.transpose(*axes, *(k + axis for axis in axes)), (1 << k, 1 << k))


def _sums_by_product(left: Array, right: Array, k: int) -> Array:
    """Return the sums by a matrix product over the even axes: k axes of the bits of left, then k of right."""
    rest = tuple(range(0, 2 * k + 1, 2))
    return dot_general(left, right, (rest, rest))


def _sums_one_by_one(left: Array, right: Array, k: int) -> Array:
    """Return the sums entry by entry, each by a reduction of its own."""

    def part(grid: Array, value: int) -> Array:
        bits = [value >> (k - 1 - j) & 1 for j in range(k)]
        return grid[tuple(bits[axis // 2] if axis % 2 else slice(None) for axis in range(2 * k + 1))]

    entries = [_product_sum(part(left, i), part(right, j)) for i in range(1 << k) for j in range(1 << k)]
    return jnp.stack(entries).reshape((2,) * (2 * k))


def _product_sum(a: Array, b: Array) -> Array:
    """Return the sum of products, in real arithmetic: complex products would be stored before they are summed."""
    if not jnp.iscomplexobj(a):
        return jnp.sum(a * b)
    return jax.lax.complex(jnp.sum(a.real * b.real - a.imag * b.imag), jnp.sum(a.real * b.imag + a.imag * b.real))


def split(num_qubits: int, wires: Sequence[int]) -> list[int]:
    """Return the shape of a state with an axis for each wire and one for the qubits before, between and after them.

    Args:
        num_qubits: number of qubits of the state.
        wires: sorted qubits.
    """
    sizes, last = [], -1
    for wire in wires:
        sizes += [1 << (wire - last - 1), 2]
        last = wire
    return [*sizes, 1 << (num_qubits - last - 1)]
