r"""State preparation by the binary tree of norms: one multiplexed rotation for each qubit, without ancillas.

Each inner node of a binary tree over the entries of a unit vector holds the norm of the entries below it. From the root
down, the qubit of level $l$ is rotated by the angle that splits the norm of a prefix $p$ of $l$ bits into those of
$p0$ and $p1$:
$$|p\rangle|0\rangle \mapsto |p\rangle\,\frac{\|x_{p0}\|\,|0\rangle + \|x_{p1}\|\,|1\rangle}{\|x_p\|}, \qquad
\begin{pmatrix} u & -\bar v \\ v & \bar u \end{pmatrix}.$$
On the last level u and v are the entries themselves, with their signs and phases. Below a norm of zero no qubit is
rotated. The reflection of `linalg.preparation` has the same first column and takes fewer operations on a simulator, but
two trees as a circuit.

Example:
    >>> v = jnp.array([0.6, 0.0, 0.0, -0.8])
    >>> bool(jnp.allclose(load(v, jnp.eye(4)[0]), v)), bool(jnp.allclose(unload(v, v), jnp.eye(4)[0]))
    (True, True)

References:
    Mottonen, Vartiainen, Bergholm, Salomaa (2004), section 5. https://arxiv.org/abs/quant-ph/0407010
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

from qla_jax._modes import reshaped
from qla_jax.linalg.products import einsum
from qla_jax.meshes import divided, shards

MERGED = 4
"""Levels of the tree that are applied as one product."""


@jax.jit(static_argnames="leading")
def load(unit: Num[Array, " n"], state: Num[Array, "n ..."], *, leading: bool = False) -> Num[Array, "n ..."]:
    """Apply the circuit that loads a unit vector along the leading axis of a state.

    Args:
        unit: unit vector whose length is a power of two.
        state: amplitudes, with the register of the vector on the leading axis.
        leading: whether a mesh in use divides the leading axis.
    """
    for matrices in _merged(unit):
        state = _multiplied(matrices, state, leading)
    return state


@jax.jit(static_argnames="leading")
def unload(unit: Num[Array, " n"], state: Num[Array, "n ..."], *, leading: bool = False) -> Num[Array, "n ..."]:
    """Apply the inverse of `load`, which maps the unit vector to the first basis vector.

    Args:
        unit: unit vector whose length is a power of two.
        state: amplitudes, with the register of the vector on the leading axis.
        leading: whether a mesh in use divides the leading axis.
    """
    for matrices in reversed(_merged(unit)):
        state = _multiplied(matrices.conj().swapaxes(-1, -2), state, leading)
    return state


def is_divisible(length: int) -> bool:
    """Return whether a mesh in use can divide the register of a vector: its devices share the first merged levels.

    Args:
        length: number of entries of the vector.
    """
    return shards() <= 1 << MERGED <= length // shards()


def tree_of(unit: Num[Array, " n"]) -> tuple[Num[Array, ""], list[Num[Array, "prefix 2"]]]:
    """Return the factor at the root, 1 unless the vector has one entry, and the pairs (u, v) of each level.

    Levels are ordered from the root down, with one pair for each prefix.
    """
    levels = []
    while unit.size > 1:
        pairs = unit.reshape(-1, 2)
        squares = jnp.square(pairs.real) + jnp.square(pairs.imag)
        empty = squares.sum(axis=1) == 0
        norms = jnp.sqrt(jnp.where(empty, 1, squares.sum(axis=1)))  # sqrt has no derivative at 0, so 0 never enters it
        levels.append(jnp.where(empty[:, None], jnp.eye(1, 2, dtype=pairs.dtype), pairs / norms[:, None]))
        unit = jnp.where(empty, 0, norms)
    return (unit[0] if not levels else jnp.ones_like(unit[0])), levels[::-1]


def _merged(unit: Num[Array, " n"]) -> list[Num[Array, "prefix row column"]]:
    """Return the levels merged in groups of up to `MERGED`, each with one matrix for each prefix."""
    # The state is read and written once per group: small products take less time than as many passes.
    root, levels = tree_of(unit)
    found = []
    for first in range(0, len(levels), MERGED):
        group = levels[first : first + MERGED]
        prefixes, size = 1 << first, 1 << len(group)
        matrices = jnp.broadcast_to(jnp.eye(size, dtype=unit.dtype), (prefixes, size, size))
        for pairs in group:
            matrices = jax.vmap(_turned)(reshaped(pairs, (prefixes, -1, 2)), matrices)
        found.append(matrices)
    return found or [root.reshape(1, 1, 1)]


def _turned(pairs: Num[Array, "prefix 2"], columns: Num[Array, "row column"]) -> Num[Array, "row column"]:
    u, v = pairs[:, 0, None, None], pairs[:, 1, None, None]
    grid = reshaped(columns, (len(pairs), 2, -1, columns.shape[-1]))
    up, down = grid[:, 0], grid[:, 1]
    return reshaped(jnp.stack([u * up - v.conj() * down, v * up + u.conj() * down], axis=1), columns.shape)


def _multiplied(
    matrices: Num[Array, "prefix row column"], state: Num[Array, "n ..."], leading: bool
) -> Num[Array, "n ..."]:
    def times(part: Array) -> Array:
        # The other axes are not merged, since one of them may be divided among devices.
        grid = reshaped(part, (*matrices.shape[:2], -1, *part.shape[1:]))
        if not leading or not is_divisible(len(part)):
            return reshaped(einsum("pij,pj...->pi...", matrices, grid), part.shape)
        # The first levels act on the qubits that number the devices: one exchange with later qubits, and one back.
        prefix, row, below = range(3)
        place = below if len(matrices) == 1 else prefix
        grid = divided(einsum("pij,pj...->pi...", matrices, divided(grid, place)), place)
        return reshaped(divided(grid, row) if place == below else grid, part.shape)

    # Real matrices take two real products in place of a complex one, which are four.
    if jnp.iscomplexobj(state) and not jnp.iscomplexobj(matrices):
        return jax.lax.complex(times(state.real), times(state.imag))
    return times(state)
