r"""Classical shadows: estimates of many few-body observables from the same random measurements.

Each copy is measured in a random basis. The inverse of the average over all bases turns the outcome into an unbiased
estimate of the state. Every observable is a median of means of such estimates. The estimate of a Pauli word of weight w
from one copy is

* for random Pauli bases $\pm3^w$ where the bases agree with the word on its qubits, else 0: variance
  $3^w - \langle P\rangle^2$;
* for random Clifford circuits $\pm(2^n + 1)$ where the stabilizer group holds the word, else 0: variance
  $2^n + 1 - \langle P\rangle^2$, whatever the weight.

References:
    Huang, Kueng, Preskill (2020), Theorem 1 and Proposition 3. https://arxiv.org/abs/2002.08953
"""

import math
from typing import Literal

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Float

from qla_jax._checks import require
from qla_jax._modes import varying_like
from qla_jax.linalg.derivatives import straight_through
from qla_jax.linalg.pauli import expectation
from qla_jax.linalg.sampling import counting_dtype, require_countable
from qla_jax.measurement.pauli_bases import LETTERS, as_qubits, as_words, outcome_law, weight
from qla_jax.measurement.readout import Amplitudes, Readout, ReadoutMethod, as_precision
from qla_jax.measurement.stabilizer_bases import MOST_QUBITS, generators, measured

Ensemble = Literal["pauli", "clifford"]
CONSTANT = 34
"""Constant of Theorem 1: number of copies in a group at unit variance and precision."""
MOST_QUBITS_OF_PAULI = 16
BATCH = 1024


class ShadowReadout(ReadoutMethod):
    """Readout protocol for expectations of Pauli words in the normalized state, by medians of means.

    Attributes:
        observables: Pauli words, first letter on the most significant qubit.
        relative_eps: precision of each expectation in the normalized state.
        failure: probability that any expectation is off by more.
        ensemble: ensemble of the bases.
        copies: number of copies in all, instead of the theorem's; None otherwise.
    """

    observables: tuple[str, ...] = struct.field(pytree_node=False)
    relative_eps: float | None = struct.field(pytree_node=False)
    failure: float = struct.field(pytree_node=False)
    ensemble: Ensemble = struct.field(pytree_node=False)
    copies: int | None = struct.field(pytree_node=False)

    def measure(self, amplitudes: Amplitudes, *, key: Array) -> Readout:
        most = MOST_QUBITS if self.ensemble == "clifford" else MOST_QUBITS_OF_PAULI
        psi, qubits = as_qubits(amplitudes, most)
        fits = len(self.observables[0]) == qubits
        require(fits, f"`observables` must be words of {qubits} letters for this state, but are {self.observables}.")
        groups, size, eps = self.plan()
        exact = jnp.stack([expectation(word, psi) for word in self.observables])
        frozen = jax.lax.stop_gradient(psi)
        # A map over groups, rather than vmap, holds only one group's batch in memory.
        means = jax.lax.map(
            lambda group: self._mean(frozen, size, key=jax.random.fold_in(key, group)),
            jnp.arange(groups, dtype=jnp.int32),
        )
        values = jnp.median(means, axis=0)
        found = amplitudes.readout(
            straight_through(exact, values.astype(exact.dtype)),
            shots=groups * size,
            queries=groups * size,
            entry=0.0,
            total=0.0,
            failure=self.failure,
            method=f"shadows, {self.ensemble}",
        )
        measurable = amplitudes.exists & amplitudes.finite
        # expectations are those of the unit vector, so bounds do not scale with the norm
        bound = jnp.where(measurable, eps, jnp.inf).astype(exact.dtype)
        return found.replace(entry_bound=bound, error_bound=bound * math.sqrt(len(self.observables)))

    def _mean(self, psi: Array, size: int, *, key: Array) -> Float[Array, " observables"]:
        """Return mean estimates from so many copies, drawn in batches so that memory does not grow with them."""
        batch = min(size, BATCH)
        places = jnp.arange(batch, dtype=counting_dtype())

        def step(number: Array, mean: Array) -> Array:
            own = jax.random.fold_in(key, number)
            seen = jax.vmap(lambda place: self.snapshot(psi, key=jax.random.fold_in(own, place)))(places)
            there = (number * batch + places < size)[:, None]
            return mean + jnp.sum(jnp.where(there, seen, 0), axis=0) / size

        start = varying_like(jnp.zeros(len(self.observables), psi.real.dtype), psi, key)
        first = jnp.zeros((), counting_dtype())
        return jax.lax.fori_loop(first, first - (-size // batch), step, start)

    def snapshot(self, psi: Array, *, key: Array) -> Float[Array, " observables"]:
        """Return unbiased estimates of all observables from one copy.

        Args:
            psi: unit vector of whole qubits.
            key: random key of the basis and the outcome.
        """
        basis_key, outcome_key = jax.random.split(key)
        qubits = psi.size.bit_length() - 1
        if self.ensemble == "clifford":
            left = measured(psi, generators(qubits, key=basis_key), key=outcome_key)
            return jnp.stack([_clifford_estimate(word, left) for word in self.observables])
        bases = jax.random.randint(basis_key, (qubits,), 0, 3)
        outcome = jax.random.categorical(outcome_key, jnp.log(outcome_law(psi, bases)))
        signs = 1 - 2 * ((outcome >> jnp.arange(qubits - 1, -1, -1)) & 1)
        return jnp.stack([_pauli_estimate(word, bases, signs).astype(psi.real.dtype) for word in self.observables])

    def plan(self) -> tuple[int, int, float]:
        """Return the number of groups, the copies in each, and the precision that the theorem proves for them.

        Raises:
            ValueError: more copies than the integers of this precision hold.
        """
        groups = math.ceil(2 * math.log(2 * len(self.observables) / self.failure))
        worst = max(shadow_norm(word, self.ensemble) for word in self.observables)
        if self.copies is None:
            assert self.relative_eps is not None
            # the variance of the identity is 0, but a group has at least one copy
            size = max(math.ceil(CONSTANT * worst / self.relative_eps**2), 1)
            require_countable("copies", groups * size)
            return groups, size, self.relative_eps
        size = self.copies // groups
        return groups, size, math.sqrt(CONSTANT * worst / size)


def shadow_readout(
    observables: str | tuple[str, ...] | list[str],
    *,
    relative_eps: float | None = None,
    copies: int | None = None,
    failure: float = 0.01,
    ensemble: Ensemble = "pauli",
) -> ShadowReadout:
    r"""Estimate Pauli words from $\lceil2\ln(2L/\delta)\rceil$ groups of $34\max\|P\|_s^2/\epsilon^2$ copies.

    The values of a result are $\langle P_l\rangle$ in the normalized state, not the state itself. States may be real or
    complex and are padded to whole qubits. The derivative of the values is that of the exact expectations. Time grows
    with copies times $2^n$: the limit is 16 qubits for Pauli bases and 6 for Clifford circuits.

    Args:
        observables: Pauli words such as "XZI".
        relative_eps: absolute precision of each expectation in the normalized state.
        copies: number of copies in all, instead of `relative_eps`; rounded down to whole groups.
        failure: probability that any word is off by more.
        ensemble: ensemble of the bases, "pauli" or "clifford".

    Raises:
        ValueError: not exactly one of `relative_eps` and `copies`, fewer copies than groups, or a value out of its
            range. The readout raises it for words that do not have a letter for each qubit, and for more copies than
            integers hold.

    Example:
        >>> readout = shadow_readout(["ZI", "XX"], relative_eps=0.5)
        >>> found = readout(jnp.array([1.0, 0.0, 0.0, 0.0]), key=jax.random.key(0))
        >>> int(found.shots), bool(jnp.abs(found.values - jnp.array([1.0, 0.0])).max() <= 0.5)
        (14688, True)
    """
    words = as_words(observables)
    one = (relative_eps is None) != (copies is None)
    require(one, f"Give one of `relative_eps` and `copies`, but they are {relative_eps} and {copies}.")
    require(ensemble in ("pauli", "clifford"), f"`ensemble` must be pauli or clifford, but is {ensemble!r}.")
    failure = as_precision("failure", failure, below=1)
    if copies is not None:
        copies = require_countable("copies", copies)
        groups = math.ceil(2 * math.log(2 * len(words) / failure))
        require(copies >= groups, f"`copies` must be at least the number of groups, {groups}, but is {copies}.")
    return ShadowReadout(
        observables=words,
        relative_eps=None if relative_eps is None else as_precision("relative_eps", relative_eps),
        failure=failure,
        ensemble=ensemble,
        copies=copies,
    )


def shadow_norm(word: str, ensemble: Ensemble) -> int:
    r"""Return $\|P\|_s^2$, the largest second moment of the estimate from one copy: $3^w$, or $2^n + 1$.

    It is 0 for the identity, whose expectation is 1 without a measurement.

    Args:
        word: Pauli word.
        ensemble: ensemble of the bases, "pauli" or "clifford".
    """
    if weight(word) == 0:
        return 0
    return int(3 ** weight(word) if ensemble == "pauli" else 2 ** len(word) + 1)


def _pauli_estimate(word: str, bases: Array, signs: Array) -> Array:
    estimate = 0 * signs[0] + 1
    for qubit, letter in enumerate(word):
        if letter != "I":
            estimate = estimate * jnp.where(bases[qubit] == LETTERS.index(letter), 3 * signs[qubit], 0)
    return estimate


def _clifford_estimate(word: str, left: Array) -> Array:
    r"""Return the estimate by the inverse channel $(2^n + 1)X - \mathrm{tr}X$; a word's expectation is -1, 0 or 1."""
    if weight(word) == 0:
        return 0 * left[0].real + 1
    return (left.size + 1) * jnp.round(expectation(word, left))
