"""Conventions: each against the matrices of its source, and each conversion by the complex amplitude it must keep.

Phases are random and not symmetric: negating or reversing all phases of a symmetric sequence leaves the real part as it
is, and shifting one end by a and the other by -a leaves <0|U|0> as it is for any, so those can be no negative controls.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.phases.conventions import CONVENTIONS, convention
from qla_jax.phases.response import qsp_response
from qla_jax.phases.sequence import PhaseFactors, from_phases
from qla_jax.phases.solve import phase_factors
from tests.phases.models import H, models, ours, z_turn
from tests.phases.targets import random_coeffs

pytestmark = pytest.mark.x64

X = (-0.9, -0.2, 0.35, 0.8)
ROUNDING = 1e-13
WRONG = 0.05  # what a wrong phase must change at least
DEGREES = (1, 2, 3, 4, 5, 8)  # every residue of 4
TURNED = ("reflection", "qsvt", "nlft_qsp_qsvt", "qrisp_qsvt", "pennylane_qsvt")
REDUCED = ("qsppack_reduced_even", "qsppack_reduced_odd")
DISTINCT = ("wx", "reflection", "qsvt", "pyqsp", *REDUCED, "pennylane_qsvt", "cudaq")  # each way to convert once
names = pytest.mark.parametrize("name", sorted(CONVENTIONS))


def random_phases(degree: int, symmetric: bool = False) -> np.ndarray:
    phases = np.random.default_rng(degree).uniform(-np.pi, np.pi, degree + 1)
    return (phases + phases[::-1]) / 2 if symmetric else phases


def degrees_of(name: str, degrees: tuple[int, ...] = DEGREES) -> list[int]:
    """Those that the convention has."""
    if name in REDUCED:
        return [d for d in degrees if d % 2 == REDUCED.index(name)]
    return [d for d in degrees if d or name != "qsvt"]


def canonical(name: str, degree: int) -> PhaseFactors:
    return from_phases(random_phases(degree, symmetric=name in REDUCED), "wx")


def amplitudes(name: str, values: np.ndarray) -> np.ndarray:
    """By the source's own matrices."""
    return np.array([models[name](np.asarray(values), x)[0, 0] for x in X])


def expected(name: str, phases: PhaseFactors) -> np.ndarray:
    """What <0|U'|0> has to be: c P, and in "wz" Re P + i sqrt(1 - x^2) Re Q with <0|U|1> = i sqrt(1 - x^2) Q."""
    unitaries = [ours(np.asarray(phases.values), x) for x in X]
    if name == "wz":
        return np.array([u[0, 0].real + 1j * u[0, 1].imag for u in unitaries])
    constants = {"pyqsp": 1j, "cudaq": (-1) ** phases.degree * np.exp(1j * np.sum(phases.values))}
    return constants.get(name, 1) * np.array([u[0, 0] for u in unitaries])


def test_every_convention_has_a_model():
    assert set(models) == set(CONVENTIONS)
    assert all(entry.name == name and len(entry.source) > 20 for name, entry in CONVENTIONS.items())


@names
@pytest.mark.sample(6)
def test_the_response_is_the_product_of_the_convention_s_own_matrices(name):
    for degree in degrees_of(name, (0, 4, 5) if name in DISTINCT else (5,)):
        values = random_phases(len(canonical(name, degree).to(name).values) - 1)
        found = qsp_response(from_phases(values, name), jnp.array(X))
        assert np.abs(found - amplitudes(name, values)).max() <= ROUNDING


@names
def test_a_conversion_keeps_the_amplitude_up_to_the_constant_it_states(name):
    for degree in degrees_of(name, (0, *DEGREES)):
        phases = canonical(name, degree)
        converted = phases.to(name)
        assert (converted.convention, converted.degree) == (name, degree)
        assert np.abs(amplitudes(name, converted.values) - expected(name, phases)).max() <= ROUNDING
        target = np.array([ours(np.asarray(phases.values), x)[0, 0].real for x in X])
        read = (amplitudes(name, converted.values) / complex(converted.global_phase)).real
        assert np.abs(read - target).max() <= ROUNDING


@names
def test_converting_to_a_convention_and_back_returns_the_values(name):
    """The values; of "qsvt" the sum of the two ends is all that is left of them."""
    for degree in degrees_of(name):
        phases = canonical(name, degree)
        back = phases.to(name).to("wx")
        assert np.abs(amplitudes("wx", back.values) - amplitudes("wx", phases.values)).max() <= ROUNDING
        there = back.to(name)
        assert np.abs(there.values - phases.to(name).values).max() <= ROUNDING
        if name != "qsvt":
            assert np.abs(back.values - phases.values).max() <= ROUNDING


@pytest.mark.parametrize("name", TURNED)
@pytest.mark.parametrize("degree", DEGREES)
def test_a_wrong_phase_is_noticed(name, degree):
    """Negative controls, in the order of the ways to get a converter wrong."""
    phases = canonical(name, degree)
    right = np.asarray(phases.to(name).values)
    negated, bare = right.copy(), right.copy()
    negated[0] *= -1
    bare[0] = phases.values[0]  # the end shift dropped
    for wrong in (negated, bare):
        if np.abs(np.exp(1j * (wrong - right)) - 1).max() > 1e-9:
            assert np.abs(amplitudes(name, wrong) - expected(name, phases)).max() > WRONG
    if degree > 1 and name != "qsvt":
        bare = right.copy()
        bare[-1] = phases.values[-1]
        assert np.abs(amplitudes(name, bare) - expected(name, phases)).max() > WRONG
    if degree > 1:
        unturned = right.copy()
        unturned[1] = phases.values[1]
        assert np.abs(amplitudes(name, unturned) - expected(name, phases)).max() > WRONG


@pytest.mark.parametrize("degree", DEGREES)
def test_a_wrong_phase_is_noticed_where_a_convention_changes_no_value(degree):
    for name in ("pyqsp", "cudaq", *(REDUCED[degree % 2 : degree % 2 + 1])):
        phases = canonical(name, degree)
        for index, change in ((0, "negated"), (-1, "shifted")):
            wrong = np.array(phases.to(name).values)
            wrong[index] = -wrong[index] if change == "negated" else wrong[index] + np.pi / 4
            assert np.abs(amplitudes(name, wrong) - expected(name, phases)).max() > WRONG


def test_the_phases_of_one_convention_mean_something_else_in_another():
    values = random_phases(5)
    readings = {name: amplitudes(name, values) for name in ("wx", "wz", "reflection", "qsvt", "cudaq")}
    for name, found in readings.items():
        for other in set(readings) - {name}:
            assert np.abs(found - readings[other]).max() > WRONG


@pytest.mark.parametrize("degree", DEGREES)
def test_the_whole_operators_are_related_as_the_sources_say(degree):
    phases = canonical("wx", degree)
    sign = np.diag([1, (-1) ** degree])
    eighth = z_turn(np.pi / 4)
    for x in X:
        unitary = ours(np.asarray(phases.values), x)
        relations = {
            "reflection": sign @ unitary,
            "pennylane_qsvt": (sign @ unitary).T,
            "wz": H @ unitary @ H,
            "pyqsp": eighth @ unitary @ eighth,
        }
        for name, wanted in relations.items():
            assert np.abs(models[name](np.asarray(phases.to(name).values), x) - wanted).max() <= ROUNDING


def test_pennylane_s_angles_hold_for_any_encoding_of_x():
    """On one qubit: R with phases of its own on either side, and its adjoint, in turn."""
    phases = np.asarray(canonical("pennylane_qsvt", 5).to("pennylane_qsvt").values)
    for x in X:
        encoding = np.diag([1, 1j]) @ models["reflection"]([0.0, 0.0], x) @ np.diag([1, np.exp(0.3j)])
        state = z_turn(phases[0])
        for j, phase in enumerate(phases[1:]):
            state = z_turn(phase) @ (encoding if j % 2 == 0 else encoding.conj().T) @ state
        assert abs(state[0, 0] - ours(random_phases(5), x)[0, 0]) <= ROUNDING


def test_conversions_at_high_degree_lose_no_digits():
    """(2d - 1) pi/4 in front, unreduced, would cost the last five digits of that phase."""
    degree = 100_001
    values = jnp.zeros(degree + 1)
    for name in ("reflection", "pennylane_qsvt"):
        assert np.abs(convention(name).from_wx(values)).max() < 3 * np.pi
    amplitude = qsp_response(from_phases(values, "wx").to("reflection"), jnp.array([1.0, -1.0]))
    assert np.abs(amplitude - jnp.array([1.0, -1.0])).max() <= 1e-10


@pytest.mark.parametrize("name", DISTINCT)
def test_conversions_are_traceable(name):
    degree = 5 if degrees_of(name, (5,)) else 4
    phases = canonical(name, degree)
    entry = convention(name)

    def there_and_back(values: jax.Array) -> tuple[jax.Array, jax.Array]:
        converted = dataclasses.replace(phases, values=values).to(name)
        return converted.values, converted.to("wx").values

    eager = there_and_back(phases.values)
    jitted = jax.jit(jax.vmap(there_and_back))(jnp.stack([phases.values, 2 * phases.values]))
    for one, many in zip(eager, jitted, strict=True):
        assert np.abs(one - many[0]).max() <= ROUNDING
    inverse, forward = jax.jit(
        lambda here, wx: (jax.jacfwd(entry.to_wx)(here), jax.jacfwd(entry.from_wx)(wx)),
    )(eager[0], phases.values)
    assert np.abs(forward @ inverse - np.eye(len(eager[0]))).max() <= ROUNDING


@pytest.mark.parametrize("name", ["wx", "reflection", "qsvt", "pyqsp", "pennylane_qsvt", "cudaq"])
@pytest.mark.parametrize("degree", [2, 5])
def test_solved_phases_reach_their_target_in_every_convention(name, degree):
    coeffs = random_coeffs(degree) * 0.9
    ph = phase_factors(coeffs).to(name)
    read = (amplitudes(name, ph.values) / complex(ph.global_phase)).real
    assert np.abs(read - np.polynomial.chebyshev.chebval(X, coeffs)).max() <= ROUNDING
    assert ph.residual < 1e-14 and bool(ph.converged)
    assert np.array_equal(ph.sup_bound, phase_factors(coeffs).sup_bound)


def test_reduced_conventions_need_symmetric_phases_and_report_the_effect_of_mirroring():
    exact = phase_factors(random_coeffs(5) * 0.9)
    assert np.array_equal(exact.to("qsppack_reduced_odd").residual, exact.residual)
    skewed = exact.replace(values=exact.values.at[0].add(1e-9))
    half = skewed.to("qsppack_reduced_odd")
    before, after = (qsp_response(ph, jnp.array(X)) for ph in (skewed, half))
    moved = float(jnp.abs(before - after).max())
    assert 1e-10 < moved <= float(half.residual - exact.residual) <= 2e-9
    with pytest.raises(ValueError, match="`phases` must be symmetric for 'qsppack_reduced_odd', but mirroring moves"):
        from_phases(random_phases(5), "wx").to("qsppack_reduced_odd")
    traced = jax.jit(lambda ph: ph.to("qsppack_reduced_odd"))(
        dataclasses.replace(exact, values=jnp.array(random_phases(5)))
    )
    assert not traced.converged and traced.residual > WRONG


def test_a_name_is_known_or_refused_with_the_list():
    ph = phase_factors([0.0, 0.5])
    for attempt in (partial(ph.to, "qiskit"), partial(from_phases, [0.1], "Wx"), partial(convention, "")):
        with pytest.raises(ValueError, match=r"`convention` must be one of cudaq, .*, wx, wz, but is '"):
            attempt()


def test_replacing_the_convention_of_phase_factors_is_refused():
    ph = phase_factors([0.0, 0.5])
    with pytest.raises(ValueError, match=r"`convention` must stay 'wx', but is to be 'pyqsp'.* use \.to\(name\)"):
        ph.replace(convention="pyqsp")
    assert ph.replace(convention="wx", residual=jnp.ones(())).residual == 1
    assert jax.tree.map(lambda leaf: leaf, ph.to("pyqsp")).convention == "pyqsp"


def test_degrees_that_a_convention_does_not_have_are_refused():
    constant = phase_factors([0.5])
    with pytest.raises(ValueError, match="`phases` must be of degree 1 or more for one phase per call, but"):
        constant.to("qsvt")
    with pytest.raises(ValueError, match="`phases` must be of odd degree, but is of degree 0"):
        constant.to("qsppack_reduced_odd")
    assert from_phases([0.1, 0.2], "qsppack_reduced_even").degree == 2
    assert from_phases([0.1, 0.2], "qsppack_reduced_odd").degree == 3
    assert from_phases([0.1, 0.2], "qsvt").degree == 2


def test_phases_from_elsewhere_have_an_unknown_residual():
    ph = from_phases([1, 2], "wx")
    assert np.isinf(ph.residual) and np.isinf(ph.sup_bound) and not ph.converged
    assert ph.values.dtype == np.float64


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([[0.1, 0.2]], r"`values` must be a vector, but has shape \(1, 2\)"),
        ([], r"`values` must be a vector, but has shape \(0,\)"),
        ([0.1, np.nan], "`values` must be finite, but holds nan"),
        ([0.1j], "`values` must be real, but is complex128"),
    ],
)
def test_values_that_are_no_phases_are_refused(values, told):
    with pytest.raises(ValueError, match=told):
        from_phases(values, "wx")
