"""Physical resources by Qualtran's model of the surface code."""

import sys

import numpy as np
import pytest

import qla_jax as qla
from qla_jax._extras import MissingExtra

pytestmark = pytest.mark.x64
WORDS = {"XZ": 0.5, "ZI": -0.3, "YY": 0.2}


def resources(rotation_eps: float | None = 1e-10) -> qla.Cost:
    smooth = qla.qsvt(qla.block_encode_pauli(WORDS), qla.polynomials.erf(4.0, degree=51).scaled(0.9))
    return qla.cost(smooth, rotation_eps=rotation_eps)


@pytest.fixture(scope="module")
def found() -> qla.Cost:
    return resources()


def test_a_missing_package_is_named(monkeypatch, found):
    monkeypatch.setitem(sys.modules, "qualtran", None)
    with pytest.raises(MissingExtra, match=r"`physical_estimate` needs qualtran: pip install 'qla-jax\[peers\]'"):
        qla.physical_estimate(found)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"resources": qla.Gates()}, TypeError, "`resources` must be of type Cost, but is of type Gates"),
        ({"failure_probability": 0.0}, ValueError, "`failure_probability` must lie between 0 and 1, but is 0.0"),
        ({"physical_error": 1.0}, ValueError, "`physical_error` must lie between 0 and 1, but is 1.0"),
        ({"cycle_time": -1e-6}, ValueError, "`cycle_time` must be positive, but is -1e-06"),
        ({"factories": 0}, ValueError, "`factories` must be at least 1, but is 0"),
    ],
)
def test_bad_input_is_named_with_rule_and_value(found, change, kind, message):
    with pytest.raises(kind, match=message):
        qla.physical_estimate(**{"resources": found, **change})


def test_costs_that_leave_something_out_are_refused(found):
    with pytest.raises(ValueError, match="`rotation_eps` must be given for"):
        qla.physical_estimate(resources(None))
    with pytest.raises(ValueError, match=r"`resources` must have no memory reads, .* but has 4"):
        qla.physical_estimate(qla.cost(qla.qram_encode(np.ones(4)), rotation_eps=1e-6))
    with pytest.raises(ValueError, match="`resources` must have gates for all parts, but Own, Other defines none"):
        qla.physical_estimate(found._replace(uncounted=("Own", "Other")))


@pytest.mark.peers
def test_estimates_are_those_of_the_model_at_their_distances(found):
    """The whole model, put together here from the distances, with T gates of rotations from the closed form."""
    surface = pytest.importorskip("qualtran.surface_code")
    counting = pytest.importorskip("qualtran.resource_counting")
    gates = found.gates
    expected_t = gates.t + int(np.ceil(gates.rotations * (1.15 * np.log2(1e10) + 9.2)))
    for options in ({}, {"physical_error": 1e-4, "cycle_time": 4e-7}):
        ours = qla.physical_estimate(found, **options)
        assert (ours.t_gates, ours.toffoli) == (expected_t, gates.toffoli)
        model = surface.PhysicalCostModel(
            physical_params=surface.PhysicalParameters(
                physical_error=options.get("physical_error", 1e-3), cycle_time_us=1e6 * options.get("cycle_time", 1e-6)
            ),
            data_block=surface.SimpleDataBlock(data_d=ours.data_distance),
            factory=surface.CCZ2TFactory(*ours.factory_distances),
            qec_scheme=surface.QECScheme.make_gidney_fowler(),
        )
        counts = counting.GateCounts(t=expected_t, toffoli=gates.toffoli)
        summary = surface.AlgorithmSummary(n_algo_qubits=found.num_qubits, n_logical_gates=counts)
        assert ours.num_qubits == model.n_phys_qubits(summary)
        np.testing.assert_allclose(ours.hours, model.duration_hr(summary), rtol=1e-12)
        np.testing.assert_allclose(ours.failure_probability, model.error(summary), rtol=1e-9)
        assert ours.failure_probability <= 0.01
        fewer = surface.AlgorithmSummary(n_algo_qubits=found.num_qubits, n_logical_gates=counting.GateCounts(t=100))
        assert model.duration_hr(fewer) < ours.hours / 2  # a negative control


@pytest.mark.peers
def test_more_factories_are_faster_and_a_smaller_failure_takes_more_qubits(found):
    pytest.importorskip("qualtran")
    plain = qla.physical_estimate(found)
    several, safer = qla.physical_estimate(found, factories=4), qla.physical_estimate(found, failure_probability=1e-6)
    assert several.hours < plain.hours and several.num_qubits > plain.num_qubits
    assert safer.num_qubits > plain.num_qubits and safer.data_distance > plain.data_distance
    with pytest.raises(ValueError, match=r"`failure_probability` must be one that .* keeps, but 1e-40 is too small"):
        qla.physical_estimate(found, failure_probability=1e-40)
    with pytest.raises(
        ValueError, match=r"`physical_error` must be below the threshold 0\.01 of the code, but is 0\.5"
    ):
        qla.physical_estimate(found, physical_error=0.5)
