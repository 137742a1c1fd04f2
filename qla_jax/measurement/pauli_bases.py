r"""Measurement of every qubit in a Pauli basis of its own, and the estimate of the state from a single copy.

The estimate of the density matrix from a copy measured in bases $b_i$ with outcomes $s_i$,
$$\bigotimes_i(3\,U_{b_i}^\dagger|s_i\rangle\langle s_i|U_{b_i} - 1), \qquad \text{of squared Frobenius norm } 5^n,$$
is unbiased.

References:
    Huang, Kueng, Preskill (2020), equation S44. https://arxiv.org/abs/2002.08953
"""

import math

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Complex, Float, Int

from qla_jax._checks import as_tuple, require
from qla_jax.linalg.products import einsum
from qla_jax.measurement.readout import Amplitudes

_HALF = math.sqrt(0.5)
ROTATIONS = np.array([[[_HALF, _HALF], [_HALF, -_HALF]], [[_HALF, -1j * _HALF], [_HALF, 1j * _HALF]], np.eye(2)])
"""Unitaries $U_b$ that take basis b = X, Y, Z to the computational one; row s of one is the bra of outcome s."""
LETTERS = "XYZ"


def as_qubits(amplitudes: Amplitudes, most: int) -> tuple[Complex[Array, " states"], int]:
    """Pad the unit vector with zeros to whole qubits, and return it as complex numbers with the number of qubits.

    Args:
        amplitudes: state of any shape and norm.
        most: largest number of qubits that is accepted.

    Returns:
        Unit vector of $2^n$ entries, and n, at least 1.

    Raises:
        ValueError: more than `most` qubits.
    """
    size = amplitudes.direction.size
    qubits = max((size - 1).bit_length(), 1)
    require(qubits <= most, f"`state` must fit in {most} qubits for this protocol, but has {size} entries.")
    padded = jnp.pad(amplitudes.direction, (0, (1 << qubits) - size))
    return padded.astype(jnp.result_type(padded, jnp.complex64)), qubits


def outcome_law(state: Complex[Array, " states"], bases: Int[Array, " qubits"]) -> Float[Array, " states"]:
    """Return the probabilities of all outcomes where every qubit is measured in a basis of its own.

    Args:
        state: unit vector of $2^n$ entries.
        bases: basis of each qubit: 0, 1, 2 for X, Y, Z.
    """
    rotations = jnp.asarray(ROTATIONS, state.dtype)[bases]
    for qubit in range(bases.size):
        grid = state.reshape(1 << qubit, 2, -1)
        state = einsum("st,atb->asb", rotations[qubit], grid).reshape(-1)
    return jnp.square(state.real) + jnp.square(state.imag)


def snapshots(dtype: jnp.dtype) -> Complex[Array, "3 2 2 2"]:
    """Return the estimates of one qubit's density matrix by basis and outcome: three times the projector minus one."""
    projectors = np.einsum("bsi,bsj->bsij", ROTATIONS.conj(), ROTATIONS)
    return jnp.asarray(3 * projectors - np.eye(2), dtype)


def as_words(words: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Check Pauli words, which must be of one length, and return them as a tuple.

    Raises:
        ValueError: no word, an unknown letter, or different lengths.
    """
    words = (words,) if isinstance(words, str) else as_tuple("observables", words, str)
    require(len(words) > 0 and len(words[0]) > 0, f"`observables` must hold at least one Pauli word, but is {words}.")
    for word in words:
        known = set(word) <= set("IXYZ") and len(word) == len(words[0])
        require(known, f"`observables` must be words of I, X, Y, Z of one length, but one is {word!r}.")
    return words


def weight(word: str) -> int:
    """Return the number of qubits that the word acts on."""
    return len(word) - word.count("I")
