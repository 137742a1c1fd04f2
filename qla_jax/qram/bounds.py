r"""What held bits alone allow: sharper bounds than those by all sites, damping included, and the error they leave.

**Damping alone.** A lost bit never returns, so only the Kraus operators $K_0$ at all sites leave the word in the slots,
and each branch held H bits at them: $F = (1-\gamma)^H$ exactly, with $H = (n-1)(4n+4k+1)$, for all amplitudes.

**Pauli errors.** Those that strike elements at rest do nothing, hence $E[\Lambda] \ge (1-p)^H$ and, as in `good`,
$F \ge \max(2(1-p)^H - 1, 0)^2$.

H is that of the plan: a memory with errors at all levels has the larger one of `all_levels`.

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
    r"""What 1 - F cannot exceed, if a weight r of branches at most is not intact but for damping at H held sites each.

    $F \ge \max(g(1 - r) - r, 0)^2$ with $g = (1-\gamma)^{H/2}$: those intact bring $g(1 - r)$ into the same state of
    the tree; the others can at most stand against them. The mean of r over trajectories will do, by convexity.
    """
    lost = missed(noise.loss, jnp.asarray(held) / 2)
    short = lost + struck * (2 - lost)  # of a root of F of 1, without its cancellation
    return jnp.where(short < 1, short * (2 - short), 1)


def infidelity_bound(address_bits: int, word_bits: int, noise: ErrorRates, *, all_levels: bool = False) -> Array:
    """What 1 - F cannot exceed, for any amplitudes; attained by damping alone. Differentiable but at a loss of 1.

    Args:
        address_bits: n.
        word_bits: k.
        noise: at the sites of the memory; NaN if it was traced and is none.
        all_levels: as of the memory.

    Raises:
        TypeError: `noise` is none.
        ValueError: what `schedule` raises.
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
    """What 1 - F does not exceed at a confidence, from `intact_fraction`: by the exact limit of Clopper and Pearson.

    Args:
        found: by `intact_fraction`, known.
        address_bits: n.
        word_bits: k.
        noise: the same as there; its damping enters here.
        confidence: between 0 and 1.
        all_levels: as of the memory.

    Raises:
        TypeError: `found` is no estimate, or `noise` no noise.
        ValueError: an estimate traced or outside of [0, 1], a confidence outside of (0, 1), or what `schedule` raises.
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
    r"""$\sqrt{2(1 - \sqrt F)}$: how far a noisy channel's purified output is from the ideal state, at best phase.

    By Uhlmann's theorem some state $|e\rangle$ of the environment has $\|\Psi - \psi\otimes e\|$ that small; it bounds
    the distance of $\langle e|\Psi\rangle$ from $\psi$, too.
    """
    infidelity = jnp.asarray(infidelity)
    root = jnp.sqrt(jnp.maximum(1 - infidelity, 0))
    return jnp.sqrt(2 * infidelity / (1 + root))  # = 2 (1 - root) without its cancellation
