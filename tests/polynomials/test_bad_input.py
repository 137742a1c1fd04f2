"""What gives no polynomial raises, and says which argument, which rule and which value."""

import jax
import numpy as np
import pytest

from qla_jax import polynomials
from qla_jax.polynomials import chebyshev, interpolant, minimax_fit
from tests.polynomials.test_approximants import FAMILIES

every_family = pytest.mark.parametrize("case", FAMILIES, ids=lambda case: case.build.__name__)
WRONG = {"odd": (0, 2, -1, 1.0, True), "even": (1, -2, 2.0), "none": (-1, 2.0)}


@every_family
def test_neither_or_both_of_degree_and_eps_raise(case):
    degree = {"odd": 1, "even": 2, "none": 2}[case.parity]
    with pytest.raises(ValueError, match="degree=None and eps=None"):
        case()
    with pytest.raises(ValueError, match=rf"degree={degree} and eps=0\.1"):
        case(degree=degree, eps=0.1)


@every_family
def test_a_degree_of_the_other_parity_raises(case):
    for degree in WRONG[case.parity]:
        with pytest.raises(ValueError, match=f"`degree` must be .* but is {degree}"):
            case(degree=degree)


@every_family
@pytest.mark.parametrize("eps", [0.0, -1.0, np.nan, np.inf])
def test_an_eps_that_is_not_positive_and_finite_raises(case, eps):
    with pytest.raises(ValueError, match=f"`eps` must be positive and finite, but is {eps}"):
        case(eps=eps)


@pytest.mark.numerics
@every_family
def test_an_eps_below_rounding_raises_and_names_the_remedy(case, x64):
    told = r"float64, but is 1e-17\.$" if x64 else "float32, .*; float64 needs jax_enable_x64"
    with pytest.raises(ValueError, match=f"`eps` must be at least the rounding .* of {told}"):
        case(eps=1e-17)


@pytest.mark.x64
@pytest.mark.parametrize(
    "build",
    [lambda: polynomials.exp(20.0, eps=1e-9), lambda: polynomials.inverse(1e4, eps=1e-13)],
    ids=["exp", "inverse"],
)
def test_an_eps_that_rounding_hides_raises(build):
    with pytest.raises(ValueError, match=r"`eps` must be reached .* of which rounding in float64 is"):
        build()


@every_family
def test_parameters_that_are_no_finite_scalars_raise(case):
    for bad in (np.nan, np.inf, np.ones(2), 1j, "x", None, True):
        if case.traced:
            for place in range(len(case.parameters)):
                parameters = list(case.parameters)
                parameters[place] = bad
                with pytest.raises(ValueError, match="must"):
                    case(*parameters, degree=int(case.parity != "even"))


@pytest.mark.parametrize(
    ("build", "bad", "rule"),
    [
        (polynomials.exp_decay, -1.0, "`beta` must be finite and not negative, but is -1.0"),
        (polynomials.gaussian, 0.0, "`scale` must be positive and finite, but is 0.0"),
        (polynomials.tanh, -2.0, "`scale` must be positive and finite, but is -2.0"),
        (polynomials.softplus, 0.0, "`scale` must be positive and finite, but is 0.0"),
        (polynomials.sign, 1.0, "`gap` must be between 0 and 1, but is 1.0"),
        (polynomials.sqrt, 0.0, "`cutoff` must be between 0 and 1, but is 0.0"),
        (polynomials.inverse, 1.0, "`kappa` must be above 1 and finite, but is 1.0"),
        (polynomials.inverse_cks, 0.5, "`kappa` must be above 1 and finite, but is 0.5"),
        (polynomials.eigenstate_filter, -0.1, "`gap` must be between 0 and 1, but is -0.1"),
        (polynomials.monomial, -1, "`power` must be an integer from 0 to .*, but is -1"),
        (polynomials.monomial, 2.0, "`power` must be an integer from 0 to .*, but is 2.0"),
        (polynomials.exp, 1e4, "finite coefficients, but 10000.0 overflow"),
    ],
)
def test_a_parameter_out_of_range_raises(build, bad, rule):
    for degree in (2, 3):
        with pytest.raises(ValueError, match=f"{rule}|`degree`"):
            build(bad, degree=degree)
    with pytest.raises(
        ValueError, match=rule.replace("finite coefficients, but 10000.0 overflow", "`eps` must be reached")
    ):
        build(bad, eps=0.1)


def test_edges_that_do_not_fit_raise():
    for threshold, gap in ((0.9, 0.2), (-0.9, 0.1), (2.0, 0.1)):
        with pytest.raises(
            ValueError, match=rf"`threshold` must lie in \(-1, 1\) .* but is {threshold} with gap {gap}"
        ):
            polynomials.step(threshold, gap, degree=3)
    for edge, gap in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.3)):
        with pytest.raises(ValueError, match=rf"`edge` must lie in \(0, 1\) .* but is {edge} with gap {gap}"):
            polynomials.rectangle(edge, gap, degree=2)
    with pytest.raises(ValueError, match="`parity` must be 'odd' or 'even', but is 'none'"):
        polynomials.power(0.5, 0.1, parity="none", degree=2)
    with pytest.raises(ValueError, match="`degree` must be at most 60, but is 62"):
        polynomials.monomial(60, degree=62)


def test_a_traced_parameter_with_an_error_instead_of_a_degree_raises():
    with pytest.raises(ValueError, match="`eps` must come with concrete parameters"):
        jax.jit(lambda time: polynomials.cos(time, eps=1e-3).coeffs)(0.8)
    with pytest.raises(ValueError, match="`time` must be a finite number"):
        jax.jit(lambda time: polynomials.cos(time, degree=2).coeffs)(np.ones(2))


def test_functions_of_series_refuse_bad_arguments():
    with pytest.raises(ValueError, match="`count` must be above the degree 3, but is 3"):
        chebyshev.at_nodes(np.ones(4), 3)
    for oversampling in (1, 2.5):
        with pytest.raises(ValueError, match=f"`oversampling` must be an integer of at least 2, but is {oversampling}"):
            chebyshev.sup_bound(np.ones(4), oversampling=oversampling)
    with pytest.raises(ValueError, match=r"`monomial_coeffs` must .*\(2, 2\)"):
        chebyshev.from_monomial(np.ones((2, 2)))
    with pytest.raises(ValueError, match="`factor` must be a finite number, but is nan"):
        polynomials.polynomial([1.0], "even").scaled(np.nan)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (np.abs, {"max_degree": 1000}, "`function` must be resolved by a degree of at most 1000"),
        (np.sign, {"max_degree": 1000}, "`function` must be resolved by a degree of at most 1000"),
        (lambda x: 1 / (x - x[0]), {}, "`function` must be finite, but at 0.99"),
        (lambda x: 1.0, {}, "`function` must give one number for each of 32 points"),
        (np.exp, {"parity": "even"}, "`function` must be even, but its other part is 1"),
        (np.sin, {"parity": "even"}, "`function` must be even"),
        (np.exp, {"parity": "mixed"}, "`parity` must be .* but is 'mixed'"),
        (np.exp, {"ellipse": (1.0, 3.0)}, r"`ellipse` must be \(rho, bound\) .* but is \(1.0, 3.0\)"),
        (np.exp, {"ellipse": (2.0, np.inf)}, r"`ellipse` must be"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_function_that_cannot_be_interpolated_raises(function, options, message):
    with pytest.raises(ValueError, match=message):
        interpolant(function, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degree": 4, "parity": "odd"}, "`degree` must be an integer of `parity` odd, but is 4"),
        ({"degree": -1}, "`degree` must be at least 0, but is -1"),
        ({"degree": 3, "parity": "mixed"}, "`parity` must be .* but is 'mixed'"),
        ({"degree": 3, "domain": [(0.5, 1.5)]}, "`domain` must be intervals"),
        ({"degree": 3, "domain": []}, "`domain` must be intervals"),
        ({"degree": 3, "max_norm": 0.0}, "`max_norm` must be positive and finite, but is 0.0"),
    ],
)
def test_a_fit_with_contradictory_arguments_raises(options, message):
    with pytest.raises(ValueError, match=message):
        minimax_fit(np.exp, **options)
    with pytest.raises(ValueError, match="`function` must give a finite real number"):
        minimax_fit(lambda x: 1j * x, 3)
