r"""Inner products of two prepared states: the Hadamard test, the swap test, and amplitude estimation on top.

The Hadamard test succeeds with probability $\frac12(1 + \mathrm{Re}\langle x|y\rangle)$, or with the imaginary part, so
it gives signs and phases. The swap test succeeds with $\frac12(1 + |\langle x|y\rangle|^2)$. Near zero it determines
$|\langle x|y\rangle|$ poorly: an error $\epsilon$ of the square allows an error of the modulus of up to
$\epsilon/|\langle x|y\rangle|$, and at most $\sqrt\epsilon$.

References:
    Aharonov, Jones, Landau (2006), the Hadamard test. https://arxiv.org/abs/quant-ph/0511096
    Buhrman, Cleve, Watrous, de Wolf (2001), the swap test. https://arxiv.org/abs/quant-ph/0102001
    Kerenidis, Landman, Luongo, Prakash (2018), Lemma II.4, with amplitude estimation and medians.
    https://arxiv.org/abs/1812.03584
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax._checks import ROUNDING, is_concrete, require, require_key, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.encodings.base.encoding import Encoding, State, apply_adjoint_of, apply_of, side_by_side
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.lemmas import vector_sum
from qla_jax.linalg.derivatives import straight_through
from qla_jax.linalg.hadamard import hadamard
from qla_jax.linalg.products import vdot
from qla_jax.measurement.amplitude_estimation import (
    estimate_amplitude,
    median_failure,
    points_for,
    points_for_signed,
    queries_of,
)
from qla_jax.measurement.grover import Good
from qla_jax.measurement.readout import Amplitudes, Readout, as_precision, count, scaled_bound


class OverlapTest(NamedTuple):
    """Circuit of an overlap test and its good outcomes, as `estimation_circuit` takes them."""

    circuit: Encoding
    good: Good


class SwapTest(Encoding, kw_only=True):
    """Circuit of the swap test: the flag first, then the ancillas of both states, then both system registers.

    Only the system registers are swapped.
    """

    left: VectorEncoding
    right: VectorEncoding

    def apply(self, state: State) -> State:
        return self._test(self._both(apply_of, state))

    def apply_adjoint(self, state: State) -> State:
        return self._both(apply_adjoint_of, self._test(state))

    def uses(self) -> tuple[Use, ...]:
        return Use(self.left), Use(self.right)

    def gates(self) -> Gates:
        """Return the gates of the controlled swap: one Toffoli gate between two CNOT gates for each pair of qubits."""
        return self.left.num_qubits * Gates(toffoli=1, cnot=2)

    def _both(self, way: Callable, state: State) -> State:
        flags = state.reshape(2, -1, state.shape[1])
        return jax.vmap(lambda s: side_by_side(self.left, self.right, way, s))(flags).reshape(state.shape)

    def _test(self, state: State) -> State:
        size = 1 << self.left.num_qubits
        up, down = hadamard(state.reshape(2, -1, size, size))
        return hadamard(jnp.stack([up, down.swapaxes(1, 2)])).reshape(state.shape)


def _flag_zero(circuit: Encoding) -> Good:
    """Return the good outcomes: the first ancilla in 0, all other ancillas in any state."""
    halves = jnp.zeros((2, 1 << (circuit.num_ancillas - 1), 1 << circuit.num_qubits), bool).at[0].set(True)
    return halves.reshape(-1, 1 << circuit.num_qubits)


def hadamard_test(left: VectorEncoding, right: VectorEncoding, *, imaginary: bool = False) -> OverlapTest:
    r"""Build the Hadamard test of two states, good with probability $\frac12(1 + \mathrm{Re}\langle x|y\rangle)$.

    Both circuits are controlled by one qubit between two Hadamard gates; for the imaginary part a phase follows. With x
    a state and y from `chebyshev_state`, $\langle x|y\rangle$ is a signed coefficient. Ancillas have to come back as 0,
    since garbage would take part in the overlap. Inside jit, where nothing can be raised, `eps` of the circuit is `inf`
    where they do not.

    Args:
        left: vector encoding that prepares the unit vector x.
        right: vector encoding that prepares the unit vector y.
        imaginary: whether the probability holds the imaginary part of the overlap instead of the real part.

    Raises:
        ValueError: states of different sizes, or ancillas that do not come back as 0 with certainty.

    Example:
        >>> from qla_jax.measurement.grover import good_probability
        >>> x, y = qla.vector_encode(jnp.array([3.0, 4.0])), qla.vector_encode(jnp.array([1.0, 0.0]))
        >>> round(float(good_probability(*hadamard_test(x, y))), 6)  # (1 + 0.6) / 2
        0.8
    """
    clean = _clean(left, right)
    phase = -1j if imaginary else 1.0
    # a control in the state |+>, whatever the norms of the two vectors
    weights = jnp.stack([1 / left.alpha, phase / right.alpha])
    circuit = vector_sum(left, right, weights=weights)
    circuit = circuit.replace(eps=jnp.where(clean, circuit.eps, jnp.inf))
    return OverlapTest(circuit, _flag_zero(circuit))


def swap_test(left: VectorEncoding, right: VectorEncoding) -> OverlapTest:
    r"""Build the swap test of two prepared states, good with probability $\frac12(1 + |\langle x|y\rangle|^2)$.

    Ancillas have to come back as 0 as in `hadamard_test`: garbage would be a second register, which this test does not
    swap.

    Args:
        left: vector encoding that prepares the unit vector x.
        right: vector encoding that prepares the unit vector y.

    Raises:
        ValueError: states of different sizes, or ancillas that do not come back as 0 with certainty.

    Example:
        >>> from qla_jax.measurement.grover import good_probability
        >>> x, y = qla.vector_encode(jnp.array([3.0, 4.0])), qla.vector_encode(jnp.array([1.0, 0.0]))
        >>> round(float(good_probability(*swap_test(x, y))), 6)  # (1 + 0.36) / 2
        0.68
    """
    clean = _clean(left, right)
    one = jnp.ones((), jnp.result_type(left.alpha, right.alpha))
    circuit = SwapTest(
        alpha=one,
        eps=jnp.where(clean, 0 * one, jnp.inf),
        num_ancillas=1 + left.num_ancillas + right.num_ancillas,
        num_qubits=2 * left.num_qubits,
        left=left,
        right=right,
    )
    return OverlapTest(circuit, _flag_zero(circuit))


@default_promotion
def inner_product(x: ArrayLike, y: ArrayLike, *, key: Array, relative_eps: float, repetitions: int = 1) -> Readout:
    r"""Estimate $\langle x, y\rangle = \sum_i\bar x_iy_i$ to $\epsilon\|x\|\|y\|$ by Hadamard tests.

    Complex vectors take two tests, and the error of each part is within $\epsilon$. Vectors may have any norm, which is
    known classically.

    Args:
        x: tensor of any shape.
        y: tensor of the same shape.
        key: random key of the draw.
        relative_eps: precision relative to the product of the norms, in (0, 2).
        repetitions: number of runs whose median is taken, odd.

    Returns:
        Readout of a scalar. Queries are those of both circuits together, and `norm` is $\|x\|\|y\|$.

    Raises:
        ValueError: different shapes, zero vectors, or a value out of its range or of what these floats hold.

    Example:
        >>> x, y = jnp.array([3.0, 4.0]), jnp.array([1.0, 0.0])
        >>> found = inner_product(x, y, relative_eps=0.1, repetitions=5, key=jax.random.key(0))
        >>> bool(abs(found.values - 3) <= found.error_bound), int(found.queries)
        (True, 1250)
    """
    require_key("key", key)
    relative_eps = as_precision("relative_eps", relative_eps, below=2)
    left, right = _pair(x, y)
    overlap = vdot(left.direction, right.direction)
    exact = vdot(left.state, right.state)
    parts = jnp.stack([overlap.real, overlap.imag]) if jnp.iscomplexobj(overlap) else overlap[None]
    found = _estimated(key, parts, relative_eps, repetitions)
    value = found[0] + 1j * found[1] if jnp.iscomplexobj(overlap) else found[0]
    return _result(exact, left.norm * right.norm, value, len(parts), relative_eps, repetitions, "inner product")


@default_promotion
def squared_overlap(x: ArrayLike, y: ArrayLike, *, key: Array, relative_eps: float, repetitions: int = 1) -> Readout:
    r"""Estimate $|\langle x, y\rangle|^2$ to $\epsilon\|x\|^2\|y\|^2$ by swap tests.

    An estimate may be negative, by at most the error, since nothing is clipped.

    Args:
        x: tensor of any shape.
        y: tensor of the same shape.
        key: random key of the draw.
        relative_eps: precision relative to the product of the squared norms, in (0, 2).
        repetitions: number of runs whose median is taken, odd.

    Returns:
        Readout of a scalar, whose `norm` is $\|x\|^2\|y\|^2$.

    Raises:
        ValueError: what `inner_product` raises.

    Example:
        >>> x, y = jnp.array([3.0, 4.0]), jnp.array([1.0, 0.0])
        >>> found = squared_overlap(x, y, relative_eps=0.1, repetitions=5, key=jax.random.key(0))
        >>> bool(abs(found.values - 9) <= found.error_bound)
        True
    """
    require_key("key", key)
    relative_eps = as_precision("relative_eps", relative_eps, below=2)
    left, right = _pair(x, y)
    overlap, exact = (_squared(vdot(*pair)) for pair in ((left.direction, right.direction), (left.state, right.state)))
    value = _estimated(key, overlap[None], relative_eps, repetitions)[0]
    return _result(exact, jnp.square(left.norm * right.norm), value, 1, relative_eps, repetitions, "squared overlap")


def modulus_error(eps: ArrayLike, overlap: ArrayLike) -> Array:
    r"""Return the bound on the error of $|\langle x|y\rangle|$ that an error of its square implies.

    The bound is $\min(\sqrt\epsilon, \epsilon/|\langle x|y\rangle|)$.

    Args:
        eps: absolute error of the square $|\langle x|y\rangle|^2$ of unit vectors.
        overlap: modulus of the overlap, where it is known, or a lower bound.
    """
    eps, overlap = jnp.asarray(eps), jnp.asarray(overlap)
    known = overlap > 0
    return jnp.minimum(jnp.sqrt(eps), jnp.where(known, eps / jnp.where(known, overlap, 1), jnp.inf))


def _squared(z: Array) -> Array:
    return jnp.square(z.real) + jnp.square(z.imag)


def _estimated(key: Array, overlaps: Array, eps: float, repetitions: int) -> Array:
    """Estimate real numbers in [-1, 1] by tests that succeed with probability (1 + overlap) / 2."""
    # the overlap of parallel vectors may exceed 1 by rounding
    success = jnp.clip((1 + jax.lax.stop_gradient(overlaps)) / 2, 0, 1)
    return 2 * estimate_amplitude(success, points=points_for_signed(eps), repetitions=repetitions, key=key) - 1


def _pair(x: ArrayLike, y: ArrayLike) -> tuple[Amplitudes, Amplitudes]:
    require(np.shape(x) == np.shape(y), f"`y` must have the shape {np.shape(x)} of `x`, but has {np.shape(y)}.")
    return Amplitudes(x, name="x"), Amplitudes(y, name="y")


def _result(exact: Array, norm: Array, value: Array, tests: int, eps: float, repetitions: int, method: str) -> Readout:
    runs = tests * repetitions
    bound = scaled_bound(eps * math.sqrt(tests), norm)
    return Readout(
        values=jnp.where(norm != 0, straight_through(exact, (norm * value).astype(exact.dtype)), 0),
        shots=count(runs),
        queries=count(2 * runs * queries_of(points_for(eps / 2))),
        error_bound=bound,
        entry_bound=bound,
        failure_probability=jnp.asarray(min(1.0, tests * median_failure(repetitions)), norm.dtype),
        norm=norm,
        method=f"{method}, amplitude estimation, median of {repetitions}",
    )


def _clean(left: VectorEncoding, right: VectorEncoding) -> Array:
    """Return whether both circuits return their ancillas to 0, after a check that both are states of one size."""
    for name, vec in (("left", left), ("right", right)):
        require_kind(name, vec, VectorEncoding)
    require(
        left.num_qubits == right.num_qubits,
        f"`right` must have the {left.num_qubits} qubits of `left`, but has {right.num_qubits}.",
    )
    return _returns_ancillas("left", left) & _returns_ancillas("right", right)


def _returns_ancillas(name: str, vec: VectorEncoding) -> Array:
    """Return whether all ancillas come back as 0, which the flagged amplitude shows.

    Raises:
        ValueError: ancillas that are known before tracing not to come back.
    """
    returned = jnp.square(vec.amplitude)
    surely = (returned >= 1 - ROUNDING * jnp.finfo(returned.dtype).eps) | (vec.num_ancillas == 0)
    if is_concrete(surely):
        require(bool(surely), f"`{name}` must return its ancillas to 0, but does so with probability {returned:.6g}.")
    return surely
