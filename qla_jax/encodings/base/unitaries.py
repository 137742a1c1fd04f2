"""Checks of a user's own matrix: its qubits, its unitarity, and whether it is Hermitian."""

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax._checks import is_concrete, measured, require
from qla_jax.linalg.products import matmul


def qubits_of(unitary: Array, num_ancillas: int) -> int:
    """Return the number of system qubits of a unitary matrix.

    Args:
        unitary: matrix with 2^q rows.
        num_ancillas: number of ancilla qubits, which are the most significant.

    Raises:
        ValueError: the matrix is not square, its size no power of two, not unitary outside jit, or too many ancillas.
    """
    rows = unitary.shape[0]
    qubits = rows.bit_length() - 1
    require(unitary.shape == (1 << qubits, 1 << qubits), f"`unitary` must be 2^q x 2^q, but has shape {unitary.shape}.")
    require(0 <= num_ancillas <= qubits, f"`num_ancillas` must lie between 0 and {qubits}, but is {num_ancillas}.")
    if is_concrete(unitary):
        # No construction proves a caller's own matrix unitary, so that N^3 operations do.
        defect = measured(lambda xp, u: xp.abs(matmul(u, u.conj().T) - xp.eye(rows)).max(), unitary)
        require(defect <= _tolerance(unitary), f"`unitary` must be unitary, but |U U^H - I| reaches {defect:.3g}.")
    return qubits - num_ancillas


def unknown_unless_unitary(unitary: Array) -> Array:
    """Return 0, or `inf` for a traced matrix that is not unitary to rounding, which cannot raise inside jit."""
    zero = jnp.zeros((), unitary.real.dtype)
    return zero if is_concrete(unitary) else jnp.where(_defect(unitary) <= _tolerance(unitary), zero, jnp.inf)


def unknown_unless_hermitian(name: str, matrix: Array) -> Array:
    """Return 0, or `inf` for a traced matrix that differs from its adjoint by more than rounding.

    Args:
        name: name of the argument, for error messages.
        matrix: matrix that is declared to be Hermitian.

    Raises:
        ValueError: a matrix that is not square, or a concrete one that differs from its adjoint.
    """
    require(matrix.shape[0] == matrix.shape[1], f"`{name}` must be Hermitian, but has shape {matrix.shape}.")
    zero = jnp.zeros((), matrix.real.dtype)
    if is_concrete(matrix):
        largest = measured(lambda xp, known: xp.abs(known - known.conj().T).max(), matrix)
        fits = largest <= _tolerance(matrix) * measured(lambda xp, known: xp.abs(known).max(), matrix)
        require(fits, f"`{name}` must be Hermitian as declared, but |A - A^H| reaches {largest:.3g}.")
        return zero
    apart = jnp.abs(matrix - matrix.conj().T).max()
    return jnp.where(apart <= _tolerance(matrix) * jnp.abs(matrix).max(), zero, jnp.inf)


@jax.jit
def _defect(unitary: Array) -> Array:
    return jnp.abs(matmul(unitary, unitary.conj().T) - jnp.eye(len(unitary), dtype=unitary.dtype)).max()


def _tolerance(unitary: Array) -> float:
    return 100 * len(unitary) * float(jnp.finfo(unitary.dtype).eps)
