"""All claims by theme, those of users, and how to select and run them."""

from collections.abc import Sequence

from qla_jax._checks import require, require_kind
from qla_jax.claims import (
    activation,
    algebra,
    amplification,
    arithmetic,
    blocks,
    convolution,
    counts,
    measured,
    networks,
    normalisation,
    norms,
    polynomials,
    pooling,
    qram,
    quotients,
    readout,
    robustness,
    squares,
    tomography,
    tracked,
    vectors,
)
from qla_jax.claims.claim import Claim
from qla_jax.claims.trial import Trial, examine

CLAIMS = (
    vectors.error_of_sum,
    vectors.error_of_plain_sum,
    vectors.error_of_matrix_times_vector,
    vectors.error_of_tensor,
    vectors.error_of_concatenation,
    vectors.alpha_of_concatenation,
    vectors.alpha_of_sum,
    vectors.alpha_of_matrix_times_vector,
    normalisation.normalisation,
    normalisation.normalisation_by_computed_norm,
    normalisation.normalisation_of_unit_vectors,
    normalisation.normalisation_below_one,
    algebra.product_error,
    algebra.product_error_without_cross_term,
    algebra.product_error_of_own_alpha,
    algebra.product_error_within_alpha,
    algebra.tensor_error,
    algebra.combination_error,
    algebra.combination_error_with_loading,
    algebra.combination_error_with_loading_as_printed,
    tracked.tracked_sum,
    tracked.tracked_matrix_times_vector,
    tracked.tracked_tensor_of_vectors,
    tracked.tracked_concatenation,
    tracked.tracked_product,
    tracked.tracked_combination,
    tracked.tracked_tensor,
    tracked.tracked_diagonal,
    tracked.tracked_activation,
    tracked.tracked_squares,
    tracked.tracked_chebyshev_combination,
    tracked.tracked_qsvt,
    polynomials.erf_tail,
    polynomials.erf_by_gaussian,
    polynomials.erf_error_bound,
    polynomials.erf_relative_bound,
    polynomials.erf_polynomial,
    polynomials.erf_error_table,
    polynomials.erf_polynomial_slope,
    quotients.quotient_maximum,
    quotients.quotient_minimum,
    quotients.quotient_minimum_of_erf,
    quotients.quotient_sum,
    quotients.quotient_sum_of_any_polynomial,
    activation.activation_by_uniform_error,
    activation.activation_by_relative_error,
    activation.activation_lipschitz,
    activation.activated_norm,
    activation.activation_error,
    activation.activation_error_as_printed,
    activation.diagonal_of_amplitudes_by_circuit,
    activation.chebyshev_block,
    activation.activation_by_circuit,
    norms.skip_norm,
    norms.skip_norm_from_above,
    norms.skip_norm_in_dimension,
    norms.skip_norm_of_plain_erf,
    norms.norm_without_skip,
    norms.norm_without_skip_is_conserved,
    norms.block_lipschitz,
    norms.terminal_norm,
    blocks.amplitude_as_published,
    blocks.amplitude,
    blocks.amplitude_of_circuit,
    blocks.block_error_as_published,
    blocks.tracked_block,
    blocks.block_error,
    networks.network_lipschitz,
    networks.tracked_network,
    networks.error_schedule_as_printed,
    squares.square_error,
    squares.square_error_of_unit_vectors,
    squares.square_circuit,
    squares.square_alpha,
    squares.terminal_error,
    squares.terminal_lipschitz,
    pooling.pooling_as_published,
    pooling.pooling,
    pooling.pooling_in_two_norm,
    pooling.pooling_by_circuit,
    pooling.class_distribution,
    pooling.class_samples,
    convolution.convolution_circuit,
    convolution.convolution_alpha,
    convolution.convolution_norm_by_symbol,
    convolution.symbol_by_one_norm,
    convolution.amplification_gain,
    convolution.amplification_gain_as_published,
    convolution.amplified_shift,
    robustness.robustness_by_square_root,
    robustness.robustness_linear,
    robustness.robustness_by_coefficients,
    amplification.tracked_uniform_amplification,
    amplification.gain_of_amplification,
    amplification.size_of_amplification,
    amplification.tracked_amplification,
    amplification.search_succeeds,
    amplification.search_fails_by_chebyshev,
    amplification.search_length,
    amplification.search_keeps_the_phase,
    counts.ancillas_of_package_block,
    counts.ancillas_of_package_network,
    counts.ancillas_of_package_activation,
    counts.ancillas_of_package_convolution,
    counts.ancillas_of_package_squares,
    counts.calls_of_activation,
    counts.calls_of_network,
    counts.degree_by_logarithm,
    counts.degree_by_root,
    counts.calls_by_logarithm,
    qram.qram_sites,
    qram.qram_good_branches,
    qram.qram_infidelity,
    qram.qram_bound,
    qram.qram_damping,
    readout.chebyshev_basis,
    readout.chebyshev_lossless,
    readout.chebyshev_truncation,
    readout.chebyshev_error,
    readout.estimation_success,
    readout.estimation_heavy_tail,
    readout.estimation_median,
    tomography.tomography_failure,
    tomography.tomography_noise,
    tomography.noise_of_fewer_copies,
    tomography.noise_of_fewer_copies_with_signs,
    readout.swap_test_modulus,
    readout.swap_test_modulus_as_the_square,
    readout.shadow_variance,
    measured.decomposition_queries,
    measured.convolution_overhead,
    measured.attention_amplitude,
    measured.attention_amplitude_from_below,
    measured.attention_amplitude_of_any_values,
    measured.weight_gradient_error,
    arithmetic.arccos_bits,
    arithmetic.arccos_without_working_bits,
    arithmetic.newton_bits,
    arithmetic.newton_steps_suffice,
    arithmetic.piecewise_error,
    arithmetic.product_floor,
    arithmetic.t_gates_of_adder,
    arithmetic.gates_of_ripple_adder,
    arithmetic.toffoli_of_lookahead_adder,
    arithmetic.phases_of_fourier_adder,
    arithmetic.t_gates_of_relu,
)


_REGISTERED: dict[str, Claim] = {}
"""Claims of users, by name."""


def register(claim: Claim) -> Claim:
    r"""Add a claim of your own to those that are selected and run by name; usable as a decorator above `claim`.

    Args:
        claim: the claim, whose name no other claim has.

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
        ...     draw=lambda key, size: {"a": jax.random.normal(key, (size, size))},
        ...     sizes=(3,),
        ...     project=free,
        ... )
        ... def frobenius_norm(instance):
        ...     "Equal where the rank is one."
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
    """Remove a registered claim.

    Raises:
        ValueError: no registered claim of this name.
    """
    require(name in _REGISTERED, f"`name` must be one of {', '.join(_REGISTERED) or 'none'}, but is {name!r}.")
    del _REGISTERED[name]


def every() -> tuple[Claim, ...]:
    """Return the claims of the package, in the order of the catalogue, and those that are registered."""
    return (*CLAIMS, *_REGISTERED.values())


def tally(claims: Sequence[Claim]) -> dict[str, int]:
    """Return how many claims could fail, how many are too loose to, and how many are negative controls."""
    loose, controls = sum(one.loose for one in claims), sum(not one.true for one in claims)
    return {"could fail": len(claims) - loose - controls, "too loose to fail": loose, "negative controls": controls}


def select(names: Sequence[str | Claim]) -> tuple[Claim, ...]:
    """Return the claims of these names, in the order of the catalogue; all of them for none.

    Args:
        names: names, or claims themselves, which need not be registered.

    Raises:
        ValueError: a name that no claim has.
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
    """Examine claims of these names, or all, on random instances and perhaps under attack; see `examine`.

    Args:
        names: names, or claims themselves.
        trials: number of random instances of each size.
        attacks: whether to attack those that can be attacked; the verdicts of others say that they were not.
        seed: seed of all that is drawn.

    Raises:
        ValueError: a name that no claim has, or fewer than one trial.
    """
    return [examine(claim, trials=trials, attacks=attacks, seed=seed) for claim in select(names)]
