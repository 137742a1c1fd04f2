"""What is known stays known: inside jit, and in `jax.shard_map` without jit, which traces operations on constants, too.

Known are arguments of Python and NumPy, what is computed from them alone, and encodings that a function closes over.
`shard_map` without jit compiles each operation, so that most functions are looked at there in slow tests only.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import qla_jax as qla
from qla_jax import measurement, qram
from tests.cases import mostly_slow
from tests.kernels import numbers
from tests.test_kernels import DOUBLE, FIRST, SINGLE, assert_close, called, in_double, kernels

pytestmark = pytest.mark.x64

HERMITIAN = qla.block_encode(np.array([[0.6, 0.1], [0.1, -0.3]]), alpha=1.0)
SMALL = qla.block_encode(np.array([[0.05, 0.01], [0.01, -0.03]]), alpha=1.0)
FLIP = qla.block_encode(np.array([[0.0, 1.0], [1.0, 0.0]]), alpha=2.0)
UNIT = qla.vector_encode(np.array([0.6, 0.8]))
CUBIC = qla.polynomials.polynomial(np.array([0.0, 0.3, 0.0, 0.4]), "odd")
BLOCK = qla.skip_norm_block(HERMITIAN, UNIT)
TIME = jnp.asarray(2.0)

# Of known parts and numbers alone. The circuits of these have a length that follows from values.
LENGTHS: dict[str, Callable[[], Any]] = {
    "amplify": lambda: qla.amplify(UNIT / 2, amplitude_bound=0.5, relative_eps=1e-3),
    "uniform_amplification": lambda: qla.uniform_amplification(SMALL, 2.0, gap=0.25, relative_eps=1e-3),
    "amplify_to_norm": lambda: qla.amplify_to_norm(SMALL, relative_eps=1e-3),
    "amplified_block": lambda: qla.amplified_block(BLOCK, eps=1e-2),
    "pseudo_inverse": lambda: qla.pseudo_inverse(HERMITIAN, 5.0, relative_eps=1e-3),
    "eigenstate_filter": lambda: qla.eigenstate_filter(HERMITIAN, 0.25, eps=1e-3),
    "hamiltonian_simulation": lambda: qla.hamiltonian_simulation(HERMITIAN, TIME, eps=1e-3),
    "exact_fidelity": lambda: qram.exact_fidelity(qram.memory([1, 0], word_bits=1), qram.bit_flip(0.1)),
}
OTHERS: dict[str, Callable[[], Any]] = {
    "hamiltonian_simulation at time 0": lambda: qla.hamiltonian_simulation(HERMITIAN, 0.0, eps=1e-3),
    "amplify_to_norm gain": lambda: qla.amplify_to_norm(SMALL, relative_eps=1e-3, gain=2.0),
    "oblivious_amplification": lambda: qla.oblivious_amplification(FLIP, order=3),
    "qsvt": lambda: qla.qsvt(HERMITIAN, CUBIC),
    "gqet": lambda: qla.gqet(HERMITIAN, [0.1, 0.3]),
    "chebyshev_lcu": lambda: qla.chebyshev_lcu(HERMITIAN, [0.1, 0.3]),
    "decomposed": lambda: qla.decomposed(HERMITIAN),
    "qubitization_walk": lambda: qla.qubitization_walk(HERMITIAN),
    "activate": lambda: qla.activate(UNIT / 2, CUBIC),
    "activate_any": lambda: qla.activate_any(UNIT / 2, qla.polynomials.polynomial([0.1, 0.3, 0.2], "none")),
    "activate_by_qsvt": lambda: qla.activate_by_qsvt(UNIT / 2, CUBIC),
    "skip_norm_block": lambda: qla.skip_norm_block(HERMITIAN, UNIT, eps=1e-2, skip_bound=1.9),
    "terminal_block": lambda: qla.terminal_block(np.eye(2)[::-1], UNIT),
    "square_product": lambda: qla.square_product(np.eye(2), UNIT),
    "algebra": lambda: (HERMITIAN @ FLIP + 0.3 * SMALL).adjoint() / 2.0,
    "tensor": lambda: qla.tensor(HERMITIAN, qla.controlled(SMALL)),
    "vectors": lambda: qla.normalize(qla.concatenate(UNIT + HERMITIAN @ UNIT, UNIT / 2.0)),
    "diagonal_of_amplitudes": lambda: qla.diagonal_of_amplitudes(UNIT),
    "views": lambda: (qla.unitary(FLIP), qla.postselect(FLIP, np.ones(2)), qla.run(UNIT), qla.run_projected(UNIT)),
    "phases": lambda: (
        qla.phase_factors(CUBIC).to("qsppack_reduced_odd").values,
        qla.polynomial_of(qla.phase_factors(CUBIC)).coeffs,
    ),
    "response": lambda: qla.qsp_response(qla.phase_factors(CUBIC), 0.3),
    "hadamard_test": lambda: measurement.hadamard_test(UNIT, UNIT).circuit,
    "swap_test": lambda: measurement.swap_test(UNIT, UNIT).circuit,
    "estimation_circuit": lambda: measurement.estimation_circuit(UNIT, points=3),
}


def seen(found: Any) -> Any:
    """What an encoding is, by its encoded view and its error; all else as it is."""
    if isinstance(found, qla.BlockEncoding):
        return qla.block(found), found.eps
    return (found.encoded, found.eps) if isinstance(found, qla.VectorEncoding) else found


def without_jit(call: Callable[..., Any], *arrays: jax.Array, kind: AxisType = AxisType.Auto) -> Any:
    """A function of one item in `shard_map` of `vmap`, with nothing around them, over a mesh of one device."""
    mesh, spec = jax.make_mesh((1,), ("d",), axis_types=(kind,)), PartitionSpec("d")
    sharded = [jax.device_put(array, NamedSharding(mesh, spec)) for array in arrays]
    with jax.set_mesh(mesh):
        return jax.shard_map(jax.vmap(call), in_specs=spec, out_specs=spec)(*sharded)


@pytest.mark.parametrize("build", [*LENGTHS.values(), *OTHERS.values()], ids=[*LENGTHS, *OTHERS])
def test_known_parts_are_taken_inside_jit(build):
    jax.eval_shape(lambda: seen(build()))


@pytest.mark.parametrize("name", mostly_slow([*LENGTHS, *OTHERS], "pseudo_inverse"))
def test_known_parts_are_taken_in_shard_map_without_jit(name):
    build = (LENGTHS | OTHERS)[name]
    found = without_jit(lambda zero: jax.tree.map(lambda leaf: leaf + zero, seen(build())), jnp.zeros(2))
    for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(seen(build())), strict=True):
        np.testing.assert_allclose(mine, np.broadcast_to(theirs, mine.shape), rtol=1e-9, atol=1e-12)


@kernels("shard_map", values=True, sample=FIRST)
@pytest.mark.parametrize("kind", [AxisType.Auto, pytest.param(AxisType.Explicit, marks=pytest.mark.slow)], ids=str)
@pytest.mark.sample(2)
def test_shard_map_without_jit_has_the_values_of_single_calls(kernel, kind):
    twice = [jnp.stack([array, array]) for array in in_double(kernel)]
    found = without_jit(lambda *arrays: called(kernel, arrays), *twice, kind=kind)
    for item in range(2):
        unit = SINGLE if kernel.single else DOUBLE
        assert_close(kernel, [leaf[item] for leaf in found], called(kernel, in_double(kernel)), unit)


OF_TRACED = {
    "pseudo_inverse": lambda enc: qla.pseudo_inverse(enc, 20.0, relative_eps=0.1),
    "eigenstate_filter": lambda enc: qla.eigenstate_filter(enc, 0.1, eps=0.1),
    "uniform_amplification": lambda enc: qla.uniform_amplification(enc, 2.0, gap=0.25, relative_eps=0.1),
    "amplify": lambda enc: qla.amplify(enc @ UNIT, amplitude_bound=0.1, relative_eps=0.1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_TRACED)
def test_lengths_of_circuits_are_found_for_traced_encodings_in_shard_map_without_jit(name):
    def call(matrix):
        return seen(OF_TRACED[name](qla.block_encode(matrix, alpha=40.0)))

    twice = jnp.stack([numbers([3, 2], [2, 7])] * 2)
    wanted = jax.jit(jax.vmap(call))(twice)
    for mine, theirs in zip(without_jit(call, twice), wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
