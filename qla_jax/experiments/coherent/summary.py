"""Summary of the main job: tables, figures, and a line for each bound that is violated."""

from collections.abc import Sequence

from qla_jax.experiments.coherent.results import MainReport, Network
from qla_jax.experiments.core.figures import Figure, Line, Matrix, Outcome, Outcomes, Plot, Series
from qla_jax.experiments.core.study import Findings, Section
from qla_jax.experiments.core.tables import Column, Table, table, written
from qla_jax.nn.coherent_costs import Uncounted
from qla_jax.nn.evaluation import Norms

SUMMARY = [
    Column("network", "{kind}", "name of the recipe"),
    Column("argmax", "{accuracy.argmax:.4f}", "test accuracy of the most probable outcome"),
    Column("sample", "{accuracy.sampled:.4f}", "test accuracy of one sample of the circuit"),
    Column("ideal", "{accuracy.ideal_argmax:.4f}", "test accuracy of the network with the exact activation"),
    Column("plain", "{accuracy.baseline:.4f}", "test accuracy of a classical network of the same shape"),
    Column("error", "{output_error.actual_max:.1e}", "largest 1-norm distance of outcomes from the ideal network's"),
    Column("bound", "{output_error.eps:.1e}", "largest tracked bound on that distance"),
    Column("circuit", "{circuit_check.max_deviation:.1e}", "largest deviation of circuits from the encoded view"),
    Column("train", "{seconds.train:.0f} s", "time of training"),
]
BLOCKS = [
    Column("block", "{0.block}", "number of the residual block"),
    Column("N min", "{0.min:.3f}", "smallest norm before normalization, over test images"),
    Column("mean", "{0.mean:.3f}", "mean of that norm"),
    Column("max", "{0.max:.3f}", "largest of that norm"),
    Column("no skip", "{1.mean:.3f}", "mean norm of the same weights without skip connections"),
    Column("error", "{2.actual_max:.1e}", "largest Euclidean distance of the state from the ideal network's"),
    Column("eps", "{2.eps:.1e}", "largest tracked bound on that distance"),
    Column("ratio", "{2.eps_over_actual:.3g}", "median over images of the bound over the error"),
    Column("anc.", "{3.num_ancillas}", "ancilla qubits of the circuit up to this block"),
    Column("calls", "{4}", "calls of weights and input by the unamplified circuit up to this block"),
    Column("ampl.", "{3.amplitude_alone:.2g}", "mean success amplitude of the block on an amplified input"),
    Column(
        "2|W|", "{3.amplitude_of_amplified_weight:.2f}", "that amplitude with the weight amplified to twice its norm"
    ),
]
TERMINAL = [
    Column("N min", "{min:.3f}", "smallest norm before normalization, over test images"),
    Column("mean", "{mean:.3f}", "mean of that norm"),
    Column("max", "{max:.3f}", "largest of that norm"),
    Column("proven", "{low:.2f}", "proven lower bound on that norm"),
    Column("W / skip", "{contribution:.3g}", "mean length of the matrix part over that of the skip connection"),
    Column("one sample", "{sampled_expected:.4f}", "expected accuracy of one sample after the terminal block"),
    Column("before it", "{sampled_expected_before:.4f}", "expected accuracy of one sample before the terminal block"),
]
REGIME = [
    Column("blocks", "{0}", "number of blocks"),
    Column("depth", "{1}", "layers of gates of the circuit"),
    Column("exact network", "{2:.2g}", "multiplications of the exact classical network"),
    Column("weights", "{3}", "share of the depth that encodes weights"),
    Column("loading", "{4}", "share of the depth that loads the input"),
    Column("calls", "{5}", "calls of weights and input"),
    Column("ancillas", "{6}", "ancilla qubits"),
    Column("qubits", "{7}", "all qubits"),
    Column("ampl.", "{8}", "success amplitude in the end"),
]
CIRCUITS = [
    Column("circuit", "{0.name}", "part of the network that the circuit is made of"),
    Column("blocks", "{0.blocks}", "number of blocks in one circuit"),
    Column("qubits", "{0.num_qubits}", "simulated qubits"),
    Column("every ancilla", "{1}", "whether all ancillas are simulated to the end, or projected as early as possible"),
    Column("largest deviation", "{0.max_deviation:.1e}", "largest difference from the encoded view"),
]
EXPORTED = [
    Column("file", "{file}", "file in the directory of the run"),
    Column("bytes", "{size}", "size of the file"),
    Column("qubits", "{num_qubits}", "qubits of the circuit, ancillas included"),
    Column("rotations", "{rotations}", "rotations by any angle"),
    Column("CNOT", "{cnot}", "CNOT and other Clifford gates of two qubits"),
    Column("Toffoli", "{toffoli}", "Toffoli gates"),
    Column("T", "{t_count}", "T gates in all, at the stated error of each rotation"),
]
LARGE = 10**5
SLICES = {
    "dense": "at the rows and columns of these amplitudes",
    "convolutional": "the middle row of each kernel on the channel with the largest amplitude",
}


def summary(report: MainReport) -> Findings:
    """Return accuracies and errors of all networks, and a section for each."""
    images = report.dataset
    return Findings(
        numbers={"report": report},
        failures=report.failures,
        tables={
            "networks": table(SUMMARY, report.networks, caption=f"Accuracies and errors on {images.test} test images.")
        },
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
        "terminal block": terminal_rows(network),
        "costs, each block amplified, error 0.01 in the end": regime_rows(network),
        "largest ratio of a claim": claim_rows(network),
        "circuits against the encoded view": table(
            CIRCUITS,
            circuits,
            caption="Circuits on small registers, compared with their encoded view. The blocks have polynomials of "
            f"degree {check.degree}. The weights are slices of the trained ones, {SLICES[network.recipe.weights]}. The "
            "input holds the largest amplitudes of the first test image that is not black. Where every ancilla is "
            "simulated, the flagged output, the norm of the state and the way back to |0> are checked; where ancillas "
            "are projected early, the flagged output is.",
        ),
        "one residual block as a file": exported_rows(network),
    }
    return Section(
        network.kind,
        f"{network.kind}: {network.description}",
        tables={title: rows for title, rows in tables.items() if rows is not None},
        plots=plots(network),
        trees={
            "one residual block as a circuit": network.block_circuit,
            "its parts, with the calls of each": network.block_tree,
        },
    )


def block_rows(network: Network) -> Table:
    """Return the table of norms, errors, costs and amplitudes, with a row for each block."""
    rows = zip(network.norms, network.norms_without_skip, network.errors, network.costs.blocks, strict=True)
    told = [(*row, _large(row[-1].queries)) for row in rows]
    caption = "Norms, errors and costs of each block, over all test images; the circuit is not amplified."
    return table(BLOCKS, told, caption=caption)


def terminal_rows(network: Network) -> Table | None:
    """Return the norm of the terminal block and what its matrix adds; None without one."""
    caption = "The terminal block over all test images: its norm, and what its matrix does to the outcome."
    return table(TERMINAL, [network.terminal], caption=caption) if network.terminal else None


def regime_rows(network: Network) -> Table | None:
    """Return costs of the amplified network in its regime, a row per number of blocks; None without a regime."""
    rows = []
    for row in network.regime_costs or ():
        if isinstance(row, Uncounted):
            rows.append((row.blocks, "unknown", row.classical, *[""] * 6))
            continue
        shares = [f"{share / row.depth:.2%}" for share in (row.weighing, row.loading)]
        counts = f"{row.queries:.1e}", row.num_ancillas, row.num_qubits, f"{row.amplitude:.3f}"
        rows.append((row.blocks, f"{row.depth:.1e}", row.classical, *shares, *counts))
    caption = "Circuits of the first blocks, each block amplified, to an error of 0.01 in the end."
    return table(REGIME, rows, caption=caption) if rows else None


def claim_rows(network: Network) -> Table:
    """Return the share of each bound that the network's own weights and images reach, with a row for each block."""
    names, places = (list(dict.fromkeys(getattr(row, one) for row in network.claims)) for one in ("claim", "where"))
    ratios = {(row.where, row.claim): f"{row.ratio:.3f}" for row in network.claims}
    columns = [("", "weight or image"), *((name, f"largest measured / bound of the claim {name}") for name in names)]
    cells = [[place, *(ratios.get((place, name), "") for name in names)] for place in places]
    caption = "How much of each bound the network's own weights and images reach; a bound is violated above 1."
    return written(columns, cells, caption=caption)


def exported_rows(network: Network) -> Table | None:
    """Return the file of the first block with its counts; None without a file."""
    row = network.exported
    if row is None:
        return None
    caption = f"Circuit of the first block on the first test image, with rotations to an error of {row.rotation_eps:g}."
    return table(EXPORTED, [row], caption=caption)


def plots(network: Network) -> list[Figure]:
    """Return images with their outcomes, the confusion matrix, training, norms, errors and samples."""
    epochs, blocks = [row.epoch for row in network.training], [row.block for row in network.norms]
    samples, top = network.accuracy.by_samples, network.accuracy.argmax
    bounds = [Line(network.norms[0].low), Line(network.norms[0].high, "proven range")]
    errors = (
        ("measured, largest of all images", "actual_max", "o-", "blue"),
        ("tracked eps", "eps", "s-", "orange"),
        (r"$19.6\,e_0 + 10.3\,e_1$", "worst_case", "^--", "gray"),
        (r"$712(e_0 + e_1)$", "published", "v:", "gray"),
    )
    classes = [*map(str, range(len(network.confusion))), "other"]
    return [
        Outcomes(
            "outcomes",
            [Outcome(one.image, one.label, one.probabilities) for one in network.examples],
            caption="The first test images of different classes, and the probability of each outcome when the circuit "
            "is measured; the bar of the true class is blue.",
        ),
        Matrix(
            "confusion",
            "most probable outcome",
            "class of the image",
            network.confusion,
            classes[: len(network.confusion[0])],
            caption="Number of test images of each class (row) by their most probable outcome (column).",
        ),
        Plot(
            "training",
            "epoch",
            "training loss",
            [
                Series("loss", epochs, [row.loss for row in network.training], style="-", color="blue"),
                Series("accuracy", epochs, [row.accuracy for row in network.training], None, None, "-", "orange", True),
            ],
            right="training accuracy",
            caption="Mean loss and accuracy of the training steps of each epoch.",
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
            caption="Norm of each block before normalization over all test images: mean (dot) and range (bar). Dashed "
            "lines are the proven range with skip connections.",
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
            caption="Largest Euclidean distance of a state from that of the ideal network, with the tracked bound, the "
            "first-order bound at the smallest norm, and the bound of Lemma 6; e0 and e1 are the errors of the input "
            "and of the activation.",
        ),
        Plot(
            "samples",
            "samples of the circuit",
            "test accuracy",
            [Series("", [row.samples for row in samples], [row.accuracy for row in samples], color="blue")],
            "log2",
            lines=[Line(top, "argmax of the distribution")],
            limits=(0, 1.02),
            caption="Test accuracy of the most frequent outcome after so many runs of the circuit.",
        ),
    ]


def _spans(label: str, rows: Sequence[Norms], offset: float, color: str) -> Series:
    x, ends = [row.block + offset for row in rows], ([row.min for row in rows], [row.max for row in rows])
    return Series(label, x, [row.mean for row in rows], *ends, style="o", color=color)


def _large(number: int) -> str:
    return str(number) if number < LARGE else f"{number:.0e}"
