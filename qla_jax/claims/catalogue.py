"""Catalogue of all claims by theme and of claims of users, with their selection and examination by name."""

from collections.abc import Sequence

from qla_jax._checks import require, require_kind
from qla_jax.claims import arithmetic, qram
from qla_jax.claims.encodings import algebra, convolution, counts, normalization, squares, tracked, vectors
from qla_jax.claims.engine.claim import Claim
from qla_jax.claims.engine.trial import Trial, examine
from qla_jax.claims.measurement import measured, readout, tomography
from qla_jax.claims.networks import blocks, chains, norms, pooling
from qla_jax.claims.polynomials import erf, quotients, robustness
from qla_jax.claims.transforms import activation, amplification

MODULES = (
    vectors,
    normalization,
    algebra,
    tracked,
    erf,
    quotients,
    activation,
    norms,
    blocks,
    chains,
    squares,
    pooling,
    convolution,
    robustness,
    amplification,
    counts,
    qram,
    readout,
    tomography,
    measured,
    arithmetic,
)
"""Modules of claims, in the order in which claims are listed."""

CLAIMS = tuple(claim for module in MODULES for claim in module.CLAIMS)
"""Claims of the package, in the order of its rooms."""


_REGISTERED: dict[str, Claim] = {}
"""Claims of users by name."""


def register(claim: Claim) -> Claim:
    r"""Add a claim to those that are selected and run by name; usable as a decorator above `claim`.

    Args:
        claim: claim with a name that no other claim has.

    Returns:
        The claim.

    Raises:
        ValueError: a name that another claim has.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from qla_jax.claims import Sides, claim, forget, free, register, run
        >>> @register
        ... @claim(
        ...     source="Schur (1911)",
        ...     statement="The Frobenius norm is at least the spectral norm.",
        ...     formula=r"\|A\|_F \ge \|A\|_2",
        ...     relation=">=",
        ...     draw=lambda size, *, key: {"a": jax.random.normal(key, (size, size))},
        ...     sizes=(3,),
        ...     project=free,
        ... )
        ... def frobenius_norm(instance):
        ...     "The two norms are equal where the rank is one."
        ...     return Sides(jnp.linalg.norm(instance["a"]), jnp.linalg.norm(instance["a"], 2))
        >>> run("frobenius-norm", trials=10)[0].passed
        True
        >>> forget("frobenius-norm")
    """
    require_kind("claim", claim, Claim)
    taken = {one.name for one in every()}
    require(claim.name not in taken, f"`claim` must have a name of its own, but {claim.name!r} is there already.")
    _REGISTERED[claim.name] = claim
    return claim


def forget(name: str) -> None:
    r"""Remove a registered claim.

    Raises:
        ValueError: no registered claim of this name.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from qla_jax.claims import Sides, claim
        >>> @register
        ... @claim(
        ...     source="definition",
        ...     statement="A square is not negative.",
        ...     formula=r"x^2 \ge 0",
        ...     relation=">=",
        ...     draw=lambda size, *, key: {"x": jax.random.normal(key, (size,))},
        ...     sizes=(1,),
        ... )
        ... def squares(instance):
        ...     "The square is that of the first entry."
        ...     return Sides(instance["x"][0] ** 2, jnp.zeros(()))
        >>> forget("squares")
        >>> "squares" in [one.name for one in every()]
        False
    """
    require(name in _REGISTERED, f"`name` must be one of {', '.join(_REGISTERED) or 'none'}, but is {name!r}.")
    del _REGISTERED[name]


def every() -> tuple[Claim, ...]:
    """Return the claims of the package in the order of the catalogue, then those that are registered.

    Example:
        >>> [claim.name for claim in every()][:2]
        ['error-of-sum', 'error-of-plain-sum']
    """
    return (*CLAIMS, *_REGISTERED.values())


def tally(claims: Sequence[Claim]) -> dict[str, int]:
    """Return the numbers of claims that could fail, that are too loose to fail, and that are negative controls.

    Example:
        >>> tally(select(["skip-norm"]))
        {'could fail': 1, 'too loose to fail': 0, 'negative controls': 0}
    """
    loose, controls = sum(one.loose for one in claims), sum(not one.expected_to_hold for one in claims)
    return {"could fail": len(claims) - loose - controls, "too loose to fail": loose, "negative controls": controls}


def select(names: Sequence[str | Claim]) -> tuple[Claim, ...]:
    """Return the claims of these names in the order of the catalogue, or all claims if there are no names.

    Args:
        names: names of claims, or claims themselves, which need not be registered.

    Raises:
        ValueError: a name that no claim has.

    Example:
        >>> [claim.name for claim in select(["terminal-norm", "skip-norm"])]
        ['skip-norm', 'terminal-norm']
    """
    given = {one.name: one for one in names if isinstance(one, Claim)}
    known = {one.name: one for one in every()} | given
    wanted = {one if isinstance(one, str) else one.name for one in names}
    for name in wanted:
        if name not in known:
            near = [other for other in sorted(known) if name.split("-")[0] in other]
            told = ", ".join(near) if near else f"those that `qla-jax claims --list` prints ({len(known)})"
            raise ValueError(f"`name` must be one of {told}, but is {name!r}.")
    return tuple(one for name, one in known.items() if name in wanted or not wanted)


def run(*names: str | Claim, trials: int = 1000, attacks: bool = False, seed: int = 0) -> list[Trial]:
    """Examine claims of these names, or all claims, on random instances and optionally under attack; see `examine`.

    Args:
        names: names of claims, or claims themselves.
        trials: number of random instances of each size.
        attacks: whether to attack the claims that can be attacked; the verdicts of others say that they were not.
        seed: seed of all random draws.

    Raises:
        ValueError: a name that no claim has, or fewer than one trial.

    Example:
        >>> run("t-gates-of-adder", trials=1)[0].passed
        True
    """
    return [examine(claim, trials=trials, attacks=attacks, seed=seed) for claim in select(names)]
