r"""Hamiltonians with a SELECT of Clifford gates under one control each (FOQCS-LCU).

The index of a Pauli word is its mask: one qubit for each letter X or Y, which controls an X, and one for each letter Z
or Y, which controls a Z. SELECT is a layer of CNOT gates, a layer of CZ gates, and a phase i where both meet; none of
them depends on the number of words. PREPARE is that of `one_hot`, in which equal coefficients take no rotations.

Example:
    >>> pairs = {f"{'I' * site}ZZ{'I' * (6 - site)}": 1.0 for site in range(7)}
    >>> fields = {f"{'I' * site}X{'I' * (7 - site)}": 0.5 for site in range(8)}
    >>> unary, masks = (encode(pairs | fields) for encode in (block_encode_pauli, block_encode_foqcs))
    >>> unary.num_ancillas, masks.num_ancillas, float(unary.alpha), float(masks.alpha)
    (4, 16, 11.0, 11.0)
    >>> [cost(enc).t_count(rotation_eps=1e-10) for enc in (unary, masks)]
    [716, 365]

References:
    Della Chiara, Nibbi, Shen, Van Beeumen (2025), FOQCS-LCU. https://arxiv.org/abs/2507.20887
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import is_concrete, require
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.operations import Gate, Operation, Phase
from qla_jax.circuits.simulation import simulate
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.lcu import phases
from qla_jax.encodings.matrices.one_hot import Split, masks_of, split_operations, splits_of
from qla_jax.encodings.matrices.pauli import PauliSum, block_encode_pauli
from qla_jax.linalg.pauli_words import weighted_sum
from qla_jax.linalg.preparation import unit_vector


class MaskedPauliSum(PauliSum, kw_only=True):
    """Block encoding of a sum of Pauli words with real coefficients by an LCU whose index is the mask of a word.

    Words and splits are static under jit, coefficients are traced.

    Attributes:
        splits: splits of an excitation among the words; halves that are declared equal have equal weights.
    """

    splits: tuple[Split, ...] = struct.field(pytree_node=False)

    def apply(self, state: State) -> State:
        angles = [_angle(*weights) for weights in self._weights()]
        signs = [Gate("p", 0, angle) for angle in jnp.where(self.coeffs < 0, np.pi, 0)]
        circuit = Circuit(self.num_ancillas + self.num_qubits, self._around(angles, signs))
        kind = jnp.result_type(state.dtype, self.coeffs.dtype, jnp.complex64)
        return simulate(circuit, state.reshape(-1).astype(kind)).reshape(state.shape)

    def apply_adjoint(self, state: State) -> State:
        return self.apply(state)

    def flagged(self, system: Num[Array, " system"]) -> Num[Array, " system"]:
        shares = unit_vector(jnp.sqrt(jnp.abs(self.coeffs)))[0] ** 2
        return weighted_sum(self.words, shares * phases(self.coeffs) * self._units, system)

    @property
    def is_self_inverse(self) -> bool:
        return True  # SELECT applies words and signs, whatever the index, and PREPARE is undone by its inverse

    def gates(self) -> Gates:
        return gates_of(self._around([1.0] * (len(self.words) - 1), [Gate("z", 0)] * len(self.words)))

    def operations(self, parts: Sequence[Circuit]) -> tuple[Operation, ...]:
        angles = [float(_angle(*weights)) for weights in self._weights()]
        return self._around(angles, [Gate("z", 0) if sign else None for sign in np.asarray(self.coeffs) < 0])

    def _weights(self) -> list[list[Array]]:
        """Return the weights of both halves of each split."""
        sizes = jnp.abs(self.coeffs)
        return [[sizes[np.array(side)].sum() for side in (split.kept, split.moved)] for split in self.splits]

    def _around(self, angles: Sequence[Any], signs: Sequence[Gate | None]) -> tuple[Operation, ...]:
        """Return the circuit with the angles of its splits and a gate for the sign of each coefficient."""
        masks, system = masks_of(self.words), self.system_wires
        turned = [gate.moved([wire]) for gate, wire in zip(signs, masks.starts, strict=True) if gate is not None]
        moved = tuple(Gate("x", target, None, (control,)) for control, target in masks.cnots)
        z_of = {qubit: wire for wire, qubit in masks.signs}
        chosen: list[Operation] = [Phase(np.pi, (wire, system[qubit])) for wire, qubit in masks.signs]
        chosen += [Gate("x", system[qubit], None, (wire,)) for wire, qubit in masks.flips]
        # XZ is -iY: the phase makes it Y, which is its own inverse.
        chosen += [Phase(np.pi / 2, (wire, z_of[qubit])) for wire, qubit in masks.flips if qubit in z_of]
        split = split_operations(self.splits, angles, masks.starts)
        return (Within(tuple(split), (*turned, Within(moved, tuple(chosen)))),)


def _angle(kept: Array, moved: Array) -> Array:
    """Return the angle of a split by the weights of its halves; nothing moves where both are zero."""
    empty = kept + moved == 0
    zero = (kept == 0) | (moved == 0)  # sqrt has no derivative at 0
    roots = [jnp.sqrt(jnp.where(zero, 1, side)) for side in (kept, moved)]
    return jnp.where(empty | (moved == 0), 0, jnp.where(kept == 0, np.pi, 2 * jnp.arctan2(roots[1], roots[0])))


@default_promotion
def block_encode_foqcs(terms: Mapping[str, ArrayLike] | Any) -> MaskedPauliSum:
    r"""Encode a real sum of m Pauli words exactly by their masks: a $(\sum_i|c_i|,\ a,\ 0)$-block-encoding.

    There are at most $a = 2n + m - r$ ancillas, where the masks of the words have rank r modulo 2. PREPARE takes two T
    gates for each word and few rotations if the coefficients have few different moduli, as in models of spins.
    `block_encode_pauli` takes $\lceil\log_2 m\rceil$ ancillas only, and fewer T gates for a single modulus;
    `compare_encodings(terms)` tells which one takes fewer.

    Args:
        terms: coefficient of each word, as for `block_encode_pauli`. Equal moduli are found outside jit alone.

    Raises:
        ValueError: a complex coefficient, or the conditions of `block_encode_pauli`.

    Example:
        >>> block(block_encode_foqcs({"X": 1.0, "Z": -0.5})).round(6).tolist()
        [[-0.5, 1.0], [1.0, 0.5]]

    References:
        Della Chiara, Nibbi, Shen, Van Beeumen (2025). https://arxiv.org/abs/2507.20887
    """
    enc = block_encode_pauli(terms)
    real = jnp.isrealobj(enc.coeffs)
    require(
        real, f"`terms` must have real coefficients, but they are {enc.coeffs.dtype}; `block_encode_pauli` takes them."
    )
    known = {**vars(enc), "num_ancillas": masks_of(enc.words).num_wires}
    sizes = np.abs(np.asarray(enc.coeffs)).tolist() if is_concrete(enc.coeffs) else [None] * len(enc.words)
    return MaskedPauliSum(**known, splits=splits_of(sizes))
