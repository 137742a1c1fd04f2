"""Kernels of the encodings in the flat vocabulary: matrices, vectors, and what they compute on arrays."""

import numpy as np

import qla_jax as qla
from tests.kernels import Kernel, numbers, public

ROOMS = ("qla_jax.linalg", "qla_jax.accounting", "qla_jax.encodings")
PUBLIC = {name for name in public(qla, "qla") if getattr(qla, name.split(".")[1]).__module__.startswith(ROOMS)}
MATRIX, OTHER = numbers([3, 20], [7, 11]), numbers([1, 0], [2, 5])
FOUR, PAIR = numbers(3, 20, 7, 11), numbers(3, 4)
KERNEL = numbers([[[1, 2], [3, 4]]])
BITS = numbers([0, 1], [1, 0])
STORED, VECTOR = qla.block_encode(MATRIX), qla.vector_encode(PAIR)
PRODUCTS = {
    "dense": qla.block_encode(np.arange(16.0).reshape(4, 4) / 16),
    "Pauli": qla.block_encode_pauli({"ZI": 1.0, "XY": 0.5}),
    "diagonal": qla.block_encode_diagonal([0.5, 0.1, -1.0, 1.0 / 3]),
    "sparse": qla.block_encode_sparse([0, 1, 3], [1, 0, 2], [1 / 3, 1.0, -1.0], (4, 4)),
    "circulant": qla.block_encode_circulant([1 / 3, 0.1, 0.0, 1.0]),
    "Toeplitz": qla.block_encode_toeplitz([1 / 3, 0.1, 0.0, 1.0], [1 / 3, 0.2, 0.3, 0.4]),
    "convolution": qla.block_encode_convolution(np.full((1, 1, 2, 2), 1 / 3), (2, 2)),
    "periodic convolution": qla.block_encode_periodic_convolution(np.full((1, 1, 2, 2), 1 / 3), (2, 2)),
    "Frobenius": qla.block_encode_frobenius(np.arange(16.0).reshape(4, 4) / 16),
    "tensor": qla.tensor(qla.block_encode(MATRIX / 7), qla.block_encode(OTHER / 3)),
    "sum": qla.block_encode_diagonal([0.5, 0.1, -1.0, 1 / 3]) + qla.block_encode_pauli({"XX": 1 / 3}),
}


def seen(enc):
    """A matrix by its encoded view and its parameters."""
    return enc.alpha, enc.eps, enc.norm_bound, qla.block(enc)


def read(vec):
    """A vector by its encoded view and its parameters."""
    return vec.alpha, vec.eps, vec.encoded


def twice(matrix):
    """Two ancillas, which factors share."""
    enc = qla.block_encode(matrix)
    return enc + enc


def of_products(name, call):
    return [Kernel(f"{name} {kind}", lambda x, enc=enc: call(enc, x), (FOUR,)) for kind, enc in PRODUCTS.items()]


def turn(angle):
    return qla.circuits.Circuit(2, (qla.circuits.Gate("ry", 0, angle), qla.circuits.Gate("x", 1, controls=(0,))))


KERNELS = [
    Kernel("qla.block_encode", lambda a: seen(qla.block_encode(a)), (MATRIX,)),
    Kernel("qla.block_encode alpha", lambda a, alpha: seen(qla.block_encode(a, alpha=alpha)), (MATRIX, numbers(40)[0])),
    Kernel(
        "qla.from_unitary",
        lambda u, alpha, num_ancillas: seen(qla.from_unitary(u, num_ancillas=num_ancillas, alpha=alpha, eps=0.0)),
        (BITS, numbers(3)[0]),
        {"num_ancillas": 1},
    ),
    Kernel(
        "qla.from_unitary shape",
        lambda u, shape: seen(qla.from_unitary(u, num_ancillas=0, alpha=2.0, eps=0.1, shape=shape)),
        (BITS,),
        {"shape": (2, 2)},
    ),
    Kernel("qla.block_encode_pauli", lambda c, d: seen(qla.block_encode_pauli({"XZ": c, "YI": d})), (PAIR[0], PAIR[1])),
    Kernel("qla.block_encode_diagonal", lambda v: seen(qla.block_encode_diagonal(v)), (FOUR,)),
    Kernel(
        "qla.block_encode_sparse",
        lambda v, shape: seen(qla.block_encode_sparse([0, 1, 1], [1, 0, 1], v, shape)),
        (numbers(3, 5, 7),),
        {"shape": (2, 3)},
    ),
    Kernel("qla.block_encode_circulant", lambda c: seen(qla.block_encode_circulant(c)), (FOUR,)),
    Kernel("qla.block_encode_toeplitz", lambda c, r: seen(qla.block_encode_toeplitz(c, r)), (FOUR, numbers(3, 1, 2))),
    Kernel(
        "qla.block_encode_convolution",
        lambda k, image: seen(qla.block_encode_convolution(k, image)),
        (KERNEL,),
        {"image": (2, 3)},
        without={
            "mesh": "`conv_general_dilated` with a batch of kernels on a mesh axis asks for its output's sharding"
        },
    ),
    Kernel(
        "qla.block_encode_periodic_convolution",
        lambda k, image: seen(qla.block_encode_periodic_convolution(k, image)),
        (KERNEL,),
        {"image": (2, 4)},
    ),
    Kernel("qla.block_encode_frobenius", lambda a: seen(qla.block_encode_frobenius(a)), (MATRIX,)),
    Kernel("qla.block_encode_bitble", lambda a: seen(qla.block_encode_bitble(a)), (MATRIX,)),
    Kernel("qla.block_encode_fable", lambda a: seen(qla.block_encode_fable(a)), (MATRIX,)),
    Kernel("qla.block_encode_foqcs", lambda c, d: seen(qla.block_encode_foqcs({"XZ": c, "YI": d})), (PAIR[0], PAIR[1])),
    Kernel("qla.spectral_norm_bound", qla.spectral_norm_bound, (MATRIX,)),
    Kernel(
        "qla.spectral_norm_bound iterations",
        lambda a, iterations: qla.spectral_norm_bound(a, iterations=iterations),
        (MATRIX,),
        {"iterations": 3},
    ),
    Kernel(
        "qla.convolution_norm_bound",
        lambda k, image, grid: qla.convolution_norm_bound(k, image, grid=grid),
        (KERNEL,),
        {"image": (3, 3), "grid": 8},
    ),
    Kernel("qla.adjoint", lambda a: seen(qla.adjoint(qla.block_encode(a))), (MATRIX,)),
    Kernel("qla.scale", lambda c: seen(qla.scale(STORED, c)), (PAIR[0],)),
    Kernel("qla.BlockEncoding quotient", lambda c: seen(STORED / c), (PAIR[0],)),
    Kernel("qla.BlockEncoding factor", lambda c: seen(c * STORED), (PAIR[0],)),
    Kernel("qla.linear_combination", lambda w: seen(qla.linear_combination(STORED, STORED, weights=w)), (PAIR,)),
    Kernel("qla.product", lambda a, b: seen(qla.product(qla.block_encode(a), qla.block_encode(b))), (MATRIX, OTHER)),
    Kernel("qla.tensor", lambda a, b: seen(qla.tensor(qla.block_encode(a), qla.block_encode(b))), (MATRIX, OTHER)),
    Kernel(
        "qla.block_array",
        lambda a, b: seen(qla.block_array([[qla.block_encode(a), qla.block_encode(b)], [None, qla.block_encode(b)]])),
        (MATRIX, OTHER),
    ),
    Kernel("qla.BlockEncoding slice", lambda a: seen(qla.block_encode(a)[1:, [1, 0]]), (MATRIX,)),
    Kernel("qla.identity", lambda x, sizes: qla.identity(sizes).matvec(x), (PAIR,), {"sizes": 2}),
    Kernel("qla.projector", lambda x, sizes: qla.projector([1], sizes).matvec(x), (PAIR,), {"sizes": 2}),
    Kernel("qla.controlled", lambda a: seen(qla.controlled(qla.block_encode(a))), (MATRIX,)),
    Kernel("qla.unitary", lambda a: qla.unitary(qla.block_encode(a, alpha=40.0)), (MATRIX,)),
    Kernel("qla.block", lambda a: qla.block(qla.block_encode(a)), (MATRIX,)),
    Kernel("qla.embed", lambda x: qla.embed(STORED, x), (PAIR,)),
    Kernel("qla.cost", lambda a: list(qla.cost(qla.block_encode(a)).num_queries.values()), (MATRIX,), exact=True),
    *of_products("qla.postselect", qla.postselect),
    *of_products("qla.BlockEncoding matvec", lambda enc, x: enc.matvec(x)),
    *of_products("qla.BlockEncoding rmatvec", lambda enc, x: enc.rmatvec(x)),
    Kernel("qla.vector_encode", lambda x: read(qla.vector_encode(x)), (FOUR,)),
    Kernel("qla.vector_encode image", lambda x: read(qla.vector_encode(x, pad=True)), (numbers([3, 20, 7]),)),
    Kernel("qla.load_vector", lambda x: read(qla.load_vector(x)), (FOUR,)),
    Kernel("qla.qram_encode", lambda x: read(qla.qram_encode(x)), (FOUR,)),
    Kernel(
        "qla.from_circuit",
        lambda angle, alpha, num_ancillas: seen(
            qla.from_circuit(turn(angle), num_ancillas=num_ancillas, alpha=alpha, eps=0.0)
        ),
        (numbers(1)[0], numbers(3)[0]),
        {"num_ancillas": 1},
    ),
    Kernel(
        "qla.vector_from_circuit",
        lambda angle, alpha, num_ancillas, sizes: read(
            qla.vector_from_circuit(turn(angle), num_ancillas=num_ancillas, alpha=alpha, eps=0.0, sizes=sizes)
        ),
        (numbers(1)[0], numbers(3)[0]),
        {"num_ancillas": 1, "sizes": (2,)},
    ),
    Kernel(
        "qla.vector_from_unitary",
        lambda u, alpha, num_ancillas, sizes: read(
            qla.vector_from_unitary(u, num_ancillas=num_ancillas, alpha=alpha, eps=0.0, sizes=sizes)
        ),
        (numbers(*np.eye(4).tolist()), numbers(3)[0]),
        {"num_ancillas": 1, "sizes": (2,)},
    ),
    Kernel("qla.VectorEncoding quotient", lambda c: read(VECTOR / c), (PAIR[0],)),
    Kernel("qla.VectorEncoding factor", lambda c: read(VECTOR * c), (PAIR[0],)),
    Kernel("qla.vector_sum", lambda w: read(qla.vector_sum(VECTOR, VECTOR, weights=w)), (PAIR,)),
    Kernel("qla.vector_tensor", lambda x, y: read(qla.vector_tensor(*map(qla.vector_encode, (x, y)))), (PAIR, FOUR)),
    Kernel(
        "qla.concatenate",
        lambda x, y: read(qla.concatenate(qla.vector_encode(x), qla.vector_encode(y))),
        (PAIR, PAIR),
    ),
    Kernel(
        "qla.matrix_vector_product",
        lambda a, x: read(qla.matrix_vector_product(qla.block_encode(a), qla.vector_encode(x))),
        (MATRIX, PAIR),
    ),
    Kernel("qla.normalize", lambda x: read(qla.normalize(qla.vector_encode(x))), (FOUR,)),
    Kernel("qla.run", lambda x: qla.run(STORED @ qla.vector_encode(x)), (PAIR,)),
    Kernel("qla.postselect shared", lambda a, x: qla.postselect(twice(a) @ twice(a), x), (BITS, PAIR)),
    Kernel(
        "qla.run shared",
        lambda a, x: qla.run(qla.square_product(a, twice(a) @ (twice(a) @ qla.vector_encode(x)))),
        (BITS, PAIR),
    ),
    Kernel("qla.run_projected", lambda x: qla.run_projected(STORED @ qla.vector_encode(x)), (PAIR,)),
    Kernel("qla.diagonal_of_amplitudes", lambda x: seen(qla.diagonal_of_amplitudes(qla.vector_encode(x))), (FOUR,)),
    Kernel("qla.square_product", lambda a, x: read(qla.square_product(a, qla.vector_encode(x))), (MATRIX, PAIR)),
    Kernel(
        "qla.square_product bits",
        lambda a, bits, sizes: read(qla.square_product(a, VECTOR, bits=bits, sizes=sizes)),
        (MATRIX,),
        {"bits": 5, "sizes": (2,)},
        single=True,
    ),
]
EXEMPT = {
    "qla.verify": "of known encodings alone; see tests/encodings/test_verification.py",
    "qla.Verification": "a report of Python numbers",
    "qla.compare_encodings": "of a concrete matrix, whose structure decides: tests/encodings/test_gate_encodings.py",
    "qla.Candidate": "a row of that comparison",
    "qla.EncodingComparison": "a table of that comparison",
    "qla.Calls": "a named tuple of counts, which nothing computes with arrays",
    "qla.Cost": "a named tuple of counts, which nothing computes with arrays",
    "qla.from_openqasm3": "of a text: tests/circuits/test_imports.py",
    "qla.from_pennylane": "of an object of another package: tests/circuits/test_peers.py",
    "qla.from_qiskit": "of an object of another package: tests/circuits/test_peers.py",
    "qla.to_pennylane_qsvt": "an object of another package: tests/circuits/test_peers.py",
    "qla.to_circuit": "a list of gates from concrete arrays, which nothing compiles: tests/circuits",
    "qla.PhysicalEstimate": "numbers of another package, which nothing computes with arrays",
    "qla.physical_estimate": "of counts, by another package: tests/test_physical.py",
    "qla.Gates": "counts of gates, which nothing computes with arrays",
}
SAMPLE = ("qla.block_encode", "qla.postselect Pauli", "qla.BlockEncoding matvec circulant", "qla.square_product")
