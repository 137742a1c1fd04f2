r"""Expectation values of Pauli words, exact and from shots.

Words are big-endian: `"XZ"` is X on qubit 0 and Z on qubit 1. Exact values are $\langle\psi|P|\psi\rangle$, of a state
that is not normalized too.

Sampled values have the derivative of the exact ones: samples are piecewise constant, and the derivative of their mean
is what a gradient from shots estimates. Sampling costs one uniform number for each shot, and a cumulative sum.

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
from qla_jax.variational.states import as_state
from qla_jax.variational.unitaries import PAULIS


def expectation(state: Array, word: str) -> Float[Array, ""]:
    """The expectation value of a Pauli word.

    Raises:
        ValueError: a word of another length than the qubits, or of other letters than I, X, Y, Z.
    """
    state, n = as_state(state)
    require(isinstance(word, str), f"`word` must be a string of letters I, X, Y, Z, but is {word!r}.")
    require(len(word) == n, f"`word` must have {n} letters, but is {word!r}.")
    require(set(word) <= set(PAULIS), f"`word` must have letters I, X, Y, Z, but is {word!r}.")
    return pauli.expectation(word, state)


def pauli_sum(state: Array, terms: Mapping[str, float]) -> Float[Array, ""]:
    """The expectation value of a real combination of Pauli words.

    Raises:
        ValueError: no term, or what `expectation` raises.
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
    """Of each basis state."""
    flat = as_inexact("state", state).reshape(-1)
    return jnp.square(flat.real) + jnp.square(flat.imag) if jnp.iscomplexobj(flat) else jnp.square(flat)


def z_expectations(state: Array, qubits: Sequence[int] | None = None) -> Float[Array, " measured"]:
    """<Z> of each of the qubits, all unless told.

    Raises:
        ValueError: no qubit, or one that is not there.
    """
    state, n = as_state(state)
    qubits = range(n) if qubits is None else require_qubits(qubits, n)
    law = probabilities(state)
    halves = [law.reshape(1 << qubit, 2, -1).sum(axis=(0, 2)) for qubit in qubits]
    return jnp.stack([half[0] - half[1] for half in halves])


def sample_bits(state: Array, shots: int, *, key: Array) -> Int[Array, "shots n"]:
    """Measured bits of all qubits, shot by shot; a basis state of probability zero never occurs. No derivative.

    Inside jit, where nothing can be raised, all bits of what is no unit vector are -1.

    Raises:
        ValueError: no shot, or a state seen not to be a unit vector, to half of the digits.
    """
    require_key("key", key)
    shots = as_integer("shots", shots, least=1)
    state, n = as_state(state)
    heights = jnp.cumsum(probabilities(jax.lax.stop_gradient(state)))
    total = heights[-1]
    drawn = jnp.minimum(total * jax.random.uniform(key, (shots,), heights.dtype), jnp.nextafter(total, 0 * total))
    index = jnp.searchsorted(heights, drawn, side="right")
    places = jnp.arange(n - 1, -1, -1, dtype=index.dtype)
    return jnp.where(_is_unit(state), index[:, None] >> places[None, :] & 1, -1)


def sampled_z(state: Array, shots: int, *, key: Array) -> Float[Array, " n"]:
    """<Z> of every qubit from the same shots, with the derivative of the exact values; NaN where bits would be -1.

    Raises:
        ValueError: what `sample_bits` raises.
    """
    require_key("key", key)
    state, _ = as_state(state)
    exact = z_expectations(state)
    bits = sample_bits(state, shots, key=key)
    return with_derivative_of(exact, jnp.where(bits[0] < 0, jnp.nan, 1 - 2 * bits.mean(axis=0, dtype=exact.dtype)))


def sampled_expectation(state: Array, word: str, shots: int, *, key: Array) -> Float[Array, ""]:
    """The mean of so many measurements of a Pauli word, each +1 or -1, with the derivative of the exact value.

    NaN where bits would be -1.

    Raises:
        ValueError: what `sample_bits` and `expectation` raise.
    """
    require_key("key", key)
    shots = as_integer("shots", shots, least=1)
    state, _ = as_state(state)
    exact = expectation(state, word)
    plus = jax.random.uniform(key, (shots,), exact.dtype) < (1 + jax.lax.stop_gradient(exact)) / 2
    return with_derivative_of(exact, jnp.where(_is_unit(state), 2 * plus.mean(dtype=exact.dtype) - 1, jnp.nan))


def with_derivative_of(exact: Array, sampled: Array) -> Array:
    """The sampled value, which changes as the exact one does."""
    return jax.lax.stop_gradient(sampled) + (exact - jax.lax.stop_gradient(exact))


def _is_unit(state: Array) -> Array:
    """Whether a state has norm 1, to half of the digits; raises where it can be seen that it has not."""
    total = probabilities(jax.lax.stop_gradient(state)).sum()
    unit = jnp.abs(total - 1) <= jnp.sqrt(jnp.finfo(total.dtype).eps)
    if is_concrete(unit):
        require(bool(unit), f"`state` must be a unit vector to be measured, but its squared norm is {total:.6g}.")
    return unit


def require_qubits(qubits: Sequence[int], num_qubits: int) -> tuple[int, ...]:
    """Return the qubits to measure as integers; raise ValueError unless there are some and all exist."""
    found = as_integers("qubits", qubits)
    there = len(found) > 0 and all(0 <= qubit < num_qubits for qubit in found)
    require(there, f"`qubits` must lie between 0 and {num_qubits - 1}, but are {found}.")
    return found
