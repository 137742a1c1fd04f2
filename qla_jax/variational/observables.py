r"""Expectation values of Pauli words, exact and from shots.

Words are big-endian: `"XZ"` is X on qubit 0 and Z on qubit 1. Exact values are $\langle\psi|P|\psi\rangle$, also for a
state that is not normalized.

Sampled values have the derivative of the exact ones: samples are piecewise constant, and the derivative of their mean
is the quantity that a gradient from shots estimates. Sampling takes one uniform number for each shot and one cumulative
sum.

Example:
    >>> bell = jnp.array([1, 0, 0, 1]) / jnp.sqrt(2)
    >>> [float(expectation(bell, word).round(6)) for word in ("ZZ", "XX", "YY")]
    [1.0, 1.0, -1.0]
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from qla_jax._checks import as_inexact, as_integer, as_integers, is_concrete, require, require_key, require_kind
from qla_jax._modes import common_dtype
from qla_jax.linalg import pauli
from qla_jax.variational.sharding import readout
from qla_jax.variational.sharding.shards import held_count
from qla_jax.variational.states import as_state
from qla_jax.variational.unitaries import PAULIS


def expectation(state: Array, word: str) -> Float[Array, ""]:
    """Return the expectation value of a Pauli word.

    Args:
        state: state of n qubits.
        word: n letters I, X, Y, Z, the first for qubit 0.

    Raises:
        ValueError: a word of another length than the qubits, or of other letters than I, X, Y, Z.

    Example:
        >>> expectation(jnp.array([0.6, 0.8]), "X").round(4)  # 2 * 0.6 * 0.8
        Array(0.96, dtype=...)
    """
    state, n = as_state(state)
    require(isinstance(word, str), f"`word` must be a string of letters I, X, Y, Z, but is {word!r}.")
    require(len(word) == n, f"`word` must have {n} letters, but is {word!r}.")
    require(set(word) <= set(PAULIS), f"`word` must have letters I, X, Y, Z, but is {word!r}.")
    if held_count(n):
        return readout.expectation(word, state)
    return pauli.expectation(word, state)


def pauli_sum(state: Array, terms: Mapping[str, float]) -> Float[Array, ""]:
    """Return the expectation value of a real combination of Pauli words.

    Args:
        state: state of n qubits.
        terms: coefficients by word.

    Raises:
        ValueError: no term, or what `expectation` raises.

    Example:
        >>> pauli_sum(jnp.array([0.6, 0.8]), {"X": 0.5, "Z": 1.0}).round(4).tolist()
        0.2
    """
    require_kind("terms", terms, Mapping)
    require(len(terms) > 0, "`terms` must not be empty.")
    state, _ = as_state(state)
    weights = [as_inexact("terms", weight, like=state.real) for weight in terms.values()]
    for word, weight in zip(terms, weights, strict=True):
        real = weight.ndim == 0 and jnp.isrealobj(weight)
        require(real, f"`terms` must have real numbers, but has {weight.dtype} of shape {weight.shape} for {word!r}.")
    dtype = common_dtype(state.real, *weights)
    values = [expectation(state, word).astype(dtype) for word in terms]
    return sum((w.astype(dtype) * value for w, value in zip(weights, values, strict=True)), jnp.zeros((), dtype))


def probabilities(state: Array) -> Float[Array, " dim"]:
    """Return the probability of each basis state.

    Example:
        >>> probabilities(jnp.array([0.6, 0.8j])).round(4)
        Array([0.36, 0.64], dtype=...)
    """
    flat = as_inexact("state", state).reshape(-1)
    return jnp.square(flat.real) + jnp.square(flat.imag) if jnp.iscomplexobj(flat) else jnp.square(flat)


def z_expectations(state: Array, qubits: Sequence[int] | None = None) -> Float[Array, " measured"]:
    """Return <Z> of qubits.

    Args:
        state: state of n qubits.
        qubits: qubits to measure, all by default.

    Raises:
        ValueError: no qubit, or one that is not there.

    Example:
        >>> z_expectations(jnp.array([0.0, 1.0, 0.0, 0.0])).tolist()  # |01>
        [1.0, -1.0]
    """
    state, n = as_state(state)
    qubits = range(n) if qubits is None else require_qubits(qubits, n)
    law = probabilities(state)
    if held_count(n):
        return readout.z_expectations(law, tuple(qubits))
    halves = [law.reshape(1 << qubit, 2, -1).sum(axis=(0, 2)) for qubit in qubits]
    return jnp.stack([half[0] - half[1] for half in halves])


def sample_bits(state: Array, shots: int, *, key: Array) -> Int[Array, "shots n"]:
    """Return measured bits of all qubits, shot by shot. Bits have no derivative.

    A basis state of probability zero never occurs. Inside jit, where nothing can be raised, all bits of a state that is
    no unit vector are -1.

    Args:
        state: unit vector of n qubits.
        shots: number of shots.
        key: random key of the shots.

    Raises:
        ValueError: no shot, or a state seen not to be a unit vector, to half of the digits.

    Example:
        >>> sample_bits(jnp.array([0.0, 1.0, 0.0, 0.0]), 2, key=jax.random.key(0)).tolist()
        [[0, 1], [0, 1]]
    """
    require_key("key", key)
    shots = as_integer("shots", shots, least=1)
    state, n = as_state(state)
    law = probabilities(jax.lax.stop_gradient(state))
    uniform = jax.random.uniform(key, (shots,), law.dtype)
    if held_count(n):
        return jnp.where(_is_unit(state), readout.sampled(law, uniform), -1)
    heights = jnp.cumsum(law)
    total = heights[-1]
    drawn = jnp.minimum(total * uniform, jnp.nextafter(total, 0 * total))
    index = jnp.searchsorted(heights, drawn, side="right")
    places = jnp.arange(n - 1, -1, -1, dtype=index.dtype)
    return jnp.where(_is_unit(state), index[:, None] >> places[None, :] & 1, -1)


def sampled_z(state: Array, shots: int, *, key: Array) -> Float[Array, " n"]:
    """Return estimates of <Z> of every qubit from the same shots, with the derivative of the exact values.

    Inside jit the estimates of a state that is no unit vector are NaN.

    Args:
        state: unit vector of n qubits.
        shots: number of shots.
        key: random key of the shots.

    Raises:
        ValueError: what `sample_bits` raises.

    Example:
        >>> sampled_z(jnp.array([0.0, 1.0, 0.0, 0.0]), 10, key=jax.random.key(0)).tolist()
        [1.0, -1.0]
    """
    require_key("key", key)
    state, _ = as_state(state)
    exact = z_expectations(state)
    bits = sample_bits(state, shots, key=key)
    return with_derivative_of(exact, jnp.where(bits[0] < 0, jnp.nan, 1 - 2 * bits.mean(axis=0, dtype=exact.dtype)))


def sampled_expectation(state: Array, word: str, shots: int, *, key: Array) -> Float[Array, ""]:
    """Return the mean of so many measurements of a Pauli word, each +1 or -1, with the derivative of the exact value.

    Inside jit the estimate for a state that is no unit vector is NaN.

    Args:
        state: unit vector of n qubits.
        word: n letters I, X, Y, Z, the first for qubit 0.
        shots: number of measurements.
        key: random key of the measurements.

    Raises:
        ValueError: what `sample_bits` and `expectation` raise.

    Example:
        >>> plus = jnp.array([1.0, 1.0]) / jnp.sqrt(2.0)
        >>> float(sampled_expectation(plus, "X", 10, key=jax.random.key(0)))
        1.0
    """
    require_key("key", key)
    shots = as_integer("shots", shots, least=1)
    state, _ = as_state(state)
    exact = expectation(state, word)
    plus = jax.random.uniform(key, (shots,), exact.dtype) < (1 + jax.lax.stop_gradient(exact)) / 2
    return with_derivative_of(exact, jnp.where(_is_unit(state), 2 * plus.mean(dtype=exact.dtype) - 1, jnp.nan))


def with_derivative_of(exact: Array, sampled: Array) -> Array:
    """Return the sampled value with the derivative of the exact one.

    Args:
        exact: value that is differentiated.
        sampled: value that is returned.
    """
    return jax.lax.stop_gradient(sampled) + (exact - jax.lax.stop_gradient(exact))


def _is_unit(state: Array) -> Array:
    """Return whether a state has norm 1, to half of the digits; raise where it can be seen that it has not."""
    total = probabilities(jax.lax.stop_gradient(state)).sum()
    unit = jnp.abs(total - 1) <= jnp.sqrt(jnp.finfo(total.dtype).eps)
    if is_concrete(unit):
        require(bool(unit), f"`state` must be a unit vector to be measured, but its squared norm is {total:.6g}.")
    return unit


def require_qubits(qubits: Sequence[int], num_qubits: int) -> tuple[int, ...]:
    """Return the qubits to measure as integers.

    Args:
        qubits: qubits to measure.
        num_qubits: number of qubits of the state.

    Raises:
        ValueError: no qubit, or one that is not there.
    """
    found = as_integers("qubits", qubits)
    there = len(found) > 0 and all(0 <= qubit < num_qubits for qubit in found)
    require(there, f"`qubits` must lie between 0 and {num_qubits - 1}, but are {found}.")
    return found
