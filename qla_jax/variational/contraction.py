r"""A small matrix on some qubits of a state.

A diagonal one multiplies entry by entry; any other is a matrix product over the axes of its qubits. Products are what
the compiler never merges: a gate written as a sum over flipped states would be fused with the gates before it, each
doubling what is calculated again, and 20 gates would take a million times as long as one.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

from qla_jax.variational.states import qubits_of


def apply_matrix(matrix: Num[Array, "k k"], wires: Sequence[int], state: Array, *, diagonal: bool = False) -> Array:
    """A matrix, unitary or not, on some qubits of a state, in the state's shape.

    Args:
        matrix: rows and columns of 2^k.
        wires: k qubits, the most significant bit of the matrix first.
        state: of shape (2^n,) or (2,)*n.
        diagonal: whether all other entries of the matrix are zero.
    """
    k = len(wires)
    order = sorted(range(k), key=wires.__getitem__)
    grid = state.reshape(_split(qubits_of(state), [wires[j] for j in order]))
    if diagonal:
        entries = jnp.diagonal(matrix).reshape((2,) * k).transpose(order)
        return (entries.reshape((1, 2) * k + (1,)) * grid).reshape(state.shape)
    axes = [2 * order.index(j) + 1 for j in range(k)]
    moved = jnp.tensordot(matrix.reshape((2,) * (2 * k)), grid, (list(range(k, 2 * k)), axes))
    return jnp.moveaxis(moved, range(k), axes).reshape(state.shape)


def overlaps(left: Array, right: Array, wires: Sequence[int]) -> Num[Array, "k k"]:
    r"""$G_{ij} = \sum_r l_{ir}\, r_{jr}$, i and j the values of the wires, r of all others; nothing is conjugated."""
    k = len(wires)
    order = sorted(range(k), key=wires.__getitem__)
    shape = _split(qubits_of(left), [wires[j] for j in order])

    def part(state: Array, value: int) -> Array:
        bits = [value >> (k - 1 - j) & 1 for j in order]
        return state.reshape(shape)[tuple(bits[axis // 2] if axis % 2 else slice(None) for axis in range(2 * k + 1))]

    entries = [[_product_sum(part(left, i), part(right, j)) for j in range(1 << k)] for i in range(1 << k)]
    return jnp.stack([jnp.stack(row) for row in entries])


def _product_sum(a: Array, b: Array) -> Array:
    """The sum of products, in real arithmetic: complex products would be kept before they are summed."""
    if not jnp.iscomplexobj(a):
        return jnp.sum(a * b)
    return jax.lax.complex(jnp.sum(a.real * b.real - a.imag * b.imag), jnp.sum(a.real * b.imag + a.imag * b.real))


def _split(num_qubits: int, wires: Sequence[int]) -> list[int]:
    """Sizes of the axes before, at, between and behind sorted wires."""
    sizes, last = [], -1
    for wire in wires:
        sizes += [1 << (wire - last - 1), 2]
        last = wire
    return [*sizes, 1 << (num_qubits - last - 1)]
