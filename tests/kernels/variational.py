"""Kernels of `qla_jax.variational`."""

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax import variational as room
from tests.kernels import Kernel, numbers, public

PUBLIC = public(room, "variational")
KEY = jax.random.key(0)
ONE = numbers(0, 1, 0, 0)  # the basis state 01
FOUR = numbers(3, 20, 7, 11)
ANGLES = numbers([[1, 2]], [[3, 4]])  # (depth, rotation, qubit)
IMAGE = np.arange(16.0).reshape(1, 4, 4)
SPEC = room.quanvolution_spec(depth=2)
SPEC_ANGLES = numbers([[1, 2, 3, 4]], [[5, 6, 7, 8]])
NOISE = room.noise_model(room.depolarizing(0.1), room.amplitude_damping(0.2), flip_0=0.1)


def two(gate):
    """The state after a gate on two qubits, from a state that every gate moves."""
    start = [room.ry(0, 0.4), room.rx(1, 0.7)]
    return room.run(room.circuit(2, start, [gate]))


def ansatz(a, b):
    return room.circuit(
        2, room.repeated(lambda t: [room.rx(0, t[0]), room.ry(1, t[1]), room.cx(0, 1)], a), [room.rz(0, b)]
    )


def turned(a):
    return room.circuit(2, [room.rx(0, a), room.cx(0, 1)])


def built(make):
    return lambda key_shift, **sizes: room.run(make(key_shift, key=KEY, **sizes))


def qcnn_angles():
    return np.arange(34.0).reshape(2, 17)


SEARCH = {"mesh": "JAX's own searchsorted is not traced over explicit mesh axes"}

KERNELS = [
    Kernel("variational.run", lambda a, b: room.run(ansatz(a, b)), (numbers([1, 2], [3, 4]), numbers(2)[0])),
    Kernel("variational.run state", lambda state: room.run(turned(0.3), state), (FOUR,)),
    Kernel(
        "variational.run_adjoint", lambda a, b: room.run_adjoint(ansatz(a, b)), (numbers([1, 2], [3, 4]), numbers(2)[0])
    ),
    Kernel(
        "variational.matrix_of", lambda a, b: room.matrix_of(ansatz(a, b)), (numbers([1, 2], [3, 4]), numbers(2)[0])
    ),
    Kernel(
        "variational.circuit",
        lambda a, num_qubits: room.run(room.circuit(num_qubits, [room.rx(0, a)])),
        (numbers(3)[0],),
        {"num_qubits": 2},
    ),
    Kernel("variational.layer", lambda a: room.layer([room.rx(0, a)]), (numbers(3)[0],)),
    Kernel(
        "variational.repeated",
        lambda a: room.run(room.circuit(1, room.repeated(lambda t: [room.ry(0, t)], a))),
        (numbers(3, 4),),
    ),
    Kernel("variational.rx", lambda a, qubit: two(room.rx(qubit, a)), (numbers(3)[0],), {"qubit": 1}),
    Kernel("variational.ry", lambda a, qubit: two(room.ry(qubit, a)), (numbers(3)[0],), {"qubit": 1}),
    Kernel("variational.rz", lambda a, qubit: two(room.rz(qubit, a)), (numbers(3)[0],), {"qubit": 1}),
    Kernel(
        "variational.axis_turn",
        lambda axis, a, qubit: two(room.axis_turn(qubit, axis, a)),
        (numbers(0, 1, 0), numbers(3)[0]),
        {"qubit": 1},
    ),
    Kernel(
        "variational.crx",
        lambda a, control, target: two(room.crx(control, target, a)),
        (numbers(3)[0],),
        {"control": 1, "target": 0},
    ),
    Kernel(
        "variational.cry",
        lambda a, control, target: two(room.cry(control, target, a)),
        (numbers(3)[0],),
        {"control": 1, "target": 0},
    ),
    Kernel(
        "variational.crz",
        lambda a, control, target: two(room.crz(control, target, a)),
        (numbers(3)[0],),
        {"control": 1, "target": 0},
    ),
    Kernel(
        "variational.block",
        lambda a, first, second: two(room.block(first, second, a)),
        (np.arange(15.0),),
        {"first": 1, "second": 0},
    ),
    Kernel("variational.hadamard", lambda qubit: two(room.hadamard(qubit)), (), {"qubit": 1}),
    Kernel("variational.cx", lambda control, target: two(room.cx(control, target)), (), {"control": 1, "target": 0}),
    Kernel("variational.cz", lambda first, second: two(room.cz(first, second)), (), {"first": 1, "second": 0}),
    Kernel(
        "variational.unitary_gate",
        lambda u, wire: two(room.unitary_gate(u, wire)),
        (numbers([0, 1], [1, 0]),),
        {"wire": 1},
    ),
    Kernel("variational.zero_state", lambda num_qubits: room.zero_state(num_qubits), (), {"num_qubits": 2}),
    Kernel("variational.angle_state", room.angle_state, (numbers(1, 2, 3),)),
    Kernel("variational.amplitude_state", room.amplitude_state, (numbers(1, 2, 3),), {"num_qubits": 3}),
    Kernel("variational.expectation", lambda state: room.expectation(state, "XY"), (FOUR,)),
    Kernel("variational.expectation Z", lambda state: room.expectation(state, "ZI"), (ONE,)),
    Kernel(
        "variational.pauli_sum", lambda state, w: room.pauli_sum(state, {"XX": w, "ZI": 0.5}), (FOUR, numbers(3)[0])
    ),
    Kernel("variational.probabilities", room.probabilities, (FOUR,)),
    Kernel(
        "variational.z_expectations",
        lambda state, qubits: room.z_expectations(state, qubits),
        (FOUR,),
        {"qubits": (1, 0)},
    ),
    Kernel(
        "variational.sample_bits",
        lambda state, shots: room.sample_bits(state, shots, key=KEY),
        (ONE,),
        {"shots": 3},
        random=True,
        without=SEARCH,
    ),
    Kernel(
        "variational.sampled_z",
        lambda state, shots: room.sampled_z(state, shots, key=KEY),
        (ONE,),
        {"shots": 3},
        random=True,
        without=SEARCH,
    ),
    Kernel(
        "variational.sampled_expectation",
        lambda state, shots: room.sampled_expectation(state, "XZ", shots, key=KEY),
        (ONE,),
        {"shots": 3},
        random=True,
    ),
    Kernel("variational.global_cost", room.global_cost, (ONE,)),
    Kernel("variational.local_cost", room.local_cost, (ONE,)),
    Kernel("variational.qubit_cost", lambda state, qubits: room.qubit_cost(qubits)(state), (ONE,), {"qubits": (1,)}),
    Kernel("variational.depolarizing", room.depolarizing, (numbers(1)[0],)),
    Kernel("variational.amplitude_damping", room.amplitude_damping, (numbers(1)[0],)),
    Kernel(
        "variational.noise_model", lambda p, q: room.noise_model(flip_0=p, flip_1=q), (numbers(1)[0], numbers(0)[0])
    ),
    Kernel("variational.density_matrix", lambda a: room.density_matrix(turned(a), NOISE), (numbers(3)[0],)),
    Kernel("variational.density_matrix state", lambda state: room.density_matrix(turned(0.3), NOISE, state), (ONE,)),
    Kernel(
        "variational.noisy_z",
        lambda a, trajectories: room.noisy_z(turned(a), NOISE, trajectories, key=KEY),
        (numbers(3)[0],),
        {"trajectories": 3},
        random=True,
    ),
    Kernel(
        "variational.noisy_shots",
        lambda a, shots: room.noisy_shots(turned(a), NOISE, shots, key=KEY),
        (numbers(3)[0],),
        {"shots": 3},
        random=True,
        without=SEARCH,
    ),
    Kernel("variational.ansatz_circuit", lambda a: room.run(room.ansatz_circuit(a)), (ANGLES,)),
    Kernel(
        "variational.classify",
        lambda x, a, num_classes: room.classify(x, a, num_classes=num_classes),
        (numbers(1, 2), ANGLES),
        {"num_classes": 2},
    ),
    Kernel(
        "variational.quantum_readout",
        lambda x, a, num_classes: room.quantum_readout(x, a, num_classes=num_classes),
        (FOUR, ANGLES),
        {"num_classes": 2},
    ),
    Kernel(
        "variational.cross_entropy", lambda x, label: room.cross_entropy(x, label), (numbers(3, 1, 2),), {"label": 2}
    ),
    Kernel("variational.qcnn", room.qcnn, (numbers(1, 2, 3, 4), qcnn_angles())),
    Kernel(
        "variational.qcnn_circuit",
        lambda a, num_qubits: room.run(room.qcnn_circuit(a, num_qubits)),
        (qcnn_angles(),),
        {"num_qubits": 4},
    ),
    Kernel("variational.qcnn_angles_shape", room.qcnn_angles_shape, (), {"stages": 2}),
    Kernel("variational.qcnn_kept", room.qcnn_kept, (), {"num_qubits": 4, "stages": 2}),
    Kernel("variational.quanvolve", lambda image, a: room.quanvolve(image, a, SPEC), (IMAGE, SPEC_ANGLES)),
    Kernel(
        "variational.quanvolve_by_circuit",
        lambda image, a: room.quanvolve_by_circuit(image, a, SPEC),
        (IMAGE, SPEC_ANGLES),
    ),
    Kernel(
        "variational.quanvolution_spec",
        lambda image, **sizes: room.quanvolve(image, jnp.zeros((1, 1, 5)), room.quanvolution_spec(**sizes)),
        (IMAGE,),
        {"kernel": 2, "stride": 2, "depth": 1, "num_qubits": 5},
    ),
    Kernel("variational.stacked", room.stacked, (), {"num_qubits": 3}),
    Kernel("variational.summed", room.summed, (), {"num_qubits": 3}),
    Kernel("variational.averaged", room.averaged, (), {"num_qubits": 3}),
    Kernel(
        "variational.features",
        lambda image, a, b: room.features(image, [a, b], room.resqunn_specs((2, 1)), room.placement("X+O1", 2)),
        (IMAGE, SPEC_ANGLES, SPEC_ANGLES[:1]),
    ),
    Kernel(
        "variational.resqunn_specs",
        lambda depths: room.feature_shape((1, 4, 4), room.resqunn_specs(depths), room.placement("none", 2)),
        (),
        {"depths": (2, 1)},
    ),
    Kernel(
        "variational.feature_shape",
        lambda shape: room.feature_shape(shape, room.resqunn_specs(), room.placement("none", 2)),
        (),
        {"shape": (1, 4, 4)},
    ),
    Kernel(
        "variational.placements",
        lambda num_layers: [one.sources for one in room.placements(num_layers)],
        (),
        {"num_layers": 2},
    ),
    Kernel(
        "variational.placement", lambda num_layers: room.placement("X+O1", num_layers).sources, (), {"num_layers": 2}
    ),
    Kernel(
        "variational.parameter_shift",
        lambda a: room.parameter_shift(lambda c: room.expectation(room.run(c), "ZI"), turned(a)),
        (numbers(3)[0],),
    ),
    Kernel(
        "variational.gradient_samples",
        lambda samples, batch: room.gradient_samples(
            lambda s, *, key: room.random_circuit(s, num_qubits=2, depth=1, key=key),
            room.local_cost,
            samples,
            batch=batch,
            key=KEY,
        ),
        (),
        {"samples": 3, "batch": 2},
    ),
    Kernel(
        "variational.random_circuit",
        built(room.random_circuit),
        (numbers(1)[0],),
        {"num_qubits": 2, "depth": 2, "watched": (1, 1)},
    ),
    Kernel(
        "variational.identity_blocks",
        built(room.identity_blocks),
        (numbers(1)[0],),
        {"num_qubits": 2, "depth": 2, "blocks": 1, "watched": (0, 1)},
    ),
    Kernel(
        "variational.random_qcnn",
        built(room.random_qcnn),
        (numbers(1)[0],),
        {"num_qubits": 4, "stages": 1, "watched": (0, 1)},
    ),
]

SAMPLE = ("variational.run", "variational.expectation", "variational.cross_entropy", "variational.depolarizing")

EXEMPT = {
    "variational.Ansatz": "a tuple of functions, which takes no numbers",
    "variational.ParametrizedCircuit": "what `circuit` returns",
    "variational.Placement": "what `placement` returns",
    "variational.direct_layers": "takes a placement and no number",
    "variational.gate_circuit": "takes a circuit, and returns one of gates",
}
