"""All claims, by theme."""

from collections.abc import Sequence

from qla_jax.claims import (
    activation,
    algebra,
    amplification,
    blocks,
    convolution,
    counts,
    networks,
    normalisation,
    norms,
    polynomials,
    pooling,
    quotients,
    robustness,
    squares,
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
    networks.error_schedule,
    networks.error_schedule_as_printed,
    squares.square_error,
    squares.square_error_of_unit_vectors,
    squares.square_operator_norm,
    squares.column_norm,
    squares.square_circuit,
    squares.square_alpha,
    squares.terminal_error,
    squares.terminal_lipschitz,
    pooling.pooling_as_published,
    pooling.pooling,
    pooling.pooling_in_two_norm,
    pooling.pooling_sum,
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
    counts.ancillas_by_recursion,
    counts.ancillas_of_blocks,
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
)


def select(names: Sequence[str]) -> tuple[Claim, ...]:
    """The claims of these names, in the order of the catalogue; all of them for none.

    Raises:
        ValueError: a name that no claim has.
    """
    known = {claim.name for claim in CLAIMS}
    for name in names:
        if name not in known:
            near = [other for other in sorted(known) if name.split("-")[0] in other]
            raise ValueError(f"`name` must be one of {', '.join(near or sorted(known))}, but is {name!r}.")
    return tuple(claim for claim in CLAIMS if claim.name in names or not names)


def run(*names: str, trials: int = 1000, attacks: bool = False, seed: int = 0) -> list[Trial]:
    """Claims of these names, or all, on random instances and perhaps under attack; see `examine`.

    Raises:
        ValueError: a name that no claim has, or fewer than one trial.
    """
    return [examine(claim, trials=trials, attacks=attacks, seed=seed) for claim in select(names)]
