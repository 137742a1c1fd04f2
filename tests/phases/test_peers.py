"""Converters against the evaluators of the packages that they are named after, amplitudes throughout.

`make peers` installs those and runs this file; each part is skipped where its package is missing. Not installed there
is cudaq-algorithms, for its size; Qrisp asks for a jax that is too old to be tested beside.
"""

import contextlib
import io

import numpy as np
import pytest
from numpy.polynomial import chebyshev as series

from qla_jax.phases.gqsp import GQSPPhaseFactors, gqsp_phase_factors, gqsp_response
from qla_jax.phases.response import qsp_response
from qla_jax.phases.sequence import PhaseFactors, from_phases
from tests.phases.models import ours
from tests.phases.targets import random_coeffs

pytestmark = [pytest.mark.peers, pytest.mark.x64]

X = np.array([-0.85, -0.3, 0.2, 0.75])
ROUNDING = 1e-13
degrees = pytest.mark.parametrize("degree", [1, 2, 3, 4, 5, 8])


def canonical(degree: int, symmetric: bool = False) -> PhaseFactors:
    phases = np.random.default_rng(degree).uniform(-np.pi, np.pi, degree + 1)
    return from_phases((phases + phases[::-1]) / 2 if symmetric else phases, "wx")


def converted(phases: PhaseFactors, name: str) -> np.ndarray:
    return np.asarray(phases.to(name).values)


def amplitudes(phases: PhaseFactors) -> np.ndarray:
    return np.array([ours(np.asarray(phases.values), x)[0, 0] for x in X])


def target(degree: int) -> np.ndarray:
    return random_coeffs(degree) * 0.5


def laurent(poly, z: complex) -> complex:
    """A polynomial of nlft-qsp at one point."""
    return sum(complex(poly[k]) * z**k for k in poly.support())


def quietly(solve, *arguments, **options):
    with contextlib.redirect_stdout(io.StringIO()):
        return solve(*arguments, **options)


@degrees
def test_pyqsp_evaluates_what_we_convert(degree):
    response = pytest.importorskip("pyqsp.response")
    phases = canonical(degree)
    for name, constant in (("pyqsp_wx", 1), ("pyqsp", 1j)):
        found = response.ComputeQSPResponse(X, converted(phases, name), "Wx", "z")["pdat"]
        assert np.abs(found - constant * amplitudes(phases)).max() <= ROUNDING


@degrees
def test_the_symmetric_protocol_of_pyqsp_has_i_times_the_canonical_amplitude(degree):
    """It takes the right half, with half of the middle phase."""
    protocol = pytest.importorskip("pyqsp.sym_qsp_opt").SymmetricQSPProtocol
    phases = canonical(degree, symmetric=True)
    half = converted(phases, "pyqsp")[(degree + 1) // 2 :]
    half = half * np.where((np.arange(len(half)) == 0) & (degree % 2 == 0), 0.5, 1.0)
    found = protocol(half, degree % 2).gen_unitary(X)[:, 0, 0]
    assert np.abs(found - 1j * amplitudes(phases)).max() <= ROUNDING


@degrees
def test_phases_of_pyqsp_are_read_in_its_convention(degree):
    solve = pytest.importorskip("pyqsp.angle_sequence").QuantumSignalProcessingPhases
    full, _, _ = quietly(solve, target(degree), method="sym_qsp", chebyshev_basis=True)
    ph = from_phases(full, "pyqsp")
    for read in (qsp_response(ph, X).imag, qsp_response(ph.to("wx"), X).real):
        assert np.abs(read - series.chebval(X, target(degree))).max() <= 1e-10


@degrees
def test_qsppack_evaluates_what_we_convert(degree):
    utils = pytest.importorskip("qsppack.utils")
    phases = canonical(degree)
    options = {"typePhi": "full", "targetPre": True, "parity": degree % 2}
    found = utils.get_entry(X, converted(phases, "qsppack"), options)
    assert np.abs(found - amplitudes(phases).real).max() <= ROUNDING
    phases = canonical(degree, symmetric=True)
    half = converted(phases, f"qsppack_reduced_{('even', 'odd')[degree % 2]}")
    found = utils.get_entry(X, half, options | {"typePhi": "reduced"})
    assert np.abs(found - amplitudes(phases).real).max() <= ROUNDING
    turns = np.exp(1j * (utils.reduced_to_full(half, degree % 2, True) - np.asarray(phases.values)))
    assert np.abs(turns - 1).max() <= ROUNDING


@degrees
@pytest.mark.parametrize("kind", ["full", "reduced"])
def test_phases_of_qsppack_are_read_in_its_convention(degree, kind):
    qsppack = pytest.importorskip("qsppack")
    parity = ("even", "odd")[degree % 2]
    found, _ = quietly(qsppack.solve, target(degree)[degree % 2 :: 2], degree % 2, {"method": "NLFT", "typePhi": kind})
    ph = from_phases(found, "qsppack" if kind == "full" else f"qsppack_reduced_{parity}")
    assert ph.degree == degree
    for read in (ph, ph.to("wx"), ph.to("reflection")):
        assert np.abs(qsp_response(read, X).real - series.chebval(X, target(degree))).max() <= 1e-10


@degrees
@pytest.mark.parametrize(
    ("kind", "name"), [("ChebyshevQSPPhaseFactors", "nlft_qsp"), ("QSVTPhaseFactors", "nlft_qsp_qsvt")]
)
def test_nlft_qsp_evaluates_what_we_convert(degree, kind, name):
    nlft_qsp = pytest.importorskip("nlft_qsp")
    phases = canonical(degree)
    found, _ = getattr(nlft_qsp, kind)(converted(phases, name)).polynomials(mode="laurent")
    z = np.exp(1j * np.arccos(X))
    assert np.abs(np.array([laurent(found, point) for point in z]) - amplitudes(phases)).max() <= ROUNDING


@degrees
def test_phases_of_nlft_qsp_are_read_in_its_convention(degree):
    nlft_qsp = pytest.importorskip("nlft_qsp")
    expansion = nlft_qsp.ChebyshevTExpansion(target(degree))
    for kind, name in (("ChebyshevQSPPhaseFactors", "nlft_qsp"), ("QSVTPhaseFactors", "nlft_qsp_qsvt")):
        ph = from_phases(np.array(getattr(nlft_qsp, kind).solve(expansion).phi, float), name)
        assert np.abs(qsp_response(ph, X).real - series.chebval(X, target(degree))).max() <= 1e-10


@degrees
def test_pennylane_s_circuit_is_what_we_convert(degree):
    qml = pytest.importorskip("pennylane")
    phases = canonical(degree)
    angles = converted(phases, "pennylane_qsvt")
    turns = np.exp(1j * (qml.transform_angles(np.asarray(phases.values), "QSP", "QSVT") - angles))
    assert np.abs(turns - 1).max() <= ROUNDING
    projectors = [qml.PCPhase(angle, dim=1, wires=0) for angle in angles]
    for x, wanted in zip(X, amplitudes(phases), strict=True):
        for encoding in (qml.BlockEncode(np.array([[x]]), wires=0), qml.RX(2 * np.arccos(x), wires=0)):
            found = qml.matrix(qml.QSVT(encoding, projectors), wire_order=[0])
            assert abs(found[0, 0] - wanted) <= ROUNDING


@degrees
def test_phases_of_pennylane_are_read_in_its_convention(degree):
    qml = pytest.importorskip("pennylane")
    monomials = series.cheb2poly(target(degree))
    for routine, name in (("QSP", "pennylane_qsp"), ("QSVT", "pennylane_qsvt")):
        ph = from_phases(np.asarray(qml.poly_to_angles(monomials, routine)), name)
        for read in (ph, ph.to("wx"), ph.to("qsvt")):
            assert np.abs(qsp_response(read, X).real - series.chebval(X, target(degree))).max() <= 1e-7


def complex_target(degree: int) -> np.ndarray:
    p = np.random.default_rng(degree).normal(size=(2, degree + 1))
    p = p[0] + 1j * p[1]
    return p * 0.8 / np.abs(p).sum()


@degrees
def test_generalized_phases_are_evaluated_alike_by_pennylane_and_nlft_qsp(degree):
    """Ours, from our solver: as a circuit of the one, and as the polynomials of the other."""
    qml, nlft_qsp = pytest.importorskip("pennylane"), pytest.importorskip("nlft_qsp")
    p = complex_target(degree)
    ph = gqsp_phase_factors(p)
    theta, phi, lam = (np.asarray(part) for part in (ph.theta, ph.phi, ph.lam))
    table = np.stack([theta, phi, np.r_[lam, np.zeros(degree)]])
    other = ph.to("laneve")
    read = nlft_qsp.GQSPPhaseFactors(np.asarray(other.phi), float(other.lam), np.asarray(other.theta))
    analytic, _ = read.polynomials(mode="analytic")
    for z in np.exp(1j * np.array([0.3, 2.0, -1.1])):
        circuit = qml.GQSP(qml.PhaseShift(np.angle(z), wires=1), table, control=0)
        found = qml.matrix(circuit, wire_order=[0, 1])[1::2, 1::2]  # the eigenvector of eigenvalue z
        wanted = np.polynomial.polynomial.polyval(z, p)
        assert abs(found[0, 0] - wanted) <= ROUNDING
        assert abs(laurent(analytic, z) - wanted) <= ROUNDING


@degrees
def test_generalized_phases_of_nlft_qsp_are_read_in_its_convention(degree):
    nlft_qsp = pytest.importorskip("nlft_qsp")
    p = complex_target(degree)
    found = nlft_qsp.GQSPPhaseFactors.solve(nlft_qsp.Polynomial(p))
    angles = (np.asarray(found.theta, float), np.asarray(found.phi, float), np.asarray(float(found.lbd)))
    ph = GQSPPhaseFactors(*angles, np.inf, np.inf, False, "laneve")
    z = np.exp(1j * np.array([0.3, 2.0, -1.1]))
    for read in (ph, ph.to("motlagh_wiebe")):
        assert np.abs(gqsp_response(read, z) - np.polynomial.polynomial.polyval(z, p)).max() <= 1e-10


@degrees
def test_cudaq_runs_what_we_convert(degree):
    """On a diagonal Hamiltonian, whose eigenvalues over alpha are the signals."""
    cudaq, algorithms = pytest.importorskip("cudaq"), pytest.importorskip("cudaq_algorithms")
    encoding = algorithms.PauliLCU({"ZI": 0.35, "IZ": -0.2, "ZZ": 0.15, "II": 0.1})
    z, ones = np.array([1, -1]), np.ones(2)
    first, second = np.kron(ones, z), np.kron(z, ones)  # its first qubit is the least significant
    signals = (0.35 * first - 0.2 * second + 0.15 * first * second + 0.1) / encoding.alpha
    ph = canonical(degree).to("cudaq")
    kernel = algorithms.QSVT(encoding).kernel(algorithms.PhaseSequence(np.asarray(ph.values).tolist()))
    state = np.array(cudaq.get_state(kernel, algorithms.state_from(np.ones(4) / 2)))
    found = 2 * algorithms.sim_utils.good_subspace(encoding, state)
    wanted = [ours(np.asarray(canonical(degree).values), x)[0, 0] for x in signals]
    assert np.abs(found - complex(ph.global_phase) * np.array(wanted)).max() <= ROUNDING
