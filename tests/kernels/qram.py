"""Kernels of `qla_jax.qram`."""

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax import qram as room
from tests.kernels import Kernel, numbers, public

PUBLIC = public(room, "qram")
KEY = jax.random.key(0)
WORDS = numbers(3, 0, 2, 1)
RATE = numbers(1)[0]
MEMORY = room.memory([3, 0, 2, 1], word_bits=2)
PAIR = room.memory([1, 0], word_bits=1)
NOISE = room.noise(x=0.1, y=0.05, z=0.05, loss=0.1)
STATE = np.array([0.0, 1, 0, 0])
TABLE = np.arange(6.0).reshape(2, 3)
HOST = {law: "runs on the host" for law in ("strict", "shard_map", "mesh", "programs", "jit", "shapes")}
INTEGERS = {"programs": "integers are not promoted"}
BINOMIAL = {law: "JAX's own binomial numbers are not traced there" for law in ("shard_map", "mesh")}
SIZES = {"address_bits": 2, "word_bits": 1}


def integers(x):
    """Floats as integers; all else as it is."""
    array = x if isinstance(x, jax.Array) else np.asarray(x)
    return array.astype(jnp.int32) if jnp.issubdtype(array.dtype, jnp.floating) else array


def rate(name):
    return Kernel(f"qram.{name}", getattr(room, name), (RATE,))


def sized(name):
    return Kernel(f"qram.{name}", lambda p, **sizes: getattr(room, name)(rate=p, **sizes), (RATE,), SIZES)


KERNELS = [
    Kernel(
        "qram.memory",
        lambda words, word_bits: room.memory(integers(words), word_bits=word_bits).bits,
        (WORDS,),
        {"word_bits": 3},
        without=INTEGERS,
    ),
    Kernel("qram.word", lambda address: room.word(MEMORY, integers(address)), (numbers(0, 3),)),
    Kernel("qram.word scalar", lambda address: room.word(MEMORY, address), (), {"address": 2}),
    Kernel("qram.load", lambda state: room.load(MEMORY, state), (np.arange(16.0).reshape(4, 4),)),
    *(rate(name) for name in ("depolarizing", "bit_flip", "phase_flip", "amplitude_damping")),
    Kernel(
        "qram.noise",
        lambda x, y, z, loss: room.noise(x=x, y=y, z=z, loss=loss),
        tuple(n[()] for n in numbers(0, 1, 0, 1)),
    ),
    *(sized(name) for name in ("fidelity_bound", "good_moments")),
    Kernel(
        "qram.draw_good", lambda p, **sizes: room.draw_good(rate=p, key=KEY, **sizes), (RATE,), SIZES, without=BINOMIAL
    ),
    Kernel(
        "qram.infidelity_bound",
        lambda p, **sizes: room.infidelity_bound(noise=room.amplitude_damping(p), **sizes),
        (RATE,),
        SIZES,
    ),
    Kernel(
        "qram.good_weight",
        lambda nodes, amplitudes, address_bits: room.good_weight(address_bits, integers(nodes), amplitudes),
        (numbers(2, 0), STATE),
        {"address_bits": 2},
        without=INTEGERS,
    ),
    Kernel(
        "qram.exact_fidelity",
        lambda p, amplitudes: room.exact_fidelity(PAIR, room.bit_flip(p), amplitudes),
        (RATE, STATE[:2]),
    ),
    Kernel(
        "qram.trajectory_fidelity",
        lambda amplitudes: room.trajectory_fidelity(MEMORY, NOISE, amplitudes, key=KEY),
        (STATE,),
    ),
    Kernel(
        "qram.read_fidelity",
        lambda p, shots, batch: room.read_fidelity(MEMORY, room.bit_flip(p), shots=shots, batch=batch, key=KEY)[:2],
        (numbers(0)[0],),
        {"shots": 3, "batch": 2},
    ),
    Kernel(
        "qram.intact_fraction",
        lambda amplitudes, shots, batch: room.intact_fraction(
            MEMORY, NOISE, shots=shots, amplitudes=amplitudes, batch=batch, key=KEY
        )[:2],
        (STATE,),
        {"shots": 3, "batch": 2},
        random=True,
    ),
    Kernel(
        "qram.certified_infidelity",
        lambda **sizes: room.certified_infidelity(
            room.intact_fraction(MEMORY, NOISE, shots=3, key=KEY), noise=NOISE, confidence=0.9, **sizes
        ),
        (),
        {"address_bits": 2, "word_bits": 2},
        without=HOST,
    ),
    Kernel(
        "qram.loading_infidelities",
        lambda p, num_qubits, word_bits: room.loading_infidelities(num_qubits, room.bit_flip(p), word_bits=word_bits),
        (RATE,),
        {"num_qubits": 2, "word_bits": 3},
    ),
    Kernel(
        "qram.noisy_qram_encode",
        lambda x, infidelities: room.noisy_qram_encode(x, infidelities=infidelities),
        (numbers(1, 2, 3, 4), numbers(0, 1, 0, 1)),
    ),
    Kernel(
        "qram.measured_infidelities",
        lambda x, **sizes: room.measured_infidelities(x, NOISE, **sizes, key=KEY),
        (numbers(1, 2, 3, 4),),
        {"word_bits": 2, "shots": 4, "batch": 3},
        random=True,
        without=HOST,
    ),
    Kernel("qram.site_count", room.site_count, (), SIZES),
    Kernel("qram.held_site_count", room.held_site_count, (), SIZES),
    Kernel("qram.schedule", lambda **sizes: room.schedule(**sizes).tables(), (), SIZES),
    Kernel(
        "qram.extrapolate",
        lambda table, **sizes: tuple(room.extrapolate((2, 3, 4), (1, 2), table, np.ones((2, 3)), **sizes)[:4]),
        (TABLE,),
        {"address_bits": 5, "word_bits": 4},
        without=HOST,
    ),
    Kernel(
        "qram.extrapolate sizes",
        lambda n, k: tuple(room.extrapolate(n, k, TABLE, np.ones((2, 3)), address_bits=5, word_bits=4)[:4]),
        (),
        {"n": (2, 3, 4), "k": (1, 2)},
        without=HOST,
    ),
    Kernel(
        "qram.sweep",
        lambda n, k, shots, batch: [tuple(p) for p in room.sweep(n, k, NOISE, shots=shots, batch=batch, key=KEY)],
        (),
        {"n": (2,), "k": (1,), "shots": 3, "batch": 2},
        without=HOST,
    ),
]

SAMPLE = ("qram.memory", "qram.fidelity_bound", "qram.noise", "qram.noisy_qram_encode")

EXEMPT = {"qram.extrapolate_points": "takes the points of `sweep`, and the sizes of `extrapolate`"}
