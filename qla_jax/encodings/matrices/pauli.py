r"""Block encodings of sums of Pauli words, $A = \sum_i c_i P_i$, by PREPARE, SELECT, PREPARE-adjoint.

A word is big-endian: `"XZ"` is $X \otimes Z$. A word acts on a vector by a flip of qubits and a sign, without a matrix.
With the masks $f$ (positions of X and Y) and $g$ (positions of Z and Y),
$$P|s\rangle = i^{|f \wedge g|}(-1)^{|s \wedge g|}\,|s \oplus f\rangle.$$

Example:
    >>> enc = block_encode_pauli({"XZ": 0.5, "ZI": -0.25})
    >>> float(enc.alpha), enc.num_ancillas, enc.matvec(jnp.array([1.0, 0.0, 0.0, 0.0])).tolist()
    (0.75, 1, [-0.25, 0.0, 0.5, 0.0])

References:
    Gilyen, Su, Low, Wiebe (2018), Lemma 52. https://arxiv.org/abs/1806.01838
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import exact
from qla_jax._checks import as_numeric, require, require_mapping
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, combination
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.operations import Gate, Operation, Phase
from qla_jax.circuits.preparation import tree_operations
from qla_jax.circuits.select import Select
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.lcu import amplitudes, index_qubits, phases
from qla_jax.encodings.matrices.hamiltonians import pauli_terms
from qla_jax.linalg.pauli_words import applied_each, weighted_sum
from qla_jax.linalg.trees import load, unload


class PauliSum(BlockEncoding, kw_only=True):
    """Block encoding of a sum of Pauli words by an LCU whose index register is the only ancilla register.

    Words are static under jit, coefficients are traced.
    """

    coeffs: Num[Array, " terms"]
    words: tuple[str, ...] = struct.field(pytree_node=False)

    def apply(self, state: State) -> State:
        return self._lcu(phases(self.coeffs), state)

    def apply_adjoint(self, state: State) -> State:
        return self._lcu(phases(self.coeffs).conj(), state)

    def _lcu(self, turned: Num[Array, " terms"], state: State) -> State:
        loaded = amplitudes(jnp.abs(self.coeffs))
        branches = load(loaded, state)
        terms = len(self.words)
        chosen = (turned * self._units)[:, None] * applied_each(self.words, branches[:terms])
        return unload(loaded, jnp.concatenate([chosen, branches[terms:]]))

    def _matvec(self, x: Num[Array, " system"]) -> Num[Array, " system"]:
        return weighted_sum(self.words, self.coeffs * self._units, x)

    def _rmatvec(self, y: Num[Array, " system"]) -> Num[Array, " system"]:
        return weighted_sum(self.words, self.coeffs.conj() * self._units, y)

    @property
    def stays_divided(self) -> bool:
        return True

    def hermitian_defect(self) -> Array:
        return 2 * jnp.abs(self.coeffs.imag).sum()

    @property
    def is_self_inverse(self) -> bool:
        return jnp.isrealobj(self.coeffs)  # SELECT applies words and signs, and PREPARE is undone by its inverse

    def gates(self) -> Gates:
        letters = sum(len(word) - word.count("I") for word in self.words)
        return combination(len(self.words), phases=jnp.iscomplexobj(self.coeffs)) + Gates(cnot=letters).around

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        index, turned = self.ancilla_wires, np.angle(np.asarray(phases(self.coeffs)))
        branches = []
        for word, angle in zip(self.words, turned.tolist(), strict=True):
            letters = zip(word, self.system_wires, strict=True)
            gates = [Gate(letter.lower(), wire) for letter, wire in letters if letter != "I"]
            branches.append((*gates, *([Phase(angle)] if angle else [])))
        chosen = Select(index, tuple(range(len(self.words))), tuple(branches))
        return [Within(tree_operations(np.asarray(amplitudes(jnp.abs(self.coeffs))), index), (chosen,))]

    @property
    def _units(self) -> Num[Array, " terms"]:
        # One factor i for each Y; the factors are real where every word has an even number of Y.
        units = np.array([1, 1j, -1, -1j])[[word.count("Y") % 4 for word in self.words]]
        if units.imag.any():
            return jnp.asarray(units, jnp.promote_types(self.coeffs.dtype, jnp.complex64))
        return jnp.asarray(units.real, self.coeffs.dtype)


@default_promotion
def block_encode_pauli(terms: Mapping[str, ArrayLike] | Any) -> PauliSum:
    r"""Encode a sum of m Pauli words exactly: a $(\sum_i|c_i|,\ \lceil\log_2 m\rceil,\ 0)$-block-encoding.

    Args:
        terms: coefficient of each word over the letters I, X, Y, Z, the first letter on the most significant qubit.
            Coefficients may be complex, zero or traced. A `SparsePauliOp` of Qiskit, an operator of PennyLane and a
            `PauliSum` of Cirq are read as such words, the same matrix (`hamiltonians.pauli_terms`).

    Raises:
        ValueError: no words, words of different lengths, another letter, or a coefficient that is no finite scalar.

    Example:
        >>> block(block_encode_pauli({"X": 1.0, "Z": -0.5})).round(6).tolist()
        [[-0.5, 1.0], [1.0, 0.5]]

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 52. https://arxiv.org/abs/1806.01838
    """
    terms = pauli_terms(terms)
    require_mapping("terms", terms)
    words = tuple(terms)
    require(len(words) > 0, "`terms` must hold at least one Pauli word, but is empty.")
    qubits = len(words[0])
    for word in words:
        require(0 < len(word) == qubits, f"`terms` must have words of one length, but has {words[0]!r} and {word!r}.")
        require(set(word) <= set("IXYZ"), f"`terms` must use the letters I, X, Y and Z, but has {word!r}.")
        shape = jnp.shape(terms[word])
        require(shape == (), f"`terms` must map words to scalars, but {word!r} maps to shape {shape}.")
    coeffs = jnp.stack([as_numeric("terms", terms[word], ndim=0) for word in words])
    alpha = jnp.abs(coeffs).sum()
    return PauliSum(
        alpha=alpha,
        eps=exact(alpha),
        num_ancillas=index_qubits(len(words)),
        num_qubits=qubits,
        norm_bound=alpha,
        domain=(1 << qubits,),
        codomain=(1 << qubits,),
        coeffs=coeffs,
        words=words,
    )
