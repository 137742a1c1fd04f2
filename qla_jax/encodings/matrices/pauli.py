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
from dataclasses import replace
from typing import Any, overload

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import exact
from qla_jax._checks import as_numeric, has_numbers, is_concrete, require, require_mapping
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, iteration
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.operations import Gate, Operation, Phase
from qla_jax.circuits.preparation import lean_tree_operations
from qla_jax.circuits.select import Select
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.lcu import angles, index_qubits, phases
from qla_jax.encodings.base.leaves import blocks_of, even_leaves, leaf_amplitudes, leaves_of, prepare_gates
from qla_jax.encodings.base.operators import by_rule
from qla_jax.encodings.matrices.hamiltonians import pauli_terms
from qla_jax.linalg.pauli_words import applied_each, weighted_sum
from qla_jax.linalg.trees import load, unload


class PauliSum(BlockEncoding, kw_only=True):
    """Block encoding of a sum of Pauli words by an LCU whose index register is the only ancilla register.

    Words are static under jit, coefficients are traced. So is the word at each value of the index, which follows from
    the coefficients where they are concrete (`leaves.leaves_of`).
    """

    coeffs: Num[Array, " terms"]
    words: tuple[str, ...] = struct.field(pytree_node=False)
    leaves: tuple[int, ...] = struct.field(pytree_node=False)

    def apply(self, state: State) -> State:
        return self._lcu(phases(self.coeffs), state)

    def apply_adjoint(self, state: State) -> State:
        return self._lcu(phases(self.coeffs).conj(), state)

    def _lcu(self, turned: Num[Array, " terms"], state: State) -> State:
        loaded, at = leaf_amplitudes(jnp.abs(self.coeffs), self.leaves), np.array(self.leaves)
        chosen = applied_each([self.words[part] for part in self.leaves], load(loaded, state))
        return unload(loaded, (turned * self._units)[at, None] * chosen)

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
        """Return the gates of PREPARE for these coefficients, or for any if they are traced, and of SELECT."""
        sizes = np.abs(np.asarray(self.coeffs)) if has_numbers(self.coeffs, 1) else None
        blocks = blocks_of(self.leaves)
        where = self.num_ancillas, [block.number for block in blocks]
        chosen, under = (iteration(*where, controls, [block.depth for block in blocks]) for controls in (0, 1))
        letters = Gates(cnot=sum(len(word) - word.count("I") for word in self.words))
        turned = Gates(rotations=len(self.words) if jnp.iscomplexobj(self.coeffs) else 0)
        prepare = prepare_gates(sizes, self.leaves)
        return 2 * prepare.around + replace(chosen, under=under) + (letters + turned).around

    def operations(self, parts: Sequence[Circuit]) -> Sequence[Operation]:
        index, turned = self.ancilla_wires, angles(self.coeffs)
        branches = list[tuple[Operation, ...]]()
        for word, angle in zip(self.words, turned.tolist(), strict=True):
            letters = zip(word, self.system_wires, strict=True)
            gates = [Gate(letter.lower(), wire) for letter, wire in letters if letter != "I"]
            branches.append((*gates, *([Phase(angle)] if angle else [])))
        parts_at, numbers, depths = zip(*blocks_of(self.leaves), strict=True)
        chosen = Select(index, numbers, tuple(branches[part] for part in parts_at), depths)
        loaded = leaf_amplitudes(np.abs(np.asarray(self.coeffs)).astype(float), self.leaves)
        return [Within(lean_tree_operations(loaded, index), (chosen,))]

    @property
    def _units(self) -> Num[Array, " terms"]:
        # One factor i for each Y; the factors are real where every word has an even number of Y.
        units = np.array([1, 1j, -1, -1j])[[word.count("Y") % 4 for word in self.words]]
        if units.imag.any():
            return jnp.asarray(units, jnp.promote_types(self.coeffs.dtype, jnp.complex64))
        return jnp.asarray(units.real, self.coeffs.dtype)


@overload
def block_encode_pauli(terms: Mapping[str, ArrayLike] | Any) -> PauliSum: ...
@overload
def block_encode_pauli(terms: Mapping[str, ArrayLike] | Any, *, optimize: str | None) -> BlockEncoding: ...
@default_promotion
def block_encode_pauli(terms: Mapping[str, ArrayLike] | Any, *, optimize: str | None = None) -> BlockEncoding:
    r"""Encode a sum of m Pauli words exactly: a $(\sum_i|c_i|,\ \lceil\log_2 m\rceil,\ 0)$-block-encoding.

    Words of equal |c| stand together in the index, where they take few rotations. Traced coefficients leave the order
    as it is, so that an encoding built inside jit may have another circuit for the same matrix.

    Args:
        terms: coefficient of each word over the letters I, X, Y, Z, the first letter on the most significant qubit.
            Coefficients may be complex, zero or traced. A `SparsePauliOp` of Qiskit, an operator of PennyLane and a
            `PauliSum` of Cirq are read as such words, the same matrix (`hamiltonians.pauli_terms`).
        optimize: "gates" for the encoding with the fewest T gates of one call, which may be `block_encode_foqcs` with
            more ancillas; "alpha" decides between equal subnormalizations in the same way.

    Raises:
        ValueError: no words, words of different lengths, another letter, or a coefficient that is no finite scalar.

    Example:
        >>> block(block_encode_pauli({"X": 1.0, "Z": -0.5})).round(6).tolist()
        [[-0.5, 1.0], [1.0, 0.5]]

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 52. https://arxiv.org/abs/1806.01838
    """
    if optimize is not None:
        return by_rule("optimize", terms, optimize)
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
        leaves=leaves_of(np.abs(np.asarray(coeffs))) if is_concrete(coeffs) else even_leaves(len(words)),
    )
