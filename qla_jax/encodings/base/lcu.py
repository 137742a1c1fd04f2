r"""The circuit of a linear combination of unitaries (LCU): PREPARE, SELECT, PREPARE-adjoint.

For parts $(\alpha_i, a_i, \epsilon_i)$ and weights $w_i$, PREPARE loads $\sqrt{|w_i|\alpha_i/\lambda}$ with
$\lambda = \sum_i |w_i|\alpha_i$ into an index register in front. SELECT runs part $i$ where the index is $i$, with the
phase of $w_i$. Parts with fewer ancillas leave the others idle. Block and vector encodings share this circuit.

References:
    Gilyen, Su, Low, Wiebe (2018), Lemma 52. https://arxiv.org/abs/1806.01838
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TypedDict

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import times
from qla_jax._checks import has_numbers
from qla_jax._modes import varying_like
from qla_jax.accounting.gates import Gates, combination
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.operations import Operation, Phase
from qla_jax.circuits.preparation import lean_tree_gates, lean_tree_operations
from qla_jax.circuits.select import Select
from qla_jax.encodings.base.encoding import Encoding, Link, State, apply_adjoint_of, apply_of, flagged_on, run_on
from qla_jax.linalg.preparation import unit_vector
from qla_jax.linalg.trees import load, unload


def index_qubits(count: int) -> int:
    """Return the number of qubits of an index over `count` parts."""
    return (count - 1).bit_length()


def stacked(numbers: Sequence[Array]) -> Num[Array, " parts"]:
    """Return scalars stacked to one vector; some may vary over a mesh axis while others do not."""
    return jnp.stack(varying_like(list(numbers), *numbers))


class LCUParameters(TypedDict):
    """Fields of a combination that follow from its parts."""

    alpha: Array
    eps: Array
    num_ancillas: int
    num_qubits: int


def lcu_parameters(weights: Num[Array, " parts"], parts: Sequence[Encoding]) -> LCUParameters:
    """Return alpha, eps and qubits of a combination: sums of the parts' alpha and eps, weighted by |w|.

    Args:
        weights: real or complex weights.
        parts: one encoding for each weight.
    """
    sizes = jnp.abs(weights)
    return {
        "alpha": jnp.sum(sizes * stacked([part.alpha for part in parts])),
        "eps": jnp.sum(times(sizes, stacked([part.eps for part in parts]))),
        "num_ancillas": index_qubits(len(parts)) + max(part.num_ancillas for part in parts),
        "num_qubits": max(part.num_qubits for part in parts),
    }


@jax.jit
def combine(weights: Num[Array, " parts"], vectors: Sequence[Num[Array, " n"]]) -> Num[Array, " n"]:
    """Return the weighted sum of vectors, the encoded view of a combination.

    Args:
        weights: real or complex weights.
        vectors: one vector for each weight.
    """
    return reduce(jnp.add, [weights[i] * vector for i, vector in enumerate(vectors)])


@jax.jit
def amplitudes(sizes: Num[Array, " parts"]) -> Num[Array, " index"]:
    """Return the amplitudes sqrt(sizes), normalized and padded to a power of two, that PREPARE loads.

    Sizes that are all zero give the first basis state.
    """
    padded = jnp.pad(sizes, (0, (1 << index_qubits(len(sizes))) - len(sizes)))
    return unit_vector(jnp.sqrt(padded))[0]


@jax.jit
def phases(weights: Num[Array, " parts"]) -> Num[Array, " parts"]:
    """Return the sign or phase of each weight, 1 for a zero weight."""
    nonzero = jnp.where(weights == 0, 1, weights)
    return nonzero / jnp.abs(nonzero)


def angles(weights: ArrayLike) -> np.ndarray:
    """Return the angle of each concrete weight in double precision, 0 for a zero weight."""
    found = np.asarray(weights).astype(complex)
    return np.angle(np.where(found == 0, 1, found))


def lcu_row(weights: Num[Array, " parts"], parts: Sequence[Encoding]) -> tuple[Link, ...] | None:
    """Return the row of a combination of one part, whose PREPARE and SELECT do nothing; None for more parts.

    Args:
        weights: real or complex weights.
        parts: one encoding for each weight.
    """
    return None if len(parts) > 1 else (Link(parts[0], factor=weights, phase=phases(weights)),)


def apply_lcu(weights: Num[Array, " parts"], parts: Sequence[Encoding], state: State) -> State:
    """Run the LCU circuit on a state of shape (2^(index + ancillas), 2^n).

    Args:
        weights: real or complex weights.
        parts: one encoding for each weight.
        state: state with the index register in front of the ancillas of the parts.
    """
    return _run(weights, parts, state, apply_of, phases(weights))


def apply_lcu_adjoint(weights: Num[Array, " parts"], parts: Sequence[Encoding], state: State) -> State:
    """Run the inverse of the LCU circuit on a state of shape (2^(index + ancillas), 2^n).

    Args:
        weights: real or complex weights.
        parts: one encoding for each weight.
        state: state with the index register in front of the ancillas of the parts.
    """
    return _run(weights, parts, state, apply_adjoint_of, phases(weights).conj())


def flagged_lcu(
    weights: Num[Array, " parts"], parts: Sequence[Encoding], system: Num[Array, " system"]
) -> Num[Array, " system"]:
    """Apply the flagged block of the LCU to a system state, with each part's ancillas projected within its branch.

    Args:
        weights: real or complex weights.
        parts: one encoding for each weight.
        system: amplitudes of the system.
    """
    # Only the index register is held next to the system: no part's ancillas meet another part's.
    loaded = amplitudes(jnp.abs(weights) * stacked([part.alpha for part in parts]))
    spread = load(loaded, jnp.zeros((len(loaded), system.size), system.dtype).at[0].set(system))
    unused = jnp.zeros((len(loaded) - len(parts), system.size), system.dtype)
    chosen = [
        phase * flagged_on(part, spread[i]) for i, (part, phase) in enumerate(zip(parts, phases(weights), strict=True))
    ]
    return unload(loaded, jnp.concatenate([jnp.stack(chosen), unused]))[0]


def lcu_operations(
    enc: Encoding, weights: Num[Array, " parts"], parts: Sequence[Encoding], circuits: Sequence[Circuit]
) -> list[Operation]:
    """Return the operations of the LCU circuit: a SELECT between PREPARE and its inverse.

    Args:
        enc: the combination, whose first ancillas are the index.
        weights: real or complex weights.
        parts: one encoding for each weight.
        circuits: circuits of the parts.
    """
    turned = angles(weights)
    if len(parts) == 1:
        return [Phase(float(turned[0])), enc.call(parts[0], circuits[0])]
    index = enc.ancilla_wires[: index_qubits(len(parts))]
    loaded = double_amplitudes(*_sizes(weights, parts))
    branches = tuple(
        (enc.call(part, circuit), *([Phase(float(angle))] if angle else []))
        for part, circuit, angle in zip(parts, circuits, turned, strict=True)
    )
    return [Within(lean_tree_operations(loaded, index), (Select(index, tuple(range(len(parts))), branches),))]


def lcu_gates(weights: Num[Array, " parts"], parts: Sequence[Encoding]) -> Gates:
    """Return the gates of the LCU circuit without its parts; known weights may need fewer gates than others.

    Args:
        weights: real or complex weights.
        parts: one encoding for each weight.
    """
    known = has_numbers(weights, 1) and all(has_numbers(part.alpha, 0) for part in parts)
    prepare = lean_tree_gates(double_amplitudes(*_sizes(weights, parts))) if known else None
    return combination(len(parts), phases=jnp.iscomplexobj(weights), prepare=prepare)


def double_amplitudes(*sizes: ArrayLike) -> np.ndarray:
    """Return `amplitudes` of concrete sizes in double precision, in which equal sizes give equal angles.

    Args:
        sizes: factors of the sizes of the parts.
    """
    found = np.prod([np.asarray(each, float) for each in sizes], axis=0)
    padded = np.zeros(1 << index_qubits(len(found)))
    padded[: len(found)] = np.sqrt(found)
    norm = np.linalg.norm(padded)
    return padded / norm if norm else np.eye(1, len(padded))[0]


def _sizes(weights: Array, parts: Sequence[Encoding]) -> tuple[np.ndarray, np.ndarray]:
    return np.abs(np.asarray(weights)), np.array([float(part.alpha) for part in parts])


def _run(weights: Array, parts: Sequence[Encoding], state: State, way: Callable, turned: Array) -> State:
    if len(parts) == 1:
        return turned[0] * run_on(way(parts[0]), parts[0], state)
    loaded = amplitudes(jnp.abs(weights) * stacked([part.alpha for part in parts]))
    branches = load(loaded, state.reshape(len(loaded), -1, state.shape[1]))
    # A Python loop, because the parts are nodes of different structure. Index values without a part pass unchanged.
    chosen = [turned[i] * run_on(way(part), part, branches[i]) for i, part in enumerate(parts)]
    chosen += [branches[i] for i in range(len(parts), len(loaded))]
    return unload(loaded, jnp.stack(chosen)).reshape(state.shape)
