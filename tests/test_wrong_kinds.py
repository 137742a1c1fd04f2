"""Arguments of another kind are refused by name, instead of an AttributeError from somewhere inside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qla_jax import arithmetic as A
from qla_jax import measurement as M
from qla_jax import nn, prior
from qla_jax import qram as Q
from qla_jax import variational as V
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks.pooling import sample_runs
from tests.kernels import rooms
from tests.test_kernels import called, in_double, names_an_argument

KEY = jax.random.key(0)
SPEC, NONE = V.quanvolution_spec(), V.placement("none", 1)
TURN, NOISE = V.circuit(1, [V.rx(0, 0.1)]), V.noise_model()
ADDER, FORMAT = A.adder(2), A.Format(4, 2)
NUMBER, VECTOR = A.encode(1.0, FORMAT), vector_encode([1.0, 2.0])
MEMORY, QUIET = Q.memory([1, 0], word_bits=1), Q.noise()
ONES, ANGLES, PATCH = jnp.ones(2), jnp.ones((1, 1, 4)), jnp.ones((1, 2, 2))
WRONG = ("word", 3, None, np.ones(2), object(), TURN, ADDER)


def of_arithmetic(name, *before):
    return f"arithmetic.{name}", lambda w: getattr(A, name)(*before, w)


def resnet(**given):
    return nn.QResNet(1, 2, width=2, stages=1, blocks=1, rngs=nnx.Rngs(0), **given)


CALLS = dict(
    [
        *(of_arithmetic(name) for name in ("absolute", "negate", "relu", "sqrt", "square", "reciprocal", "decode")),
        *(of_arithmetic(name) for name in ("arccos", "amplitude_encode", "angle_encode", "counts")),
        *(of_arithmetic(name) for name in ("arccos_error", "arccos_circuit", "reciprocal_circuit", "newton_error")),
        *(of_arithmetic(name) for name in ("exponential", "circuit")),
        *(of_arithmetic(name, NUMBER) for name in ("add", "divide", "dot", "less", "maximum", "multiply", "subtract")),
        *(of_arithmetic(name, NUMBER) for name in ("add_bias", "convolve")),
        *(of_arithmetic(name, 1) for name in ("encode", "from_integers", "dot_circuit", "max_pool_circuit")),
    ]
) | {
    "run": V.run,
    "run_adjoint": V.run_adjoint,
    "matrix_of": V.matrix_of,
    "circuit": lambda w: V.circuit(2, w),
    "circuit of gates": lambda w: V.circuit(2, [w]),
    "layer": lambda w: V.layer([w]),
    "repeated": lambda w: V.repeated(w, ONES),
    "repeated gates": lambda w: V.repeated(lambda a: [w], ONES),
    "parameter_shift": lambda w: V.parameter_shift(lambda c: 0.0, w),
    "parameter_shift value": lambda w: V.parameter_shift(w, TURN),
    "expectation": lambda w: V.expectation(ONES, w),
    "pauli_sum": lambda w: V.pauli_sum(ONES, w),
    "density_matrix": lambda w: V.density_matrix(w, NOISE),
    "density_matrix noise": lambda w: V.density_matrix(TURN, w),
    "noise_model": V.noise_model,
    "noisy_z": lambda w: V.noisy_z(w, NOISE, 2, key=KEY),
    "noisy_z noise": lambda w: V.noisy_z(TURN, w, 2, key=KEY),
    "noisy_shots": lambda w: V.noisy_shots(w, NOISE, 2, key=KEY),
    "noisy_shots noise": lambda w: V.noisy_shots(TURN, w, 2, key=KEY),
    "ansatz_circuit": lambda w: V.ansatz_circuit(ANGLES, w),
    "classify": lambda w: V.classify(ONES, ANGLES, num_classes=1, ansatz=w),
    "quanvolve": lambda w: V.quanvolve(PATCH, ANGLES, w),
    "quanvolve_by_circuit": lambda w: V.quanvolve_by_circuit(PATCH, ANGLES, w),
    "quanvolution_spec ansatz": lambda w: V.quanvolution_spec(ansatz=w),
    "quanvolution_spec encoding": lambda w: V.quanvolution_spec(encoding=w),
    "quanvolution_spec channels": lambda w: V.quanvolution_spec(channels=w),
    "features": lambda w: V.features(PATCH, [ANGLES], [SPEC], w),
    "features specs": lambda w: V.features(PATCH, [ANGLES], w, NONE),
    "feature_shape": lambda w: V.feature_shape((1, 2, 2), [SPEC], w),
    "feature_shape specs": lambda w: V.feature_shape((1, 2, 2), [w], NONE),
    "direct_layers": V.direct_layers,
    "placement": lambda w: V.placement(w, 2),
    "gradient_samples": lambda w: V.gradient_samples(w, V.local_cost, 2, key=KEY),
    "estimation_circuit": lambda w: M.estimation_circuit(w, points=2),
    "hadamard_test": lambda w: M.hadamard_test(w, VECTOR),
    "swap_test": lambda w: M.swap_test(VECTOR, w),
    "shadow_readout": lambda w: M.shadow_readout(w, relative_eps=0.1),
    "chebyshev_readout": lambda w: M.chebyshev_readout(rank=1, relative_eps=0.1, noise=w),
    "iterative_amplitude_estimation": lambda w: M.iterative_amplitude_estimation(0.5, eps=0.1, interval=w, key=KEY),
    "arithmetic.circuit of gates": lambda w: A.circuit([w]),
    "arithmetic.adder": lambda w: A.adder(2, w),
    "arithmetic.operation": lambda w: A.operation("add", w),
    "arithmetic.operation name": lambda w: A.operation(w, FORMAT),
    "arithmetic.digital_encode": lambda w: A.digital_encode(w, FORMAT, readout=M.exact_readout(), key=KEY),
    "arithmetic.digital_encode format": lambda w: A.digital_encode(VECTOR, w, readout=M.exact_readout(), key=KEY),
    "arithmetic.digital_encode readout": lambda w: A.digital_encode(VECTOR, FORMAT, readout=w, key=KEY),
    "arithmetic.piecewise": lambda w: A.piecewise(w, FORMAT, derivative=A.cauchy(1.0, 1.0)),
    "arithmetic.piecewise derivative": lambda w: A.piecewise(np.tanh, FORMAT, derivative=w),
    "qram.word": lambda w: Q.word(w, 0),
    "qram.load": lambda w: Q.load(w, jnp.ones((2, 2))),
    "qram.exact_fidelity": lambda w: Q.exact_fidelity(w, QUIET),
    "qram.exact_fidelity noise": lambda w: Q.exact_fidelity(MEMORY, w),
    "qram.trajectory_fidelity": lambda w: Q.trajectory_fidelity(w, QUIET, key=KEY),
    "qram.read_fidelity": lambda w: Q.read_fidelity(w, QUIET, shots=2, key=KEY),
    "qram.intact_fraction": lambda w: Q.intact_fraction(MEMORY, w, shots=2, key=KEY),
    "qram.infidelity_bound": lambda w: Q.infidelity_bound(2, 1, w),
    "qram.certified_infidelity": lambda w: Q.certified_infidelity(w, 2, 1, QUIET, 0.9),
    "qram.loading_infidelities": lambda w: Q.loading_infidelities(2, w, word_bits=1),
    "qram.sweep": lambda w: Q.sweep((1,), (1,), w, shots=2, key=KEY),
    "qram.extrapolate_points": lambda w: Q.extrapolate_points([w], address_bits=2, word_bits=1),
    "nn.overhead": lambda w: nn.overhead(w, (1, 4, 4), FORMAT),
    "nn.amplified": lambda w: nn.amplified(w, None),
    "nn.amplified run": lambda w: nn.amplified(nn.NetworkOverhead((), 0), w),
    "nn.weight_gradients": lambda w: nn.weight_gradients(relative_eps=0.1, noise=w),
    "nn.weight_gradients format": lambda w: nn.weight_gradients(relative_eps=0.1, format="none" if w is None else w),
    "nn.gradient_access": lambda w: nn.gradient_access(w, jnp.ones((1, 1, 4, 4)), jnp.zeros(1, int)),
    "nn.mean_loss": lambda w: nn.mean_loss(w, jnp.ones((1, 1, 4, 4)), jnp.zeros(1, int)),
    "nn.count_parameters": nn.count_parameters,
    "nn.QResNet readout": lambda w: resnet(readout="none" if w is None else w),
    "nn.QResNet format": lambda w: resnet(format="none" if w is None else w),
    "prior.feedforward": lambda w: prior.feedforward(w, [1.0], eps=0.1, key=KEY),
    "prior.convolutional": lambda w: prior.convolutional(w, jnp.ones((1, 2, 2)), eps=0.1, eta=0.5, key=KEY),
    "prior.transformer": lambda w: prior.transformer([w], jnp.eye(2), eps=0.1, eta=0.5, key=KEY),
    "prior.exact_block": lambda w: prior.exact_block(w, jnp.eye(2)),
}
STATE, PLAIN = jnp.array([0.6, 0.8]), Q.noise()
KEYED = {
    "tomography": lambda key: M.tomography(delta=0.1)(STATE, key=key),
    "linear inversion": lambda key: M.state_tomography(relative_eps=0.5, failure=0.1)(STATE, key=key),
    "shadow_readout": lambda key: M.shadow_readout(("Z",), relative_eps=0.5)(STATE, key=key),
    "chebyshev_readout": lambda key: M.chebyshev_readout(rank=1, relative_eps=0.1)(STATE, key=key),
    "estimate_amplitude": lambda key: M.estimate_amplitude(0.5, points=4, key=key),
    "iterative_amplitude_estimation": lambda key: M.iterative_amplitude_estimation(0.5, eps=0.1, key=key),
    "inner_product": lambda key: M.inner_product(STATE, STATE, relative_eps=0.1, key=key),
    "squared_overlap": lambda key: M.squared_overlap(STATE, STATE, relative_eps=0.1, key=key),
    "sample_runs": lambda key: sample_runs(VECTOR, outcomes=2, shots=3, key=key),
    "noisy_z": lambda key: V.noisy_z(TURN, NOISE, 2, key=key),
    "noisy_shots": lambda key: V.noisy_shots(TURN, NOISE, 2, key=key),
    "sample_bits": lambda key: V.sample_bits(STATE, 2, key=key),
    "sampled_z": lambda key: V.sampled_z(STATE, 2, key=key),
    "sampled_expectation": lambda key: V.sampled_expectation(STATE, "X", 2, key=key),
    "gradient_samples": lambda key: V.gradient_samples(lambda key: (TURN, 0), V.local_cost, 2, key=key),
    "qram.trajectory_fidelity": lambda key: Q.trajectory_fidelity(MEMORY, PLAIN, key=key),
    "qram.read_fidelity": lambda key: Q.read_fidelity(MEMORY, PLAIN, shots=2, key=key),
    "qram.intact_fraction": lambda key: Q.intact_fraction(MEMORY, PLAIN, shots=2, key=key),
    "qram.measured_infidelities": lambda key: Q.measured_infidelities(STATE, PLAIN, word_bits=1, shots=2, key=key),
    "qram.sweep": lambda key: Q.sweep((1,), (1,), PLAIN, shots=2, key=key),
    "nn": lambda key: resnet(readout=M.tomography(delta=0.1))(jnp.ones((1, 1, 4, 4)), key=key),
    "prior.feedforward": lambda key: prior.feedforward([np.eye(2)], STATE, eps=0.1, key=key),
    "prior.convolutional": lambda key: prior.convolutional(
        [jnp.ones((1, 1, 1, 1))], jnp.ones((1, 2, 2)), eps=0.1, eta=0.5, key=key
    ),
}


@pytest.mark.parametrize("name", KEYED)
def test_what_is_no_key_is_refused_by_name(name):
    for wrong in (0, "word", np.ones(2), jax.random.split(KEY, 3)):
        with pytest.raises(TypeError, match=r"`key` must be one key of jax\.random, but is"):
            KEYED[name](wrong)


FITS = {"run", "run_adjoint", "matrix_of", "parameter_shift", "density_matrix", "noisy_z", "noisy_shots"}
ARITHMETIC_FITS = {"arithmetic.counts"}


@pytest.mark.parametrize("name", CALLS)
def test_arguments_of_another_kind_are_refused_by_name(name):
    for wrong in WRONG:
        if (wrong is TURN and name in FITS) or (wrong is ADDER and name in ARITHMETIC_FITS):
            continue
        with pytest.raises((ValueError, TypeError)) as refused:
            CALLS[name](wrong)
        assert names_an_argument(refused.value), refused.value


def test_circuits_of_two_rooms_are_told_apart():
    with pytest.raises(TypeError, match="must be of type ReversibleCircuit, but is of type ParametrizedCircuit"):
        A.counts(TURN)
    with pytest.raises(TypeError, match="must be of type ParametrizedCircuit, but is of type ReversibleCircuit"):
        V.run(ADDER)
    for pair in ((TURN, ADDER), (ADDER, TURN), (TURN, 3), (object(), ADDER)):
        with pytest.raises(TypeError, match="unsupported operand"):
            pair[0] + pair[1]


ROOMS = [room for room in rooms() if room.__name__.split(".")[-1] in "arithmetic measurement nn prior qram variational"]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__.split(".")[-1])
@pytest.mark.sample(3)
def test_arrays_and_integers_that_are_none_are_refused_by_name(room):
    for kernel in room.KERNELS:
        places = [] if "refusals" in kernel.without else range(len(kernel.arrays))
        for place, wrong in [(place, wrong) for place in places for wrong in ("word", object(), ["a"])]:
            arrays = in_double(kernel)
            arrays[place] = wrong
            with pytest.raises((ValueError, TypeError)) as refused:
                called(kernel, arrays)
            assert names_an_argument(refused.value), (kernel.name, wrong, refused.value)
        for integer, wrong in [(integer, wrong) for integer in kernel.integers for wrong in ("word", object())]:
            with pytest.raises((ValueError, TypeError)) as refused:
                called(kernel, in_double(kernel), {integer: wrong})
            assert names_an_argument(refused.value), (kernel.name, integer, refused.value)
