"""Physical qubits and hours of a circuit on an error-corrected computer, by Qualtran's model of the surface code.

Magic states come from a factory that makes them from noisy T gates, two of them from each catalyzed CCZ state. The
algorithm waits for the factory or for the code, whichever is slower. The code distances are those with the fewest
qubits times hours among all that keep the probability of a failure.

References:
    Gidney, Fowler (2019), factories of the catalyzed CCZ state. https://arxiv.org/abs/1812.01238
    Harrigan et al. (2024), Qualtran. https://arxiv.org/abs/2409.04643
"""

import importlib
from dataclasses import dataclass

from qla_jax._checks import as_integer, as_real, require, require_kind
from qla_jax._extras import needs
from qla_jax.accounting.costs import Cost
from qla_jax.accounting.gates import T_PER_TOFFOLI


@dataclass(frozen=True)
class PhysicalEstimate:
    """Physical resources of one run of a circuit.

    Attributes:
        num_qubits: number of physical qubits, those of the factories included.
        hours: duration of one run in hours.
        failure_probability: probability of a failure of the code or of a factory during one run.
        data_distance: code distance of the logical qubits.
        factory_distances: code distances of both levels of a factory.
        t_gates: T gates besides those of Toffoli gates, rotations included.
        toffoli: Toffoli gates.
    """

    num_qubits: int
    hours: float
    failure_probability: float
    data_distance: int
    factory_distances: tuple[int, int]
    t_gates: int
    toffoli: int


def physical_estimate(
    resources: Cost,
    *,
    rotation_eps: float | None = None,
    failure_probability: float = 0.01,
    physical_error: float = 1e-3,
    cycle_time: float = 1e-6,
    factories: int = 1,
) -> PhysicalEstimate:
    """Return the physical resources of one run by Qualtran's model of the surface code.

    Work qubits of ladders and lookups are not among the qubits of `Cost` and are not counted.

    Args:
        resources: result of `cost(enc)`.
        rotation_eps: error of each rotation in operator norm; by default that of `resources`.
        failure_probability: largest allowed probability of a failure during one run.
        physical_error: probability of an error of a physical gate, below the threshold of the code.
        cycle_time: duration of one cycle of the code in seconds.
        factories: number of factories that run side by side.

    Raises:
        TypeError: `resources` is not a cost.
        ValueError: parts without gates, memory reads, rotations without an error, a number that is not in its range, or
            no code distances that keep the failure probability.
        MissingExtra: Qualtran is not installed.

    References:
        Gidney, Fowler (2019). https://arxiv.org/abs/1812.01238
    """
    require_kind("resources", resources, Cost)
    gates, uncounted = resources.gates, ", ".join(resources.uncounted)
    require(not uncounted, f"`resources` must have gates for all parts, but {uncounted} defines none.")
    told = "`resources` must have no memory reads, whose T gates depend on the memory, but has"
    require(gates.reads == 0, f"{told} {gates.reads}.")
    numbers = {"failure_probability": failure_probability, "physical_error": physical_error}
    for name, number in numbers.items():
        require(0 < as_real(name, number) < 1, f"`{name}` must lie between 0 and 1, but is {number}.")
    require(as_real("cycle_time", cycle_time) > 0, f"`cycle_time` must be positive, but is {cycle_time}.")
    factories = as_integer("factories", factories, least=1)
    t_gates = resources.t_count(rotation_eps) - T_PER_TOFFOLI * gates.toffoli
    with needs("peers", "`physical_estimate`"):
        surface, counting = map(importlib.import_module, ("qualtran.surface_code", "qualtran.resource_counting"))
    threshold = surface.QECScheme.make_gidney_fowler().error_rate_threshold
    told = f"`physical_error` must be below the threshold {threshold} of the code, but is {physical_error}."
    require(physical_error < threshold, told)
    try:
        found, factory, block = surface.get_ccz2t_costs_from_grid_search(
            n_logical_gates=counting.GateCounts(t=t_gates, toffoli=gates.toffoli, clifford=gates.cnot),
            n_algo_qubits=resources.num_qubits,
            phys_err=physical_error,
            error_budget=failure_probability,
            cycle_time_us=1e6 * cycle_time,
            factory_iter=tuple(surface.iter_ccz2t_factories(n_factories=factories)),
        )
    except ValueError as error:
        told = (
            f"`failure_probability` must be one that some code distance keeps, but {failure_probability} is too small"
        )
        raise ValueError(f"{told} for {t_gates} T gates, {gates.toffoli} Toffoli gates: {error}") from error
    base = getattr(factory, "base_factory", factory)
    distances = base.distillation_l1_d, base.distillation_l2_d
    numbers_found = int(found.footprint), float(found.duration_hr), float(found.failure_prob)
    return PhysicalEstimate(*numbers_found, int(block.data_d), distances, t_gates, gates.toffoli)
