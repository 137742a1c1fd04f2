r"""Tomography of a real vector in the maximum norm, with recovery of signs.

There are two rounds of N copies each. The first, in the computational basis, gives $\hat p_i = n_i/N$. The second
measures $\frac1{\sqrt2}(|0\rangle|x\rangle + |1\rangle|\sqrt{\hat p}\rangle)$ after a Hadamard gate on the flag, with
amplitudes $\frac12(x_i \pm \sqrt{\hat p_i})$: the sign of $x_i$ is plus where the count of $(0, i)$ exceeds
$0.4\,\hat p_iN$. With $N = 36\ln d/\delta^2$ every entry of $\sigma\sqrt{\hat p}$ is within $\delta$ of the unit vector
$x$, with high probability. Real vectors only.

The noise of the moduli is nearly white: it gives a relative Euclidean error of $\sqrt{d/4N}$ where no entry is rare.
Wrong signs of entries below $\delta$ add to this error, about a third more for normally distributed entries. So a fixed
Euclidean error takes N proportional to d; N grows like $\ln d$ only at a fixed error in the maximum norm.

References:
    Kerenidis, Landman, Prakash (2019), Theorem 4.3 and Algorithm 1, with the proof of the earlier Kerenidis, Prakash
    (2018). https://arxiv.org/abs/1911.01117, https://arxiv.org/abs/1808.09266
"""

import math
from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_integers, require
from qla_jax._modes import varying_like
from qla_jax.linalg.derivatives import straight_through
from qla_jax.linalg.sampling import multinomial, require_countable
from qla_jax.measurement.readout import Amplitudes, Price, Readout, ReadoutMethod, as_precision

CONSTANT = 36.0
THRESHOLD = 0.4
SLICES = 64


class Tomography(ReadoutMethod):
    """Readout protocol for all entries of a real tensor, by counts of basis states and of signs.

    Attributes:
        delta: precision of each entry of the unit vector; None where the copies are given.
        copies: number of copies per round; None where it follows from the precision.
        constant: constant in the number of copies.
        threshold: share of the first count from which on a sign is plus.
    """

    delta: float | None = struct.field(pytree_node=False)
    copies: int | None = struct.field(pytree_node=False)
    constant: float = struct.field(pytree_node=False, default=CONSTANT)
    threshold: float = struct.field(pytree_node=False, default=THRESHOLD)

    real = True

    def measure(self, amplitudes: Amplitudes, *, key: Array) -> Readout:
        x, shape = amplitudes.direction, amplitudes.state.shape
        copies, delta = self.plan(x.size)
        estimate = sampled_amplitudes(x, copies, self.threshold, key=key)
        return amplitudes.readout(
            straight_through(amplitudes.state, (amplitudes.norm * estimate).reshape(shape)),
            shots=2 * copies,
            queries=2 * copies,
            entry=delta,
            total=min(2.0, math.sqrt(x.size) * delta),
            failure=failure_probability(x.size, delta, copies, self.threshold),
            method="tomography",
        )

    def price(self, shape: tuple[int, ...]) -> Price:
        copies, _ = self.plan(math.prod(as_integers("shape", shape, least=1)))
        return Price(2 * copies, 2 * copies)

    def plan(self, dimension: int) -> tuple[int, float]:
        """Return the copies per round and the precision, for so many entries.

        Raises:
            ValueError: more copies than the integers of this precision hold.
        """
        effort = self.constant * math.log(max(dimension, 2))
        if self.delta is None:
            assert self.copies is not None
            return self.copies, math.sqrt(effort / self.copies)
        copies = math.ceil(effort / self.delta**2)
        require_countable("2 * copies", 2 * copies)
        return copies, self.delta


def tomography(
    *,
    delta: float | None = None,
    copies: int | None = None,
    constant: float = CONSTANT,
    sign_threshold: float = THRESHOLD,
) -> Tomography:
    r"""Read out all entries to $\delta$ times the norm, from $2\lceil 36\ln d/\delta^2\rceil$ copies.

    The bounds of a result are $\delta$ for an entry and $\min(2, \sqrt d\,\delta)$ in the Euclidean norm, both times
    the norm. The `failure_probability` of these bounds is proven for the given constants, and is far above the observed
    frequency.

    Args:
        delta: precision of each entry relative to the norm, in (0, 1).
        copies: number of copies per round, instead of `delta`, which then follows from it.
        constant: constant in the number of copies. With $36/\ln 2$ the logarithm is to base 2.
        sign_threshold: share of $\hat p_iN$, in (0, 1), from which on a sign is plus.

    Raises:
        ValueError: not exactly one of `delta` and `copies`, or a value out of its range.

    Example:
        >>> readout = tomography(delta=0.05)
        >>> found = readout(jnp.array([3.0, -4.0]), key=jax.random.key(0))
        >>> int(found.shots), bool(jnp.abs(found.values - jnp.array([3.0, -4.0])).max() <= found.entry_bound)
        (19964, True)
    """
    require(
        (delta is None) != (copies is None), f"Give one of `delta` and `copies`, but they are {delta} and {copies}."
    )
    if delta is not None:
        delta = as_precision("delta", delta, below=1)
    if copies is not None:
        copies = require_countable("copies", copies)
        require_countable("2 * copies", 2 * copies)
    return Tomography(
        delta=delta,
        copies=copies,
        constant=as_precision("constant", constant),
        threshold=as_precision("sign_threshold", sign_threshold, below=1),
    )


def sampled_amplitudes(x: Float[Array, " d"], copies: int, threshold: float, *, key: Array) -> Float[Array, " d"]:
    r"""Simulate both rounds of tomography on a unit vector.

    The rounds are one loop, so that the sampler of counts is compiled once.

    Args:
        x: real unit vector.
        copies: number N of copies per round.
        threshold: share of the first count from which on a sign is plus.
        key: random key of both rounds.

    Returns:
        Estimates $\sigma\sqrt{\hat p}$ of all entries.
    """
    x = jax.lax.stop_gradient(x)

    def one_round(share: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        key, second = now
        with_flag_0, with_flag_1 = (jnp.square((x + sign * jnp.sqrt(share)) / 2) for sign in (1, -1))
        # Counts with flag 1 are unused, so all of them are drawn as one outcome.
        law = jnp.concatenate([jnp.square(x), jnp.zeros_like(x[:1])])
        law = jnp.where(second, jnp.concatenate([with_flag_0, with_flag_1.sum()[None]]), law)
        seen = multinomial(copies, law, key=key)[:-1].astype(x.dtype)
        return seen / copies, seen

    keys, second = jax.random.split(key), jnp.array([False, True])
    # The second round needs the shares of the first as its carry, and a scan of two steps compiles the sampler once.
    _, (found, plus) = jax.lax.scan(one_round, varying_like(jnp.zeros_like(x), x, key), (keys, second))
    sizes = jnp.sqrt(found / copies)
    return jnp.where(plus > threshold * found, sizes, -sizes)


def failure_probability(dimension: int, delta: float, copies: int, threshold: float = THRESHOLD) -> float:
    r"""Return a proven bound on the probability that any entry of a unit vector is off by more than delta.

    By Chernoff's bound with $\mathrm{KL}(q\|p) \ge (\sqrt q - \sqrt p)^2$ a size is off by $\tau$ with probability at
    most $2e^{-N\tau^2}$. A wrong sign matters only where $|x_i| + \sqrt{\hat p_i} > \delta$, and then, for
    $\tau = \sqrt{\hat p_i} - |x_i|$, $\hat p_i > (\delta + \tau)^2/4$. It takes a count on the wrong side of the share
    $a = t\hat p_i$, of an outcome of probability $b = (\sqrt{\hat p_i} - \tau/2)^2$ or $\tau^2/4$: at most $e^{-Nh}$,
    $h = a\ln(a/b) + b - a$, which is least at the least $\hat p_i$ (for a wrong minus and $\tau < 0$, at least what it
    is for $\tau = 0$). The result is the union bound over all cases, with $\tau$ in slices.

    Args:
        dimension: number of entries.
        delta: precision of each entry.
        copies: number N of copies per round.
        threshold: share t of the first count from which on a sign is plus.
    """

    def rate(a: float, b: float) -> float:
        return (a * math.log(a / b) if a > 0 else 0.0) + b - a if b > 0 else math.inf

    def slice_(low: float, high: float) -> float:
        """Return the bound on a wrong sign for tau in [low, high], in units of delta."""
        likely = 1.0 if low <= 0 <= high else math.exp(-effort * min(low * low, high * high))
        above, below = threshold * (1 + max(high, 0)) ** 2 / 4, threshold * (1 + low) ** 2 / 4
        wrongly_minus = math.exp(-effort * rate(above, 0.25)) if above < 0.25 else 1.0
        farthest = max(low * low, high * high) / 4
        wrongly_plus = math.exp(-effort * rate(below, farthest)) if farthest < below else 1.0
        return likely * max(wrongly_minus, wrongly_plus)

    effort = copies * delta * delta
    edges = [-1 + 2 * i / SLICES for i in range(SLICES + 1)]
    signs = sum(slice_(low, high) for low, high in pairwise(edges))
    return min(1.0, dimension * (2 * math.exp(-effort) + signs))
