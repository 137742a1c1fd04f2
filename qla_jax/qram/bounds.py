r"""Bounds on the infidelity of a read from sites that hold a bit, and the error of the state that they imply.

The bounds are sharper than those from all sites, and include damping.

**Damping alone.** A lost bit never returns, so only the Kraus operators $K_0$ at all sites leave the word in the slots.
Each branch holds a bit at H sites, hence $F = (1-\gamma)^H$ exactly, with $H = (n-1)(4n+4k+1)$, for all amplitudes.

**Pauli errors.** Errors at elements at rest have no effect, hence $E[\Lambda] \ge (1-p)^H$ and, as in `good`,
$F \ge \max(2(1-p)^H - 1, 0)^2$.

H depends on the plan: a memory with errors at all levels has the larger number of `all_levels`.

Example:
    >>> from qla_jax.qram.rates import amplitude_damping
    >>> bool(abs(infidelity_bound(2, 1, amplitude_damping(0.05)) - (1 - 0.95**13)) < 1e-6)
    True
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from scipy import special

from qla_jax._checks import as_integer, as_real, is_concrete, require, require_kind, within
from qla_jax.qram._checks import nan_unless_finite
from qla_jax.qram.fidelity import Estimate
from qla_jax.qram.rates import ErrorRates, missed
from qla_jax.qram.scheduling import held_site_count


def infidelity_with(struck: ArrayLike, held: ArrayLike, noise: ErrorRates) -> Array:
    r"""Return a bound on 1 - F, if branches of weight at most r are not intact except for damping.

    Then $F \ge \max(g(1 - r) - r, 0)^2$ with $g = (1-\gamma)^{H/2}$: the intact branches contribute $g(1 - r)$ with one
    state of the tree, and the others reduce the sum by at most r. The mean of r over trajectories may be used, by
    convexity.

    Args:
        struck: weight r of the branches that are not intact.
        held: number H of sites at which a branch holds a bit.
        noise: error rates at the sites of the memory.
    """
    lost = missed(noise.loss, jnp.asarray(held) / 2)
    short = lost + struck * (2 - lost)  # 1 - sqrt(F), without cancellation
    return jnp.where(short < 1, short * (2 - short), 1)


def infidelity_bound(address_bits: int, word_bits: int, noise: ErrorRates, *, all_levels: bool = False) -> Array:
    """Return a bound on 1 - F for any amplitudes, which damping alone attains.

    The bound is differentiable except at a loss of 1.

    Args:
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.
        noise: error rates at the sites of the memory; traced rates outside their range give NaN.
        all_levels: whether errors may strike all levels after every step, as for the memory.

    Raises:
        TypeError: `noise` is no `ErrorRates`.
        ValueError: what `schedule` raises.

    Example:
        >>> from qla_jax.qram import amplitude_damping
        >>> round(float(infidelity_bound(2, 1, amplitude_damping(0.05))), 6)  # 1 - 0.95^13
        0.486658
    """
    require_kind("noise", noise, ErrorRates)
    held = held_site_count(address_bits, word_bits, all_levels=all_levels)
    return nan_unless_finite(infidelity_with(missed(noise.pauli, held), held, noise), noise)


def certified_infidelity(
    found: Estimate,
    address_bits: int,
    word_bits: int,
    noise: ErrorRates,
    confidence: float,
    *,
    all_levels: bool = False,
) -> Array:
    """Return an upper confidence limit of 1 - F from `intact_fraction`, by the exact limit of Clopper and Pearson.

    Args:
        found: result of `intact_fraction`, not traced.
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.
        noise: error rates that `intact_fraction` was given; damping enters only here.
        confidence: probability with which the limit holds, between 0 and 1.
        all_levels: whether errors may strike all levels after every step, as for the memory.

    Raises:
        TypeError: `found` is no estimate, or `noise` no `ErrorRates`.
        ValueError: an estimate traced or outside of [0, 1], a confidence outside of (0, 1), or what `schedule` raises.

    Example:
        >>> from qla_jax.qram.fidelity import Estimate
        >>> from qla_jax.qram import depolarizing
        >>> found = Estimate(jnp.array(1.0), jnp.array(0.0), 1000)  # all of 1000 branches were intact
        >>> round(float(certified_infidelity(found, 2, 1, depolarizing(1e-4), 0.95)), 4)
        0.0119
    """
    require_kind("found", found, Estimate)
    require_kind("noise", noise, ErrorRates)
    held = held_site_count(address_bits, word_bits, all_levels=all_levels)
    confidence = as_real("confidence", confidence)
    require(0 < confidence < 1, f"`confidence` must lie between 0 and 1, but is {confidence}.")
    require(is_concrete(found.value), "`found` must be known, but is traced: its limits are found on the host.")
    shots = as_integer("found.shots", found.shots, 1)
    hits = round(float(within("found", found.value, 0, 1)) * shots)
    low = special.betaincinv(hits, shots - hits + 1, 1 - confidence) if hits else 0.0
    return nan_unless_finite(infidelity_with(1 - float(low), held, noise), noise)


def state_error(infidelity: ArrayLike) -> Array:
    r"""Return $\sqrt{2(1 - \sqrt F)}$, the distance of a channel's purified output from the ideal state, at best phase.

    By Uhlmann's theorem some state $|e\rangle$ of the environment has $\|\Psi - \psi\otimes e\|$ of at most this size.
    The same number bounds the distance of $\langle e|\Psi\rangle$ from $\psi$.
    """
    infidelity = jnp.asarray(infidelity)
    root = jnp.sqrt(jnp.maximum(1 - infidelity, 0))
    return jnp.sqrt(2 * infidelity / (1 + root))  # 2 (1 - root), without cancellation
