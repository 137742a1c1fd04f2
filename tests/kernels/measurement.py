"""Kernels of `qla_jax.measurement`."""

import jax
import jax.numpy as jnp

from qla_jax import measurement as room
from qla_jax.encodings.vectors.known import vector_encode
from tests.kernels import Kernel, numbers, public

PUBLIC = public(room, "measurement")
KEY = jax.random.key(0)
FOUR = numbers(3, 20, 7, 11)
PAIR = numbers(3, 4)
HALF = numbers(1)[0]
DRAWN = {"random": True}
CLASSES = "what the function of its name in small letters returns"


def read(readout):
    """A readout of a state, with a fixed key."""
    return lambda state: readout(state, key=KEY)


KERNELS = [
    Kernel("measurement.exact_readout", read(room.exact_readout()), (FOUR,)),
    Kernel(
        "measurement.tomography",
        lambda state, copies: room.tomography(copies=copies)(state, key=KEY),
        (FOUR,),
        {"copies": 9},
        **DRAWN,
    ),
    Kernel("measurement.tomography delta", read(room.tomography(delta=0.5)), (FOUR,), **DRAWN),
    Kernel(
        "measurement.state_tomography",
        lambda state, copies: room.state_tomography(copies=copies)(state, key=KEY),
        (PAIR,),
        {"copies": 9},
        **DRAWN,
    ),
    Kernel(
        "measurement.shadow_readout",
        lambda state, copies: room.shadow_readout(["ZI", "XX"], copies=copies)(state, key=KEY),
        (FOUR,),
        {"copies": 40},
        **DRAWN,
    ),
    Kernel(
        "measurement.shadow_readout clifford",
        read(room.shadow_readout(["ZI", "II"], copies=40, ensemble="clifford")),
        (FOUR,),
        **DRAWN,
    ),
    Kernel(
        "measurement.chebyshev_readout",
        lambda state, rank, axes: room.chebyshev_readout(rank=rank, axes=axes, relative_eps=0.1, noise="exact")(
            state, key=KEY
        ),
        (FOUR,),
        {"rank": 2, "axes": 0},
    ),
    Kernel(
        "measurement.chebyshev_readout qae", read(room.chebyshev_readout(rank=2, relative_eps=0.5)), (FOUR,), **DRAWN
    ),
    Kernel("measurement.amplitude_law", room.amplitude_law, (HALF,), {"points": 4}),
    Kernel(
        "measurement.estimate_amplitude",
        lambda a, points, repetitions: room.estimate_amplitude(a, points=points, repetitions=repetitions, key=KEY),
        (numbers(0, 1),),
        {"points": 4, "repetitions": 3},
        **DRAWN,
    ),
    Kernel(
        "measurement.iterative_amplitude_estimation",
        lambda a, shots: room.iterative_amplitude_estimation(a, eps=0.1, shots=shots, key=KEY),
        (HALF,),
        {"shots": 20},
        **DRAWN,
    ),
    Kernel(
        "measurement.iterative_amplitude_estimation clopper",
        lambda a: room.iterative_amplitude_estimation(a, eps=0.1, interval="clopper-pearson", key=KEY),
        (HALF,),
        without={"shard_map": "what differs between devices is not lowered in JAX's own `betainc` (jax 0.10.2)"},
        **DRAWN,
    ),
    Kernel(
        "measurement.estimation_circuit",
        lambda x, points: room.estimation_circuit(vector_encode(x), points=points),
        (PAIR,),
        {"points": 3},
    ),
    Kernel(
        "measurement.estimation_circuit good",
        lambda good: room.estimation_circuit(vector_encode(jnp.ones(2)), points=3, good=good),
        (numbers([1, 0]),),
    ),
    Kernel(
        "measurement.inner_product",
        lambda x, y: room.inner_product(x, y, relative_eps=0.5, key=KEY),
        (FOUR, FOUR),
        **DRAWN,
    ),
    Kernel(
        "measurement.inner_product runs",
        lambda x, y, repetitions: room.inner_product(x, y, relative_eps=0.5, repetitions=repetitions, key=KEY),
        (PAIR, PAIR),
        {"repetitions": 3},
        **DRAWN,
    ),
    Kernel(
        "measurement.squared_overlap",
        lambda x, y: room.squared_overlap(x, y, relative_eps=0.5, key=KEY),
        (FOUR, FOUR),
        **DRAWN,
    ),
    Kernel(
        "measurement.hadamard_test",
        lambda x, y: room.hadamard_test(vector_encode(x), vector_encode(y)).circuit.eps,
        (PAIR, PAIR),
    ),
    Kernel(
        "measurement.swap_test",
        lambda x, y: room.swap_test(vector_encode(x), vector_encode(y)).circuit.eps,
        (PAIR, PAIR),
    ),
    Kernel(
        "measurement.chebyshev_coefficients",
        room.chebyshev_coefficients,
        (numbers([1, 2, 3], [4, 5, 6]),),
        {"rank": (2,), "axes": (1,)},
    ),
    Kernel("measurement.from_chebyshev", room.from_chebyshev, (PAIR,), {"shape": (4,), "axes": (0,)}),
    Kernel(
        "measurement.chebyshev_state",
        lambda c, sizes, axes: room.chebyshev_state(c, sizes, axes=axes),
        (PAIR,),
        {"sizes": (4,), "axes": (0,)},
    ),
    Kernel(
        "measurement.quantum_dct",
        lambda x, sizes, axes: room.quantum_dct(sizes, axes=axes).matvec(x),
        (numbers(1, 2, 3, 4),),
        {"sizes": (2, 2), "axes": (1,)},
        without={"strict": "an encoding in double meets a vector in single precision"},
    ),
]

SAMPLE = (
    "measurement.exact_readout",
    "measurement.estimate_amplitude",
    "measurement.chebyshev_coefficients",
    "measurement.tomography",
)

EXEMPT = {
    "measurement.ChebyshevReadout": CLASSES,
    "measurement.ExactReadout": CLASSES,
    "measurement.ShadowReadout": CLASSES,
    "measurement.StateTomography": CLASSES,
    "measurement.Tomography": CLASSES,
    "measurement.Readout": "what readouts return",
    "measurement.ReadoutMethod": "the base class of readouts, each of which is here",
    "measurement.IterativeEstimate": "what `iterative_amplitude_estimation` returns",
    "measurement.protocols": "rows of a table, of no arguments",
}
