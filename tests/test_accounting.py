"""Costs counted by hand, and by running circuits whose leaves count their calls."""

import collections
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax import polynomials
from qla_jax.accounting.costs import Calls, cost
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, adder, iteration, reflection, tree
from qla_jax.compiling import QUICK
from qla_jax.encodings.base.encoding import Encoding
from qla_jax.encodings.base.lcu import amplitudes
from qla_jax.encodings.combine.algebra import Adjoint, linear_combination
from qla_jax.encodings.combine.joint import controlled, tensor
from qla_jax.encodings.combine.lemmas import concatenate, vector_sum, vector_tensor
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.combine.squares import square_product
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.encodings.matrices.circulant import block_encode_circulant, block_encode_toeplitz
from qla_jax.encodings.matrices.convolution import block_encode_convolution
from qla_jax.encodings.matrices.dense import Dense, block_encode
from qla_jax.encodings.matrices.diagonal import block_encode_diagonal
from qla_jax.encodings.matrices.frobenius import block_encode_frobenius
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.encodings.matrices.periodic_convolution import block_encode_periodic_convolution
from qla_jax.encodings.matrices.sparse import block_encode_sparse
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.encodings.vectors.loading import load_vector
from qla_jax.linalg.trees import load, unload
from qla_jax.networks.residual import SkipNormBlock, residual_network
from qla_jax.networks.terminal import terminal_block
from qla_jax.transforms.activation import Activation, activate
from qla_jax.transforms.amplification import amplify
from qla_jax.transforms.chebyshev_lcu import ChebyshevLCU, chebyshev_lcu, reflect
from qla_jax.transforms.singular_values import qsvt
from tests.cases import CUBIC, ENCODINGS, QUARTIC, VECTORS, Case, contraction, cplx, in_default_lane, real


def encode(size=2):
    return block_encode(jnp.eye(size))


def prepare(size=2):
    return vector_encode(jnp.ones(size))


def sum_with_itself():
    part = encode()
    return part + part @ part


CIRCUITS = {  # ancillas, all qubits, calls
    "leaf": (encode, (1, 2), {"Dense[0]": 1}),
    "product": (lambda: encode() @ encode(), (2, 3), {"Dense[0]": 1, "Dense[1]": 1}),
    "one encoding thrice": (sum_with_itself, (3, 4), {"Dense[0]": 3}),
    "tensor and adjoint": (lambda: tensor(encode(), encode()).adjoint(), (2, 4), {"Dense[0]": 1, "Dense[1]": 1}),
    "scaled": (lambda: 2.0 * encode(), (1, 2), {"Dense[0]": 1}),
    "Chebyshev combination to T_4": (lambda: chebyshev_lcu(encode(), [1.0, 1, 1]), (3, 4), {"Dense[0]": 4}),
    "one term, no call": (lambda: chebyshev_lcu(encode(), [1.0]), (1, 2), {"Dense[0]": 0}),
    "diagonal": (lambda: diagonal_of_amplitudes(prepare(4)), (2, 4), {"StatePreparation[0]": 1}),
    "activation of degree 5": (
        lambda: activate(prepare(4), polynomials.erf(0.8, degree=5)),
        (2 + 2, 6),
        {"StatePreparation[0]": 5},
    ),
    "layer on a state": (
        lambda: block_encode_convolution(jnp.ones((2, 1, 1, 2)), (1, 2)) @ vector_encode(jnp.ones((1, 1, 2))),
        (1 + 1 + 2, 6),
        {"Convolution[0]": 1, "StatePreparation[0]": 1},
    ),
    "sum, tensor, concatenation": (
        lambda: normalize(vector_sum(vector_tensor(prepare(), prepare()), concatenate(prepare(), prepare()))),
        (1, 3),
        {f"StatePreparation[{number}]": 1 for number in range(4)},
    ),
}


@pytest.mark.parametrize(("build", "qubits", "calls"), CIRCUITS.values(), ids=CIRCUITS)
def test_calls_and_qubits_are_those_counted_by_hand(build, qubits, calls):
    found = cost(jax.eval_shape(build)) if build is not sum_with_itself else cost(build())
    assert found[:4] == (*qubits, calls, sum(calls.values()))


def test_leaves_are_named_in_order_of_first_use():
    names = list(cost(jax.eval_shape(lambda: encode() @ prepare())).num_queries)
    assert names == ["Dense[0]", "StatePreparation[0]"]


def test_calls_of_a_part_multiply_those_within_it():
    """T_2 of diag(A x) calls A x twice, so each of its leaves."""

    def build():
        return chebyshev_lcu(diagonal_of_amplitudes(encode() @ prepare()), [0.0, 1.0])

    assert cost(jax.eval_shape(build)).num_queries == {"Dense[0]": 2, "StatePreparation[0]": 2}


def network(blocks: int):
    return residual_network([encode()] * blocks, vector_encode(jnp.array([0.6, 0.8])))


KINDS = {  # forward, adjoint, controlled, controlled adjoint
    "adjoint": (lambda: encode().adjoint(), [(0, 1)]),
    "controlled adjoint": (lambda: controlled(encode().adjoint()), [(0, 0, 0, 1)]),
    "adjoint of a sum": (lambda: (encode() + encode()).adjoint(), [(0, 0, 0, 1)] * 2),
    "columns, and norms unloaded": (lambda: block_encode_frobenius(jnp.eye(2)), [(1,), (0, 1)]),
    "degree 3": (lambda: qsvt(encode(), CUBIC), [(2, 1)]),
    "degree 3, inverse": (lambda: qsvt(encode(), CUBIC).adjoint(), [(1, 2)]),
    "degree 3, controlled": (lambda: controlled(qsvt(encode(), CUBIC)), [(1, 1, 1)]),
    "degree 4, controlled": (lambda: controlled(qsvt(encode(), QUARTIC)), [(2, 2)]),
    "one term, controlled": (lambda: controlled(chebyshev_lcu(encode(), [1.0, 1.0])), [(1, 1)]),
    "skip norm block of degree 7": (lambda: network(1), [(3, 3, 1), (3, 3, 2)]),
    "sum of one": (lambda: vector_sum(prepare()), [(1,)]),
    "combination of one": (lambda: linear_combination(encode(), weights=[2.0]), [(1,)]),
}


@pytest.mark.parametrize(("build", "kinds"), KINDS.values(), ids=KINDS)
def test_kinds_of_calls_are_those_counted_by_hand(build, kinds):
    assert list(cost(jax.eval_shape(build)).calls.values()) == [Calls(*kind) for kind in kinds]


def test_a_part_in_two_places_is_one_leaf():
    assert cost(terminal_block(jnp.eye(2), prepare())).calls["StatePreparation[0]"] == Calls(0, 0, 2, 1)


@pytest.mark.slow
def test_long_chains_take_little_time_and_no_call_is_lost():
    """8^40 calls of the input: no more than 2^63 fit in a machine's integer, and no recursion would end."""
    found = cost(jax.eval_shape(lambda: network(40)))
    assert found.num_queries["StatePreparation[0]"] == 8**40
    assert found.gates.depth > 8**39


# Gates.


class Unbuilt(Dense, kw_only=True):
    """A part of which nobody says how it is built."""

    def gates(self):
        return None


def test_gates_add_up_over_calls_and_what_has_none_is_named():
    kernel, image = real(2, 2, 3, 3), real(2, 4, 4)

    def layer(kernel, image):
        return block_encode_convolution(kernel, (4, 4)) @ load_vector(image)

    vec = jax.eval_shape(layer, kernel, image)
    assert cost(vec).gates == vec.matrix.gates() + vec.part.gates()
    assert cost(vec).uncounted == ()
    unbuilt = Unbuilt(**vars(encode())) @ prepare()
    assert cost(unbuilt).gates == prepare().gates()
    assert cost(unbuilt).uncounted == ("Unbuilt",)


def test_what_is_controlled_takes_the_gates_of_control():
    weight, vec = encode(), prepare()
    both = vector_sum(weight @ vec, vec)
    parts = weight.gates().controlled + 2 * vec.gates().controlled
    assert cost(both).gates == parts  # equal weights are loaded by Hadamard gates
    assert cost(vector_sum(weight @ vec, vec, weights=(1.0, 0.5))).gates == parts + Gates(rotations=2)


def unitary_of(gate: str, angle: float, controls: int) -> np.ndarray:
    """X or a rotation about y, under so many controls."""
    c, s = np.cos(angle / 2), np.sin(angle / 2)
    full = np.eye(2 << controls)
    full[-2:, -2:] = {"x": [[0, 1], [1, 0]], "ry": [[c, -s], [s, c]]}[gate]
    return full


def test_gates_around_others_stay_without_control():
    inner, outer = Gates(rotations=1, cnot=1), Gates(rotations=3, cnot=2)
    assert (2 * outer.around + inner).controlled == 2 * outer + inner.controlled
    assert (2 * outer + inner).controlled == 2 * outer.controlled + inner.controlled
    assert outer.around == outer and outer.around.controlled.controlled == outer.controlled
    assert tree(2).controlled == Gates(rotations=6, cnot=6) and reflection(3).controlled == reflection(4)


@pytest.mark.parametrize("numbers", [[0], [0, 1], range(5), range(8), [1, 4, 6], [7]], ids=str)
@pytest.mark.parametrize("controls", [0, 1, 3])
def test_unary_iteration_takes_one_toffoli_for_each_inner_node(numbers, controls):
    """By walking the tree: a node without its own qubit, the root, costs nothing."""

    def walk(level: int, inside: list[int]) -> tuple[int, int]:
        halves = [[number for number in inside if number >> (2 - level) & 1 == bit] for bit in (0, 1)]
        below = [walk(level + 1, half) for half in halves if half] if level < 2 else []
        free = level == 0 and not controls
        here = (0 if free else 1, 0 if free else int(all(halves)))
        return here[0] + sum(b[0] for b in below), here[1] + sum(b[1] for b in below)

    toffoli, cnot = walk(0, list(numbers))
    assert iteration(3, numbers, controls) == Gates(toffoli=toffoli + max(controls - 1, 0), cnot=cnot)


def test_a_controlled_rotation_is_two_halves_around_cnots():
    back, half = unitary_of("x", 0, 1), [np.kron(np.eye(2), unitary_of("ry", angle, 0)) for angle in (0.4, -0.4)]
    assert np.allclose(unitary_of("ry", 0.8, 1), half[0] @ back @ half[1] @ back)
    assert Gates(rotations=1).controlled == Gates(rotations=2, cnot=2)
    assert Gates(cnot=1, toffoli=1, reads=2, read_layers=6).controlled == Gates(0, 0, 3, 2, 8)


LEAVES = {
    "diagonal": (lambda: block_encode_diagonal(jnp.ones(4)), Gates(4, 4)),
    "complex diagonal": (lambda: block_encode_diagonal(1j * jnp.ones(4)), Gates(12, 12)),
    "three Pauli words": (
        lambda: block_encode_pauli({"XZ": 1.0, "ZI": 1.0, "IY": 1.0}),
        Gates(2 * 2, 1 + 4, 1),  # the last word has two values of the index, and no control by its second bit
    ),
    "circulant": (lambda: block_encode_circulant(jnp.ones(4)), Gates(3 * 4, 3 * 4, 2)),
    # Each PREPARE is a tree. Then come the signs of the taps, and the adder with its copied summand.
    "three taps, one adder": (
        lambda: block_encode_convolution(jnp.ones((1, 1, 3, 1)), (4, 4)),
        2 * Gates(3, 2) + Gates(0, 2, 2) + adder(3) + Gates(cnot=2 * 3),
    ),
    "three complex taps": (
        lambda: block_encode_convolution(1j * jnp.ones((1, 1, 3, 1)), (4, 4)),
        2 * Gates(3, 2) + Gates(3, 2) + adder(3) + Gates(cnot=2 * 3),
    ),
    # Each PREPARE of more than 16 taps is two trees around a sign. Also the channels with their comparison of two
    # bits, and one of a tap with the first edge of the padding.
    "four channels, edges that are no powers of two": (
        lambda: block_encode_convolution(jnp.ones((4, 4, 1, 2)), (3, 3), padding="top-left"),
        2 * (2 * Gates(31, 30) + Gates(0, 1, 3)) + Gates(0, 30, 30) + Gates(0, 4, 1) + adder(3) + Gates(0, 2, 2),
    ),
    "columns in a memory": (
        lambda: block_encode_frobenius(jnp.eye(4)).oracle,
        Gates(rotations=2, reads=4, read_layers=2 * (3 + 4)),
    ),
    "any unitary of two qubits, sixteen angles": (lambda: encode(), Gates(16, 16)),
    "a reflection": (lambda: prepare(4), 2 * Gates(3, 2) + Gates(cnot=1)),
    "two shifts of four entries": (
        lambda: block_encode_sparse([0, 1, 2, 3, 0], [0, 1, 2, 3, 1], jnp.ones(5), (4, 4)),
        Gates(2 * 1 + 8, 8 + 2, 0) + adder(2),
    ),
    "two permutations of four entries": (
        lambda: block_encode_sparse([1, 0, 3, 2, 0, 1, 2, 3], [0, 1, 2, 3, 0, 1, 2, 3], jnp.ones(8), (4, 4)),
        Gates(2 * 1 + 8, 8, 2),  # one permutation moves nothing, the other one swaps two pairs
    ),
    "four frequencies, one channel": (
        lambda: block_encode_periodic_convolution(jnp.ones((1, 1, 2, 1)), (4, 1)),
        2 * Gates(toffoli=1) + 4 * Gates(4, 4),
    ),
    "two comparisons of three bits": (
        lambda: block_encode_toeplitz(jnp.ones(3), jnp.ones(3)),
        2 * Gates(toffoli=2),
    ),
    "column norms in a memory": (
        lambda: square_product(jnp.eye(4), prepare(4)).norms,
        Gates(rotations=1, reads=2, read_layers=2 * 3),
    ),
}


@pytest.mark.parametrize(("build", "gates"), LEAVES.values(), ids=LEAVES)
def test_gates_of_a_leaf_are_those_counted_by_hand(build, gates):
    assert jax.eval_shape(build).gates() == gates


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_adder_adds_with_as_many_gates(bits):
    """Gidney's circuit on basis states, gate by gate."""
    for x, y in np.ndindex(1 << bits, 1 << bits):
        a, b = ([number >> i & 1 for i in range(bits)] for number in (x, y))
        carry, gates = [0] * bits, Gates()
        for i in range(bits):  # CNOTs of the carry onto both bits, an AND into the next carry, a CNOT onto that
            a[i], b[i], gates = a[i] ^ carry[i], b[i] ^ carry[i], gates + Gates(cnot=2 * (0 < i < bits - 1))
            if i < bits - 1:
                carry[i + 1], gates = a[i] & b[i] ^ carry[i], gates + Gates(toffoli=1, cnot=i > 0)
        gates += Gates(cnot=bits > 1)  # the last carry goes onto the sum alone
        for i in range(bits):  # back: the AND is undone by measurement, its CNOT and that onto a are not
            a[i], gates = a[i] ^ carry[i], gates + Gates(cnot=2 * (0 < i < bits - 1))
        total, gates = [u ^ v for u, v in zip(a, b, strict=True)], gates + Gates(cnot=bits)
        assert sum(bit << i for i, bit in enumerate(total)) == (x + y) % (1 << bits)
    assert gates == adder(bits)


# Counted by running.


def counting(leaf: Encoding, seen: collections.Counter) -> Encoding:
    """In place of a leaf: counts calls by their direction and the number of amplitudes they act on, and does nothing.

    A call is one operation of the circuit: under `vmap`, over idle qubits or branches, it is still one.
    """

    def told(direction: str, state: jax.Array) -> jax.Array:
        @jax.custom_batching.custom_vmap
        def tick(state):
            jax.debug.callback(lambda: seen.update([(direction, state.size)]))
            return state

        @tick.def_vmap
        def _(axis_size, in_batched, state):
            return tick(state), in_batched[0]

        return tick(state)

    class Counting(type(leaf), kw_only=True):
        def apply(self, state):
            return told("forward", state)

        def apply_adjoint(self, state):
            return told("adjoint", state)

    return Counting(**vars(leaf))


def counted(enc: Encoding) -> tuple[list[Calls], list[Calls]]:
    """Calls of each leaf by the circuit and by its inverse; a call that sees a part of the state is controlled."""
    tallies: tuple[dict[int, collections.Counter], ...] = {}, {}
    shape = (1 << enc.num_ancillas, 1 << enc.num_qubits)

    def telling(tally: dict[int, collections.Counter]) -> Encoding:
        wrapped: dict[int, Encoding] = {}

        def wrap(node: Any) -> Any:
            if not isinstance(node, Encoding):
                return jnp.zeros(node.shape, node.dtype)
            if id(node) not in wrapped:
                tally[id(node)] = collections.Counter()
                wrapped[id(node)] = counting(node, tally[id(node)])
            return wrapped[id(node)]

        leaves = jax.tree.map(wrap, enc, is_leaf=lambda node: isinstance(node, Encoding) and not node.uses())
        return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), leaves)

    def calls(seen: collections.Counter) -> Calls:
        kinds = collections.Counter()
        for (direction, size), number in seen.items():
            kinds[direction, size < shape[0] * shape[1]] += number
        return Calls(*(kinds[direction, part] for part in (False, True) for direction in ("forward", "adjoint")))

    there, back = map(telling, tallies)
    both = jax.jit(lambda state: (there.apply(state), back.apply_adjoint(state)), compiler_options=QUICK)
    both(jnp.zeros(shape, enc.alpha.dtype))
    jax.effects_barrier()
    return tuple(sorted(map(calls, tally.values())) for tally in tallies)


def inverse(calls: Calls) -> Calls:
    return Calls(calls.adjoint, calls.forward, calls.controlled_adjoint, calls.controlled)


def by_direction(calls: Calls) -> tuple[int, int]:
    return calls.forward + calls.controlled, calls.adjoint + calls.controlled_adjoint


AMPLIFIED = Case(
    "amplified", lambda x: amplify(vector_encode(x), amplitude_bound=0.5, relative_eps=0.1), real(2), lambda x: x
)


def contains(enc: Encoding, *kinds: type) -> bool:
    return isinstance(enc, kinds) or any(contains(use.part, *kinds) for use in enc.uses())


@pytest.mark.parametrize("case", in_default_lane([*ENCODINGS, *VECTORS, AMPLIFIED]))
@pytest.mark.sample(5)
def test_calls_are_those_made_when_the_circuit_runs(case):
    enc = case.build(case.params) if case is AMPLIFIED else jax.eval_shape(case.build, case.params)
    if not enc.uses():
        return  # a leaf calls nothing
    static = cost(enc).calls.values()
    shortcut = contains(enc, ChebyshevLCU, Activation, SkipNormBlock)  # simulated in the branches that need it only
    seen = by_direction if shortcut else tuple
    for made, expected in zip(counted(enc), (static, map(inverse, static)), strict=True):
        assert sorted(map(seen, made)) == sorted(map(seen, expected))


class Forgetful(Adjoint, kw_only=True):
    def uses(self):
        return (Use(self.part, controlled=True),)


def test_a_wrong_direction_and_a_wrong_control_are_found():
    enc = Forgetful(**vars(encode().adjoint()))
    assert list(cost(enc).calls.values()) == [Calls(controlled=1)]
    assert counted(enc) == ([Calls(adjoint=1)], [Calls(forward=1)])


def test_chebyshev_steps_need_no_control(tol):
    """What is simulated in active branches only is the same as if each step were made in all of them."""
    enc, state = chebyshev_lcu(block_encode(contraction(3, 3)), [0.3, -0.7, 0.2]), jnp.asarray(cplx(8, 4))
    loaded, terms = amplitudes(jnp.abs(enc.coeffs)), len(enc.coeffs)
    branches, index = load(loaded, state.reshape(4, 2, 4)), np.arange(4) % terms  # value 3 is unused
    for t in range(1, terms):
        branches = reflect(jax.vmap(enc.part.apply)(branches), index >= t)
        branches = reflect(jax.vmap(enc.part.apply_adjoint)(branches), index >= t)
    signs = jnp.asarray([1, -1, 1, 1])[:, None, None]
    np.testing.assert_allclose(
        unload(loaded, signs * branches).reshape(8, 4), enc.apply(state), rtol=0, atol=tol("exact", factor=10)
    )


@pytest.mark.parametrize("coeffs", [CUBIC, QUARTIC], ids=["odd", "even"])
def test_without_its_phases_a_transformation_is_one_call_or_none(coeffs, tol):
    """So that only this call and the phases need a control."""
    enc, state = qsvt(block_encode(contraction(2, 2), alpha=1.0), coeffs), jnp.asarray(cplx(4, 2))
    left = jax.vmap(enc.part.apply)(state.reshape(2, 2, 2)) if len(coeffs) % 2 == 0 else state
    idle = enc.replace(phases=jnp.zeros_like(enc.phases))
    np.testing.assert_allclose(idle.apply(state), left.reshape(4, 2), rtol=0, atol=tol("exact", factor=10))


@pytest.mark.parametrize("chain", [lambda p, e: p @ e, lambda p, e: e @ p, lambda p, e: p + e], ids=["@", "@ ", "+"])
@pytest.mark.sample(1)
def test_chains_longer_than_the_recursion_limit_are_built_and_counted(chain):
    part = block_encode(np.eye(2))
    whole = part
    for _ in range(1100):
        whole = chain(whole, part)
    assert cost(whole).num_queries == {"Dense[0]": 1101} and np.isfinite(whole.rounding)


# --- T gates, layers, repetitions.


def test_circuits_side_by_side_have_the_layers_of_the_deeper_one():
    first, second = Gates(rotations=3, cnot=2, t=1), Gates(rotations=1, toffoli=5)
    both = first | second
    assert (both.rotations, both.cnot, both.toffoli, both.t) == (4, 2, 5, 1)
    assert both.depth == 3 + 2 + 5 + 1 and (first + second).depth == 12
    assert both.t_depth(0.5) == 1 + 5 + math.ceil(3 * 10.35)
    assert (2 * both).depth == 2 * both.depth == (both + both).depth
    assert both.controlled.depth >= both.depth  # what is controlled by one qubit stands in a row
    assert (Gates() | first) == first == first + Gates()


def test_t_gates_are_counted_at_a_stated_precision():
    gates = Gates(rotations=2, toffoli=3, t=5)
    assert gates.t_count(1e-10) == 5 + 4 * 3 + math.ceil(2 * (1.15 * math.log2(1e10) + 9.2))
    assert Gates(toffoli=3).t_count() == 12 and Gates(toffoli=3).t_depth() == 3
    with pytest.raises(ValueError, match="`rotation_eps` must be given for 2 rotations, but is None"):
        gates.t_count()
    with pytest.raises(ValueError, match="`rotation_eps` must lie between 0 and 1, but is 0"):
        gates.t_depth(0.0)
    found = cost(block_encode_diagonal(jnp.ones(4)))
    assert found.t_count(1e-6) == found.gates.t_count(1e-6) > 4 * 20


def test_an_encoding_says_its_cost():
    enc = block_encode(jnp.eye(2)) @ block_encode(2 * jnp.eye(2))
    assert (enc.cost().num_queries, enc.cost().num_qubits) == ({"Dense[0]": 1, "Dense[1]": 1}, 3)


def test_expected_repetitions_are_one_over_the_probability_of_success():
    vec = block_encode(jnp.diag(jnp.array([0.5, 0.25])), alpha=1.0) @ prepare(2)
    found = cost(vec)
    assert found.success_probability == pytest.approx(float(vec.amplitude) ** 2)
    assert found.expected_repetitions == pytest.approx(1 / found.success_probability)
    traced, matrix = cost(jax.eval_shape(lambda: prepare(2))), cost(block_encode(jnp.eye(2)))
    for unknown in (traced, matrix):
        assert unknown.success_probability is unknown.expected_repetitions is None
    nothing = cost(block_encode(jnp.zeros((2, 2)), alpha=1.0) @ prepare(2))
    assert (nothing.success_probability, nothing.expected_repetitions) == (0.0, math.inf)
