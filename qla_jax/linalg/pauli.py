r"""Pauli words applied to states without matrices, as a flip of qubits, a sign, and a power of i.

A word is big-endian: `"XZ"` is $X \otimes Z$. The letter Y is $Y = iXZ$.

Example:
    >>> expectation("XX", jnp.array([1.0, 0.0, 0.0, 1.0]) / 2**0.5)
    Array(1., dtype=...)
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num

from qla_jax._modes import common_dtype, reshaped

LETTERS = "IXYZ"


def masks(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the qubits that each word flips, and the qubits whose values give its sign, as bits of integers.

    Args:
        words: words over the letters I, X, Y, Z, all of one length.
    """
    flips = [int(word.translate(str.maketrans(LETTERS, "0110")), 2) for word in words]
    signs = [int(word.translate(str.maketrans(LETTERS, "0011")), 2) for word in words]
    kind = np.uint32 if len(words[0]) <= 32 else np.uint64  # longer words act on states that devices share
    return np.array(flips, kind), np.array(signs, kind)


def flip_and_sign(flips: ArrayLike, signs: ArrayLike, x: Num[Array, " system"]) -> Num[Array, " system"]:
    """Return $X^fZ^s x$ by a gather; flips and signs may be traced.

    Args:
        flips: bits of the qubits that are flipped, an unsigned integer.
        signs: bits of the qubits whose values give the sign, an unsigned integer.
        x: state of 2^n entries.
    """
    source = jnp.arange(x.size, dtype=jnp.uint32) ^ flips
    odd = jax.lax.population_count(source & signs) % 2 == 1
    taken = jnp.asarray(x)[source]
    return jnp.where(odd, -taken, taken)


def phase(flips: Array, signs: Array, dtype: jnp.dtype) -> Array:
    r"""Return $i^{|f \wedge s|}$, the factor of a word in addition to its flips and signs.

    Args:
        flips: bits of the qubits that are flipped.
        signs: bits of the qubits whose values give the sign.
        dtype: complex dtype of the result.
    """
    return jnp.array([1, 1j, -1, -1j], dtype)[jax.lax.population_count(flips & signs) % 4]


def applied(word: str, state: Num[Array, "..."]) -> Num[Array, "..."]:
    """Return a Pauli word applied to a state; the result is complex for an odd number of Y.

    Args:
        word: Pauli word of n letters.
        state: state of shape (2^n,) or (2,)*n.
    """
    # The word is static here, so that flips are reversed axes and signs are factors instead of a gather.
    grid = reshaped(state, (2,) * len(word))
    grid = jax.lax.rev(grid, [qubit for qubit, letter in enumerate(word) if letter in "XY"])
    for qubit, letter in enumerate(word):
        if letter in "YZ":
            sides = np.array([1, -1] if letter == "Z" else [-1, 1])
            shape = [2 if place == qubit else 1 for place in range(len(word))]
            grid = grid * jnp.asarray(sides, grid.dtype).reshape(shape)
    power = word.count("Y") % 4
    if power:
        kind = common_dtype(grid, jnp.complex64) if power % 2 else grid.dtype
        grid = grid.astype(kind) * jnp.asarray((1, 1j, -1, -1j)[power], kind)
    return reshaped(grid, state.shape)


def expectation(word: str, state: Num[Array, "..."]) -> Float[Array, ""]:
    r"""Return the expectation value $\langle\psi|P|\psi\rangle$ of a Pauli word.

    Args:
        word: Pauli word of n letters.
        state: state of shape (2^n,) or (2,)*n.
    """
    moved = applied(word, state)
    return jnp.sum((state.conj().astype(moved.dtype) * moved).real)
