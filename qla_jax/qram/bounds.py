r"""What held bits alone allow: sharper bounds than those by all sites, damping included, and the error they leave.

**Damping alone.** A lost bit never returns, so only the Kraus operators $K_0$ at all sites leave the word in the slots,
and each branch held H bits at them: $F = (1-\gamma)^H$ exactly, with $H = (n-1)(4n+4k+1)$, for all amplitudes.

**Pauli errors.** Those that strike elements at rest do nothing, hence $E[\Lambda] \ge (1-p)^H$ and, as in `good`,
$F \ge \max(2(1-p)^H - 1, 0)^2$.

Example:
    >>> from qla_jax.qram._noise import amplitude_damping
    >>> bool(abs(infidelity_bound(2, 1, amplitude_damping(0.05)) - (1 - 0.95**13)) < 1e-6)
    True
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from scipy import stats

from qla_jax.encodings.checks import is_concrete, require
from qla_jax.qram._noise import Noise
from qla_jax.qram._schedule import held_site_count
from qla_jax.qram.fidelity import Estimate


def fidelity_with(intact: ArrayLike, held: ArrayLike, noise: Noise) -> Array:
    r"""What the fidelity is at least, if a weight q of branches is intact but for damping at H held sites each.

    $F \ge \max(g q - (1 - q), 0)^2$ with $g = (1-\gamma)^{H/2}$: those bring $g q$ into the same state of the tree; the
    others, of weight 1 - q, can at most stand against them. The mean of q over trajectories will do, by convexity.
    """
    kept = (1 - noise.loss) ** (jnp.asarray(held, noise.loss.dtype) / 2)
    return jnp.maximum(kept * intact - (1 - jnp.asarray(intact)), 0) ** 2


def infidelity_bound(address_bits: int, word_bits: int, noise: Noise) -> Array:
    """What 1 - F cannot exceed, for any amplitudes; attained by damping alone. Differentiable but at a loss of 1.

    Raises:
        ValueError: what `schedule` raises.
    """
    held = held_site_count(address_bits, word_bits)
    return 1 - fidelity_with((1 - noise.pauli) ** held, held, noise)


def certified_infidelity(found: Estimate, address_bits: int, word_bits: int, noise: Noise, confidence: float) -> Array:
    """What 1 - F does not exceed at a confidence, from `intact_fraction`: by the exact limit of Clopper and Pearson.

    Raises:
        ValueError: a traced estimate, a confidence outside of (0, 1), or what `schedule` raises.
    """
    require(0 < confidence < 1, f"`confidence` must lie between 0 and 1, but is {confidence}.")
    require(is_concrete(found.value), "`found` must be known, but is traced: its limits are found on the host.")
    hits = round(float(found.value) * found.shots)
    low = stats.beta.ppf(1 - confidence, hits, found.shots - hits + 1) if hits else 0.0
    return 1 - fidelity_with(float(low), held_site_count(address_bits, word_bits), noise)


def state_error(infidelity: ArrayLike) -> Array:
    r"""$\sqrt{2(1 - \sqrt F)}$: how far a noisy channel's purified output is from the ideal state, at best phase.

    By Uhlmann's theorem some state $|e\rangle$ of the environment has $\|\Psi - \psi\otimes e\|$ that small; it bounds
    the distance of $\langle e|\Psi\rangle$ from $\psi$, too.
    """
    infidelity = jnp.asarray(infidelity)
    root = jnp.sqrt(jnp.maximum(1 - infidelity, 0))
    return jnp.sqrt(2 * infidelity / (1 + root))  # = 2 (1 - root) without its cancellation
