"""Summary of the main job: tables, figures, and a line for each bound that is violated."""

from collections.abc import Sequence

from qla_jax.experiments.coherent.results import MainReport, Network
from qla_jax.experiments.core.study import Findings, Line, Plot, Section, Series, Table, table
from qla_jax.nn.coherent_costs import Uncounted
from qla_jax.nn.evaluation import Norms

SUMMARY = (
    "network | argmax | sample | ideal | plain | error | bound | circuit | train",
    "{kind} | {accuracy.argmax:.4f} | {accuracy.sampled:.4f} | {accuracy.ideal_argmax:.4f} | {accuracy.baseline:.4f} | "
    "{output_error.actual_max:.1e} | {output_error.eps:.1e} | {circuit_check.max_deviation:.1e} | "
    "{seconds.train:.0f} s",
)
BLOCKS = (
    "block | N min | mean | max | no skip | error | eps | ratio | anc. | calls | ampl. | 2|W|",
    "{0.block} | {0.min:.3f} | {0.mean:.3f} | {0.max:.3f} | {1.mean:.3f} | {2.actual_max:.1e} | {2.eps:.1e} | "
    "{2.eps_over_actual:.3g} | {3.num_ancillas} | {4} | {3.amplitude_alone:.2g} | "
    "{3.amplitude_of_amplified_weight:.2f}",
)
TERMINAL = (
    "N min | mean | max | proven | W / skip | one sample | before it",
    "{min:.3f} | {mean:.3f} | {max:.3f} | {low:.2f} | {contribution:.3g} | {sampled_expected:.4f} | "
    "{sampled_expected_before:.4f}",
)
REGIME = (
    "blocks | depth | exact network | weights | loading | calls | ancillas | qubits | ampl.",
    "{0} | {1} | {2:.2g} | {3} | {4} | {5} | {6} | {7} | {8}",
)
CIRCUITS = (
    "circuit | blocks | qubits | every ancilla | largest deviation",
    "{0.name} | {0.blocks} | {0.num_qubits} | {1} | {0.max_deviation:.1e}",
)
LARGE = 10**5


def summary(report: MainReport) -> Findings:
    """Return accuracies and errors of all networks, and a section for each."""
    images = report.dataset
    return Findings(
        numbers={"report": report},
        failures=report.failures,
        tables={"networks": table(*SUMMARY, report.networks)},
        sections=[_section(network) for network in report.networks],
        text=[
            images.source,
            f"Train {images.train}, test {images.test} images. Errors are measured in float64; eps bounds "
            "approximation, not rounding.",
        ],
        passed="No bound was violated.",
    )


def failures(network: Network) -> list[str]:
    """Return a line for each violated bound or failed check of one network."""
    lines = [
        f"{name} of block {row.block} violated on {row.violations} images."
        for name, rows in (("norms", network.norms), ("errors", network.errors))
        for row in rows
        if row.violations
    ]
    if network.output_error.violations:
        lines.append(f"output error violated on {network.output_error.violations} images.")
    lines += [
        f"claim {row.claim} violated by {row.where}, ratio {row.ratio:.6g}." for row in network.claims if row.violated
    ]
    if network.terminal and network.terminal.violations:
        lines.append(f"norm of the terminal block violated on {network.terminal.violations} images.")
    check = network.circuit_check
    if not check.max_deviation <= check.tolerance:
        lines.append(f"circuit check failed, {check.max_deviation:.3g} > {check.tolerance:.3g}.")
    return [f"{network.kind}: {line}" for line in lines]


def _section(network: Network) -> Section:
    check = network.circuit_check
    circuits = [(row, "yes" if row.every_ancilla else "projected early") for row in check.instances]
    tables = {
        "blocks": block_rows(network),
        "terminal block": table(*TERMINAL, [network.terminal]) if network.terminal else [],
        "costs, each block amplified, error 0.01 in the end": regime_rows(network),
        "largest ratio of a claim": claim_rows(network),
        "circuits against the encoded view": table(*CIRCUITS, circuits),
    }
    return Section(
        network.kind,
        f"{network.kind}: {network.description}",
        text=[
            f"Circuits have blocks of degree {check.degree}. They start from the largest amplitudes of the first test "
            "image that is not black, as the network loads it, normalized. Their weights are slices of the trained "
            "ones: rows and columns at these places, or the middle row of a kernel on one channel. With every ancilla "
            "the flagged output, the total norm and the way back to |0> are compared; projected early, the output."
        ],
        tables={title: rows for title, rows in tables.items() if rows},
        plots=plots(network),
    )


def block_rows(network: Network) -> Table:
    """Return the table of norms, errors, costs and amplitudes, with a row for each block."""
    rows = zip(network.norms, network.norms_without_skip, network.errors, network.costs.blocks, strict=True)
    return table(*BLOCKS, [(*row, _large(row[-1].queries)) for row in rows])


def regime_rows(network: Network) -> Table:
    """Return the costs of the amplified network in its regime, a row for each number of blocks, if it has a regime."""
    rows = []
    for row in network.regime_costs or ():
        if isinstance(row, Uncounted):
            rows.append((row.blocks, "unknown", row.classical, *[""] * 6))
            continue
        shares = [f"{share / row.depth:.2%}" for share in (row.weighing, row.loading)]
        counts = f"{row.queries:.1e}", row.num_ancillas, row.num_qubits, f"{row.amplitude:.3f}"
        rows.append((row.blocks, f"{row.depth:.1e}", row.classical, *shares, *counts))
    return table(*REGIME, rows) if rows else []


def claim_rows(network: Network) -> Table:
    """Return the share of each bound that the network's own weights and images reach, with a row for each block."""
    names, places = (list(dict.fromkeys(getattr(row, one) for row in network.claims)) for one in ("claim", "where"))
    ratios = {(row.where, row.claim): f"{row.ratio:.3f}" for row in network.claims}
    return [["", *names], *([place, *(ratios.get((place, name), "") for name in names)] for place in places)]


def plots(network: Network) -> list[Plot]:
    """Return the figures of training, norms, errors and samples."""
    epochs, blocks = [row.epoch for row in network.training], [row.block for row in network.norms]
    samples, top = network.accuracy.by_samples, network.accuracy.argmax
    bounds = [Line(network.norms[0].low), Line(network.norms[0].high, "proven range")]
    errors = (
        ("measured, largest of all images", "actual_max", "o-", "blue"),
        ("tracked eps", "eps", "s-", "orange"),
        (r"$19.6\,e_0 + 10.3\,e_1$", "worst_case", "^--", "grey"),
        (r"$712(e_0 + e_1)$", "published", "v:", "grey"),
    )
    return [
        Plot(
            "training",
            "epoch",
            "training loss",
            [
                Series("loss", epochs, [row.loss for row in network.training], style="-", color="blue"),
                Series("accuracy", epochs, [row.accuracy for row in network.training], None, None, "-", "orange", True),
            ],
            right="training accuracy",
        ),
        Plot(
            "norms",
            "block",
            "norm N before normalization",
            [
                _spans("with skip connections", network.norms, -0.1, "blue"),
                _spans("without", network.norms_without_skip, 0.1, "orange"),
            ],
            lines=bounds,
            limits=(0, 2.1),
        ),
        Plot(
            "errors",
            "block",
            "distance from the ideal network",
            [
                Series(label, blocks, [getattr(row, name) for row in network.errors], style=style, color=color)
                for label, name, style, color in errors
            ],
            yscale="log",
        ),
        Plot(
            "samples",
            "samples of the circuit",
            "test accuracy",
            [Series("", [row.samples for row in samples], [row.accuracy for row in samples], color="blue")],
            "log2",
            lines=[Line(top, "argmax of the distribution")],
            limits=(0, 1.02),
        ),
    ]


def _spans(label: str, rows: Sequence[Norms], offset: float, color: str) -> Series:
    x, ends = [row.block + offset for row in rows], ([row.min for row in rows], [row.max for row in rows])
    return Series(label, x, [row.mean for row in rows], *ends, style="o", color=color)


def _large(number: int) -> str:
    return str(number) if number < LARGE else f"{number:.0e}"
