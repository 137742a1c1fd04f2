r"""Full state tomography by all combinations of Pauli bases, linear inversion, and the nearest pure state.

The single-copy estimates are averaged over N copies, N/3^n in each basis. The Frobenius norm of the error of the
average is at most
$$e = \sqrt{5^n/N}\,\bigl(1 + \sqrt{2\ln(1/\delta)}\bigr)$$
with probability $1 - \delta$: the mean square of the error is at most $5^n/N$, and by McDiarmid's inequality its norm,
which one copy changes by at most $2\sqrt{5^n}/N$, is close to its mean. The leading eigenvector v of the average obeys
$\|v - x\| \le 2e$ for the best global phase, since
$1 - |\langle v|x\rangle|^2 \le e\sqrt{2(1 - |\langle v|x\rangle|^2)}$. Replacing the average by the nearest density
matrix first (Smolin et al.) would change only its eigenvalues, so this step is omitted.

References:
    Guta, Kahn, Kueng, Tropp (2020), projected least squares. https://arxiv.org/abs/1809.11162
    Smolin, Gambetta, Smith (2012), the nearest density matrix. https://arxiv.org/abs/1106.5458
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Complex, Float, Num

from qla_jax._checks import require, require_key
from qla_jax.linalg.derivatives import straight_through
from qla_jax.linalg.products import tensordot, vdot
from qla_jax.linalg.sampling import multinomial, require_countable, within_integers
from qla_jax.measurement.pauli_bases import as_qubits, outcome_law, snapshots
from qla_jax.measurement.readout import Amplitudes, Readout, ReadoutMethod, as_precision

MOST_QUBITS = 6


class StateTomography(ReadoutMethod):
    """Readout protocol for all amplitudes of a state, up to the global phase that no measurement determines.

    Attributes:
        copies: number of copies in each of the $3^n$ bases; None where it follows from the precision.
        relative_eps: Euclidean precision of the unit vector; None where the copies are given.
        failure: probability that the error exceeds its bound.
    """

    copies: int | None = struct.field(pytree_node=False)
    relative_eps: float | None = struct.field(pytree_node=False)
    failure: float = struct.field(pytree_node=False)

    def measure(self, amplitudes: Amplitudes, *, key: Array) -> Readout:
        psi, qubits = as_qubits(amplitudes, MOST_QUBITS)
        psi = jax.lax.stop_gradient(psi)
        copies = self.plan(qubits)
        shots = 3**qubits * copies
        rho = linear_inversion(psi, copies, key=key)
        if jnp.isrealobj(amplitudes.state):
            rho, psi = rho.real, psi.real  # the nearest real matrix, which is no farther from a real state
        leading = jnp.linalg.eigh(rho)[1][:, -1]
        overlap = vdot(leading, psi)
        phase = jnp.where(overlap == 0, 1, overlap) / jnp.where(overlap == 0, 1, jnp.abs(overlap))
        found = (leading * phase)[: amplitudes.state.size].reshape(amplitudes.state.shape)
        bound = min(math.sqrt(2), 2 * frobenius_error(qubits, shots, self.failure))
        return amplitudes.readout(
            straight_through(amplitudes.state, (amplitudes.norm * found).astype(amplitudes.state.dtype)),
            shots=shots,
            queries=shots,
            entry=bound,
            total=bound,
            failure=self.failure,
            method="state tomography",
        )

    def plan(self, qubits: int) -> int:
        """Return the number of copies in each basis for a state of so many qubits.

        Raises:
            ValueError: more copies in all than the integers of this precision hold.
        """
        if self.relative_eps is None:
            assert self.copies is not None
            copies = self.copies
        else:
            copies = math.ceil(frobenius_error(qubits, 1, self.failure) ** 2 * (2 / self.relative_eps) ** 2 / 3**qubits)
        within_integers("Copies in all bases", 3**qubits * copies)
        return copies


def state_tomography(
    *, copies: int | None = None, relative_eps: float | None = None, failure: float = 0.01
) -> StateTomography:
    r"""Reconstruct a state of at most 6 qubits from $4\cdot5^n(1 + \sqrt{2\ln(1/\delta)})^2/\epsilon^2$ copies in all.

    Values are the tensor with the global phase that brings it closest to the truth, since no protocol can determine the
    phase. States may be real or complex and are padded to whole qubits. The derivative of the values is that of the
    exact state.

    Args:
        copies: number of copies in each basis.
        relative_eps: Euclidean precision of the unit vector, instead of `copies`.
        failure: probability that the error exceeds its bound.

    Raises:
        ValueError: not exactly one of `copies` and `relative_eps`, or a value out of its range. The readout raises it
            for states of more than 6 qubits.

    Example:
        >>> found = state_tomography(copies=1000)(jnp.array([3.0, 4.0j]), key=jax.random.key(0))
        >>> int(found.shots), bool(jnp.linalg.norm(found.values - jnp.array([3.0, 4.0j])) <= found.error_bound)
        (3000, True)
    """
    one = (relative_eps is None) != (copies is None)
    require(one, f"Give one of `relative_eps` and `copies`, but they are {relative_eps} and {copies}.")
    if copies is not None:
        copies = require_countable("copies", copies)
    if relative_eps is not None:
        relative_eps = as_precision("relative_eps", relative_eps, below=2)
    return StateTomography(copies=copies, relative_eps=relative_eps, failure=as_precision("failure", failure, below=1))


def frobenius_error(qubits: int, shots: int, failure: float) -> float:
    """Return the bound e on the Frobenius norm of the error of the linear inversion.

    Args:
        qubits: number n of qubits.
        shots: number N of copies in all.
        failure: probability that the bound does not hold.
    """
    return math.sqrt(5**qubits / shots) * (1 + math.sqrt(2 * math.log(1 / failure)))


def linear_inversion(psi: Complex[Array, " states"], copies: int, *, key: Array) -> Complex[Array, "states states"]:
    """Average the unbiased estimates of the density matrix from all copies.

    Args:
        psi: unit vector of whole qubits.
        copies: number of copies in each basis.
        key: random key of the outcomes.

    Returns:
        Hermitian matrix of trace one, which may have negative eigenvalues.
    """
    require_key("key", key)
    qubits = psi.size.bit_length() - 1
    bases = jnp.asarray(list(np.ndindex(*(3,) * qubits)))
    laws = jax.vmap(lambda basis: outcome_law(psi, basis))(bases)
    seen = jax.vmap(lambda key, law: multinomial(copies, law, key=key))(jax.random.split(key, len(bases)), laws)
    return inverted(seen.astype(psi.real.dtype) / (copies * len(bases)), qubits).astype(psi.dtype)


def inverted(shares: Float[Array, "bases outcomes"], qubits: int) -> Complex[Array, "states states"]:
    """Return the density matrix that linear inversion gives for observed shares, one qubit after another.

    Args:
        shares: share of each basis and outcome among all copies.
        qubits: number of qubits.
    """
    grid: Num[Array, "..."] = shares.reshape((3,) * qubits + (2,) * qubits)
    table = snapshots(jnp.result_type(shares, jnp.complex64))
    for qubit in range(qubits):
        # Each step contracts basis and outcome of the first qubit left, and appends its row and column at the end.
        grid = tensordot(grid, table, axes=((0, qubits - qubit), (0, 1)))
    rows_first = [*range(0, 2 * qubits, 2), *range(1, 2 * qubits, 2)]
    return grid.transpose(rows_first).reshape(1 << qubits, 1 << qubits)
