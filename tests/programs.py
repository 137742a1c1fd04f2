"""The registry of programs that have to compile for accelerators: each with its derivatives, in groups.

Public functions come from `tests/kernels`, encodings from `tests/cases.py`, claims from their catalogue, so that a new
one of each is in this registry at once. Networks and long phase factors are listed here. `tests/test_exports.py`
exports programs for GPUs and TPUs, and `tools/accelerators` compiles them for devices that are not there.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qla_jax import nn
from qla_jax.claims.catalogue import CLAIMS
from qla_jax.claims.engine.claim import Claim
from qla_jax.encodings.base.encoding import Encoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.phases.solve import phase_factors
from tests.cases import ENCODINGS, VECTORS, Case
from tests.kernels import Kernel, rooms

NUMBERS = jax.Array | np.ndarray | np.generic | float | int | complex


class Program(NamedTuple):
    """A function to compile, and what it is called with.

    Attributes:
        group: what the program belongs to, such as "encodings".
        name: name of the program within its group.
        make: function without arguments that returns the function and its arguments, pytrees of arrays of NumPy.
        random: whether results depend on random numbers, which precisions draw differently.
    """

    group: str
    name: str
    make: Callable[[], tuple[Callable[..., Any], tuple[Any, ...]]]
    random: bool = False

    def called(self) -> tuple[Callable[..., list[jax.Array]], tuple[Any, ...]]:
        """A function that returns arrays, in a list, and its arguments in the precision of this process."""
        function, arguments = self.make()
        return partial(_arrays, function), jax.tree.map(jnp.asarray, arguments)


def _arrays(function: Callable, *arguments: Any) -> list[jax.Array]:
    numbers = [leaf for leaf in jax.tree.leaves(function(*arguments)) if isinstance(leaf, NUMBERS)]
    is_key = [jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key) for leaf in numbers]
    return [jax.random.key_data(leaf) if key else jnp.asarray(leaf) for leaf, key in zip(numbers, is_key, strict=True)]


def with_derivatives(call: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns what another returns, and all derivatives pulled back from ones."""

    def both(*arguments: Any) -> Any:
        def inexact(*arguments: Any) -> tuple[list[jax.Array], list[jax.Array]]:
            found = _arrays(call, *arguments)
            parts = [[x for x in found if jnp.issubdtype(x.dtype, jnp.inexact) == wanted] for wanted in (True, False)]
            return parts[0], parts[1]

        found, pull, rest = jax.vjp(inexact, *arguments, has_aux=True)
        return found, rest, pull([jnp.ones_like(x) for x in found])

    return both


def views(enc: Encoding) -> list[jax.Array]:
    """An encoding from all sides: its circuit both ways and its encoded view, on states without symmetry."""

    def wave(*shape: int) -> jax.Array:
        return jnp.cos(1 + jnp.arange(np.prod(shape), dtype=enc.alpha.dtype)).reshape(shape)

    state = wave(1 << enc.num_ancillas, 1 << enc.num_qubits)
    circuit = [enc.apply(state), enc.apply_adjoint(state), enc.alpha, enc.eps]
    if isinstance(enc, VectorEncoding):
        return [*circuit, enc.encoded]
    return [*circuit, enc.matvec(wave(enc.shape[1])), enc.rmatvec(wave(enc.shape[0]))]


def _of_kernel(kernel: Kernel) -> tuple[Callable, tuple]:
    def call(*arrays: Any) -> Any:
        return kernel.function(*arrays, **kernel.integers)

    return (with_derivatives(call) if kernel.arrays else call), kernel.arrays


def _of_case(case: Case) -> tuple[Callable, tuple]:
    return with_derivatives(lambda params: views(case.build(params))), (jax.tree.map(np.asarray, case.params),)


def ratio(claim: Claim) -> Callable[[Any], jax.Array]:
    """The function whose ascent is the attack on a claim."""
    return lambda instance: claim.compare(claim.sides(instance))


def _of_claim(claim: Claim) -> tuple[Callable, tuple]:
    instance = jax.tree.map(np.asarray, claim.draw(claim.sizes[0], key=jax.random.key(0)))
    pulled = jax.value_and_grad(ratio(claim), allow_int=True)
    return (pulled if claim.project else ratio(claim)), (instance,)


def _network(weights: str, *, terminal: bool = False) -> tuple[Callable, tuple]:
    """Loss of a coherent network with its gradient, and its diagnosis, in the precision of this process."""
    rngs, dtype = nnx.Rngs(0), jnp.zeros(()).dtype
    parts = {
        "dense": lambda: nn.DenseWeight(32, rngs=rngs, dtype=dtype),
        "convolution": lambda: nn.ConvolutionWeight(2, (4, 4), rngs=rngs, dtype=dtype),
    }
    last = nn.TerminalWeight(32, rngs=rngs, dtype=dtype) if terminal else None
    graph, state = nnx.split(nn.CoherentResNet([parts[weights]() for _ in range(2)], sizes=(2, 4, 4), terminal=last))

    def call(state: Any, images: jax.Array) -> Any:
        def loss(state: Any) -> jax.Array:
            return -jnp.log(nnx.merge(graph, state)(images)[:, 0]).mean()

        return jax.value_and_grad(loss)(state), nnx.merge(graph, state).diagnose(images)

    return call, (state, np.linspace(0.1, 1, 64).reshape(2, 2, 4, 4))


def _phases(degree: int) -> tuple[Callable, tuple]:
    coeffs = np.zeros(degree + 1)
    coeffs[1::2] = 0.5 / (degree // 2 + 1)
    return with_derivatives(lambda coeffs: phase_factors(coeffs).values), (coeffs,)


def programs() -> Iterator[Program]:
    """All programs, group by group."""
    for room in rooms():
        group = room.__name__.rpartition(".")[2]
        for kernel in room.KERNELS:
            if "jit" not in kernel.without:
                yield Program(group, kernel.name, partial(_of_kernel, kernel), kernel.random)
    for group, cases in (("matrices", ENCODINGS), ("vectors", VECTORS)):
        for case in cases:
            yield Program(group, case.name, partial(_of_case, case))
    for weights in ("dense", "convolution"):
        yield Program("networks", f"coherent network, {weights}", partial(_network, weights))
    yield Program("networks", "coherent network, terminal block", partial(_network, "dense", terminal=True))
    for degree in (63, 499):
        yield Program("phases", f"phase factors of degree {degree}", partial(_phases, degree))
    for claim in CLAIMS:
        yield Program("claims", claim.name, partial(_of_claim, claim))
