"""Kernels of transforms, networks and phase factors in the flat vocabulary."""

import numpy as np

import qla_jax as qla
from tests.kernels import Kernel, numbers, public
from tests.kernels.encodings import read, seen

ROOMS = ("qla_jax.transforms", "qla_jax.networks", "qla_jax.phases")
PUBLIC = {name for name in public(qla, "qla") if getattr(qla, name.split(".")[1]).__module__.startswith(ROOMS)}
HERMITIAN = numbers([3, 2], [2, 7])
PAIR, FOUR = numbers(3, 4), numbers(3, 20, 7, 11)
UNIT = qla.vector_encode(np.array([0.6, 0.8]))
STORED = qla.block_encode(np.array([[0.5, 0.25], [0.25, -0.5]]), alpha=1.0)
CUBIC = np.array([0.0, 0.3, 0.0, 0.4])
CONCRETE = {law: "the length of the circuit follows from the number" for law in ("strict", "shard_map", "mesh", "jit")}
FOUND = {"mesh": "a batch of finer grids goes through `lax.map`, and JAX scans no axis of a mesh"}
WORDS = "of Python numbers alone; what they may be is tested in tests/transforms/test_requests.py"
ODD = qla.polynomials.polynomial(CUBIC, "odd")
ROTATIONS = {"factor": 1024.0}


def phases(found):
    """Phases and what is told of them."""
    return found.values, found.sup_bound


KERNELS = [
    Kernel("qla.qsvt", lambda a: seen(qla.qsvt(qla.block_encode(a), CUBIC)), (HERMITIAN,)),
    Kernel("qla.qsvt postselect", lambda x: qla.postselect(qla.qsvt(STORED, CUBIC), x), (PAIR,)),
    Kernel("qla.qsvt coefficients", lambda c: seen(qla.qsvt(STORED, c)), (numbers(0, 0, 0, 0),), without=FOUND),
    Kernel("qla.gqet", lambda a: seen(qla.gqet(qla.block_encode(a), [0.1, 0.3, 0.4])), (HERMITIAN,)),
    Kernel("qla.gqet postselect", lambda x: qla.postselect(qla.gqet(STORED, [0.1, 0.3]), x), (PAIR,)),
    Kernel("qla.chebyshev_lcu", lambda a, c: seen(qla.chebyshev_lcu(qla.block_encode(a), c)), (HERMITIAN, PAIR)),
    Kernel("qla.chebyshev_lcu postselect", lambda x: qla.postselect(qla.chebyshev_lcu(STORED, [0.1, 0.3]), x), (PAIR,)),
    Kernel("qla.decomposed", lambda a: seen(qla.decomposed(qla.block_encode(a))), (HERMITIAN,)),
    Kernel(
        "qla.qubitization_walk",
        lambda a, power: seen(qla.qubitization_walk(qla.block_encode(a), power=power)),
        (HERMITIAN,),
        {"power": 3},
    ),
    Kernel("qla.qubitization_walk postselect", lambda x: qla.postselect(qla.qubitization_walk(STORED), x), (PAIR,)),
    Kernel("qla.activate", lambda x: read(qla.activate(qla.vector_encode(x) / 40, ODD)), (FOUR,), **ROTATIONS),
    Kernel("qla.activate_any", lambda x: read(qla.activate_any(qla.vector_encode(x) / 40, ODD)), (FOUR,), **ROTATIONS),
    Kernel(
        "qla.activate_by_qsvt",
        lambda x: read(qla.activate_by_qsvt(qla.vector_encode(x) / 40, ODD)),
        (FOUR,),
        without=FOUND,
        **ROTATIONS,
    ),
    Kernel(
        "qla.amplify",
        lambda x: read(qla.amplify(qla.vector_encode(x), amplitude_bound=0.5, relative_eps=1e-3)),
        (FOUR,),
    ),
    Kernel(
        "qla.oblivious_amplification",
        lambda u, order: seen(qla.oblivious_amplification(qla.block_encode(u, alpha=2.0), order=order)),
        (numbers([0, 1], [1, 0]),),
        {"order": 3},
    ),
    Kernel(
        "qla.uniform_amplification",
        lambda a: seen(qla.uniform_amplification(qla.block_encode(a, alpha=40.0), 2.0, gap=0.25, relative_eps=1e-3)),
        (HERMITIAN,),
        **ROTATIONS,
    ),
    Kernel(
        "qla.amplify_to_norm",
        lambda a: seen(qla.amplify_to_norm(qla.block_encode(a, alpha=40.0), relative_eps=1e-3, gain=2.0)),
        (HERMITIAN,),
        **ROTATIONS,
    ),
    Kernel(
        "qla.pseudo_inverse",
        lambda a: seen(qla.pseudo_inverse(qla.block_encode(a), 5.0, relative_eps=1e-3)),
        (HERMITIAN,),
        **ROTATIONS,
    ),
    Kernel(
        "qla.eigenstate_filter",
        lambda a: seen(qla.eigenstate_filter(qla.block_encode(a), 0.25, eps=1e-3)),
        (numbers([0, 0], [0, 3]),),
        **ROTATIONS,
    ),
    Kernel(
        "qla.hamiltonian_simulation",
        lambda a, t: seen(qla.hamiltonian_simulation(qla.block_encode(a), t, eps=1e-3)),
        (HERMITIAN, numbers(2)[0]),
        without=CONCRETE,
        **ROTATIONS,
    ),
    Kernel(
        "qla.skip_norm_block", lambda x: read(qla.skip_norm_block(STORED, qla.normalize(qla.vector_encode(x)))), (PAIR,)
    ),
    Kernel("qla.residual_network", lambda x: read(qla.residual_network([STORED], qla.vector_encode(x))), (PAIR,)),
    Kernel("qla.chain", lambda x: read(qla.chain(qla.residual_network([STORED], qla.vector_encode(x)))[0]), (PAIR,)),
    Kernel("qla.terminal_block", lambda a: read(qla.terminal_block(a, UNIT)), (numbers([0, 1], [1, 0]),)),
    Kernel(
        "qla.terminal_block bits", lambda bits: read(qla.terminal_block(np.eye(2), UNIT, bits=bits)), (), {"bits": 4}
    ),
    Kernel("qla.l2_pool", lambda x, outcomes: qla.l2_pool(x, outcomes), (numbers(20, 3, 7, 110),), {"outcomes": 2}),
    Kernel(
        "qla.l2_pool sizes",
        lambda x, outcomes, sizes: qla.l2_pool(x, outcomes, sizes=sizes),
        (numbers(20, 3, 7),),
        {"outcomes": 2, "sizes": (3, 1)},
    ),
    Kernel("qla.phase_factors", lambda c: phases(qla.phase_factors(c)), (numbers(0, 0, 0, 0),), without=FOUND),
    Kernel("qla.gqsp_phase_factors", lambda c: qla.gqsp_phase_factors(c).theta, (numbers(0, 0, 0),), without=FOUND),
    Kernel("qla.polynomial_of", lambda p: qla.polynomial_of(p).coeffs, (PAIR,)),
    Kernel("qla.from_phases", lambda p: qla.from_phases(p, "pyqsp").values, (PAIR,)),
    Kernel("qla.qsp_response", lambda x: qla.qsp_response(qla.from_phases([0.1, 0.4], "wx"), x), (numbers(0, 1),)),
    Kernel("qla.gqsp_response", lambda z: qla.gqsp_response(qla.gqsp_phase_factors([0.1, 0.4]), z), (numbers(0, 1),)),
]
EXEMPT = {
    "qla.solve": "of known encodings alone: tests/transforms/test_solve.py",
    "qla.Solution": "a class: what makes its instances is tested apart",
    "qla.simplify": "takes an encoding and returns one: tests/transforms/test_simplification.py",
    "qla.amplified_block": WORDS,
    "qla.amplified_network": WORDS,
    "qla.sample_runs": "takes an encoding, a key and numbers: tests/networks/test_pooling.py",
    "qla.RoundingWarning": "a category of warnings, which computes nothing",
    "qla.PhaseFactors": "a class: what makes and what takes its instances is registered",
    "qla.GQSPPhaseFactors": "a class: what makes and what takes its instances is registered",
}
SAMPLE = ("qla.qsvt postselect", "qla.gqet", "qla.skip_norm_block", "qla.l2_pool")
