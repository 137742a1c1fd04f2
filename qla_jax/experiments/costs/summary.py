"""Summary of the costs of a regime: tables, figures, and differences from the paper."""

from collections.abc import Sequence
from typing import Any

from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.study import Findings
from qla_jax.experiments.core.tables import Column, Table, table
from qla_jax.experiments.costs.results import CostsReport, Run

SHADES = ("#92c5de", "#4393c3", "#2166ac", "#053061")
STYLES = {"sharp": "o-", "published": "s:"}
KINDS = ("blue", "orange", "gray")

EXPONENTS = [
    Column("power of", "{0}", "size that varies"),
    Column("errors", "{1}", "how errors are split over the blocks: the sharp schedule or the published one"),
    Column("k", "{2}", "number of blocks"),
    Column("depth", "{3:z.2f}", "exponent of the depth in gates, over all points"),
    Column("at end", "{4:z.2f}", "exponent of the depth over the last three points"),
    Column("loading", "{5:z.2f}", "exponent of the part of the depth that loads the input"),
    Column("queries", "{6:z.2f}", "exponent of the queries to the input"),
    Column("gain", "{7:z.2f}", "exponent of the subnormalization of a kernel over its norm"),
    Column("paper", "{8}", "exponent of the depth in the paper"),
]
CROSSINGS = [
    Column("errors", "{0.schedule}", "schedule of errors"),
    Column("k", "{0.blocks}", "number of blocks"),
    Column("N", "{0.entries:.2e}", "number of entries where both meet"),
    Column("depth there", "{0.depth:.2e}", "layers of gates at that N"),
    Column("fit within", "{0.spread:.0%}", "largest relative distance of the fitted law from the counts"),
    Column("measured sizes", "{1}", "whether N lies within the sizes that were counted, or is extrapolated"),
]
ABLATION = [
    Column("k", "{0.blocks}", "number of layers"),
    Column("queries without", "{1.without:.3g}", "queries without skip connections, each layer amplified"),
    Column("exponent", "{0.without:z.2f}", "exponent of N of the queries without skip connections"),
    Column("runs without", "{1.runs:.3g}", "runs without skip connections until all measurements succeed"),
    Column("exponent", "{0.runs:z.2f}", "exponent of N of these runs"),
    Column("queries with", "{1.with_:.3g}", "queries with skip connections"),
    Column("exponent", "{0.with_:z.2f}", "exponent of N of the queries with skip connections"),
]
SQUARES = [
    Column("matrix", "{0.kind}", "kind of the matrix W"),
    Column("N", "{1.entries}", "number of entries"),
    Column("Theorem 1", "{1.theorem:.3g}", "calls over the amplitude by Theorem 1"),
    Column("exponent", "{0.theorem:z.2f}", "exponent of N of these calls"),
    Column("Frobenius", "{1.frobenius:.3g}", "calls over the amplitude through an encoding by the Frobenius norm"),
    Column("exponent", "{0.frobenius:z.2f}", "exponent of N of those calls"),
    Column("ratio", "{1.ratio:.2f}", "the second over the first"),
]
BLOCKS = [
    Column("k", "{0.x}", "number of blocks"),
    Column("errors", "{1}", "schedule of errors"),
    Column("depth", "{0.depth:.2e}", "layers of gates"),
    Column("ratio", "{2}", "depth over that of one block less"),
    Column("kernels", "{0.kernels:.1%}", "share of the depth that encodes kernels"),
    Column("queries", "{0.queries:.2e}", "queries to the input"),
    Column("ancillas", "{0.num_ancillas}", "ancilla qubits"),
    Column("ratio", "{3}", "ancillas over those of one block less"),
    Column("paper", "{0.published_ancillas}", "ancilla qubits of the blocks alone by the paper"),
    Column("ampl.", "{0.amplitude:.3f}", "success amplitude"),
]


def summary(report: CostsReport) -> Findings:
    """Return tables, figures and text of the costs of a regime."""
    crossings = [(row, "beyond, extrapolated" if row.extrapolated else "within") for row in report.crossings]
    return Findings(
        remarks=left_out(report),
        failures=report.failures,
        tables={
            "exponents": table(
                EXPONENTS,
                exponents(report),
                caption="Exponents of the counts in each size, fitted to all points of a curve. Circuits "
                "were built and counted at every point.",
            ),
            "blocks": _blocks(report),
            "N from which on the depth is below the exact classical network": table(
                CROSSINGS,
                crossings,
                caption="The number of entries from which on the circuit has fewer layers of gates than the exact "
                "network has multiplications.",
            ),
            "without skip connections, W = N^(-1/2)": table(
                ABLATION,
                _at_largest(report.ablation, "blocks"),
                caption="Layers with and without skip connections at the largest N, with the exponents of N.",
            ),
            "W|x|^2, calls of x over the amplitude": table(
                SQUARES,
                _at_largest(report.squares, "kind"),
                caption="Calls of the vector over the success amplitude for a matrix times squared amplitudes, by "
                "Theorem 1 and through an encoding of the matrix.",
            ),
        },
        plots=plots(report),
        text=[f"{report.title}. Depth by the paper: {report.depth_of_the_paper}", *remarks(report)],
        passed="All counts grow where they have to.",
    )


def exponents(report: CostsReport) -> list[tuple]:
    """Return exponents of each curve over all points, and for the depth also over the last three and by the paper."""
    rows = []
    for curve in report.curves:
        for run in curve.series:
            if run.blocks is not None:
                depth, *rest = (run.fits.get(name) for name in ("depth", "loading", "queries", "gain"))
                told = [depth and depth.exponent, depth and depth.end, *(law and law.exponent for law in rest)]
                rows.append((curve.law, run.schedule, run.blocks, *told, curve.paper[str(run.blocks)]))
    return rows


def _blocks(report: CostsReport) -> Table:
    """Return a row for each number of blocks: counts, ratios to one block less, share of the kernels, and amplitude."""
    rows = []
    for run in report.curves[2].series:
        ratios = run.ratios or {}
        found = zip(ratios["depth"], ratios["num_ancillas"], strict=True)
        told = [("", ""), *((f"{depth:.0f}", f"{ancillas:.2f}") for depth, ancillas in found)]
        rows += [(point, run.schedule, *one) for point, one in zip(run.points, told, strict=True)]
    return table(BLOCKS, rows, caption="Counts by number of blocks k, and their ratios to one block less.")


def _at_largest(found: Any, group: str) -> list[tuple]:
    """Return each law with its row at the largest N."""
    largest = max(row.entries for row in found.rows)
    at = {getattr(row, group): row for row in found.rows if row.entries == largest}
    return [(law, at[getattr(law, group)]) for law in found.fits]


def left_out(report: CostsReport) -> list[str]:
    """Return a sentence for each curve with points that could not be counted."""
    lines = []
    for curve in report.curves:
        for run in curve.series:
            blocks = "" if run.blocks is None else f", k = {run.blocks}"
            where = f"Not counted against {curve.variable}, {run.schedule} errors{blocks}"
            if points := ", ".join(f"{x:.4g}" for x in run.missing):
                lines.append(f"{where}: {points}, which ask for errors beyond double precision.")
    return lines


def plots(report: CostsReport) -> list[Plot]:
    """Return the figures of depth against each size, of networks without skip connections, and of squared vectors."""
    entries, errors, blocks, *kernels = report.curves
    singles = sorted({(p.x, p.classical) for run in entries.series if run.blocks == 1 for p in run.points})
    stars = [(row.entries, row.depth) for row in report.crossings if row.schedule == "sharp" and row.entries]
    beside = [_points("exact classical, k = 1", singles, "--", "gray"), _points("", stars, "*", "orange")]
    against_k = blocks.series[0].points
    relative = [
        Series(
            f"{name} against {curve.variable}",
            [point.x for point in curve.series[0].points],
            [getattr(point, name) / getattr(curve.series[0].points[0], name) for point in curve.series[0].points],
            style=style,
            color=color,
        )
        for curve, color in zip(kernels, KINDS, strict=False)
        for name, style in (("depth", "o-"), ("gain", "s:"))
    ]
    return [
        Plot(
            "entries",
            "N",
            "depth in gates",
            [*map(_depth, entries.series), *beside],
            "log",
            "log",
            caption="Depth against the number of entries N. Stars: equal to the exact classical network.",
        ),
        Plot(
            "errors",
            r"$\log 1/\epsilon$",
            "depth in gates",
            [*map(_depth, errors.series)],
            "log",
            "log",
            caption="Depth against the logarithm of the inverse error of the final state.",
        ),
        Plot(
            "blocks",
            "blocks k",
            "depth in gates",
            [
                _points("depth in gates", [(p.x, p.depth) for p in against_k], color="blue"),
                _points("ancillas", [(p.x, p.num_ancillas) for p in against_k], "s-", "orange", right=True),
                _points(
                    "ancillas, published", [(p.x, p.published_ancillas) for p in against_k], "--", "gray", right=True
                ),
            ],
            yscale="log",
            right="ancillas",
            caption="Depth and ancilla qubits against the number of blocks k, with the ancillas of the paper.",
        ),
        Plot(
            "kernels",
            "channels C, taps D",
            "relative to the first",
            relative,
            "log",
            "log",
            caption="Depth and gain of a kernel against its channels C and its taps D, relative to the first point.",
        ),
        Plot(
            "ablation",
            "N",
            "queries",
            _grouped(report.ablation.rows, "blocks", "without", "with_"),
            "log",
            "log",
            caption="Queries of k layers with skip connections (lines) and without (dotted), W = N^(-1/2).",
        ),
        Plot(
            "squares",
            "N",
            "calls of x over the amplitude",
            _grouped(report.squares.rows, "kind", "frobenius", "theorem"),
            "log",
            "log",
            caption="Calls of x over the success amplitude of W|x|^2: Theorem 1 (lines), encoding of W (dotted).",
        ),
    ]


def _points(label: str, points: Sequence[tuple], style: str = "o-", color: str = "", *, right: bool = False) -> Series:
    return Series(label, [x for x, _ in points], [y for _, y in points], style=style, color=color, right=right)


def _depth(run: Run) -> Series:
    points = [(point.x, point.depth) for point in run.points]
    return _points(run.label, points, STYLES[run.schedule], SHADES[(run.blocks or 1) - 1])


def _grouped(rows: Sequence[Any], group: str, dotted: str, drawn: str) -> list[Series]:
    """Return two fields against N for each value of the field `group`, in one color."""
    series = []
    for place, value in enumerate(dict.fromkeys(getattr(row, group) for row in rows)):
        chosen = [row for row in rows if getattr(row, group) == value]
        for name, style in ((dotted, "s:"), (drawn, "o-")):
            points = [(row.entries, getattr(row, name)) for row in chosen]
            told = f"k = {value}" if group == "blocks" else value
            series.append(_points(f"{name.strip('_')}, {told}", points, style, SHADES[place]))
    return series


def remarks(report: CostsReport) -> list[str]:
    """Return paragraphs about the meaning of the numbers, and about differences from the paper."""
    first = report.curves[2].series[0].points[0]
    against = {curve.variable: curve.series[0].fits for curve in report.curves}
    gain, depth = ([against[name][what].exponent for name in ("C", "D")] for what in ("gain", "depth"))
    without = ", ".join(f"N^{row.without:.2f}" for row in report.ablation.fits)
    lines = [
        "Counted are circuits that were built, not formulas. A layer of gates counts as much as a multiplication of "
        "the exact network; classical paths in front are left out on both sides. Where the two meet, the depth is "
        f"fitted as {report.crossings[0].law}.",
        f"{first.kernels:.1%} of the depth at one block is that of kernels, most of it two trees of C^2 D^2 angles "
        f"each; {first.loading / first.depth:.2%} loads the input, and only that grows as the paper's T_X. The "
        "exponent of the depth is that of the sum, the column 'loading' that of its second part.",
        f"Kernels are Gaussian, and their gain |K|_1/(2|C|) grows like C^{gain[0]:.2f} and D^{gain[1]:.2f}, not like "
        "the CD of Lemma 5, which is no bound; C^1.5 D is, up to borders. Hence "
        f"C^{depth[0]:.2f} for the depth, above the paper's C^3, and D^{depth[1]:.2f}, below its D^4, since a shift is "
        "one adder whatever its length.",
        "Exponents of log 1/eps are no limits. Constants to the power k multiply 1/eps in the logarithm, which "
        "keeps them low for large k, and they grow along the range. Amplifying the weights takes one logarithm that "
        "Lemma 5 leaves out: in the limit the powers are up to 2k + 1, and 2k + 2 with a terminal block, so that they "
        "can pass the paper's.",
        "Sharp errors do not depend on N: activations are chosen by their error relative to their input. Published "
        "ones do, by log sqrt(N). What is missing asks for errors beyond double precision.",
        "Ancillas double with each block, up to those that the block itself adds; the column 'paper' is for the blocks "
        "alone. The depth grows by far more with each block, log^2 times constants of activation and amplification.",
        f"Without skip connections k = 1, 2, ... layers with W = N^(-1/2) take queries like {without} if each is "
        "amplified from the amplitude that it has, and runs like N^k if measured until success. With them the length "
        "is the same for every N; its constant is larger, so that small networks are cheaper without.",
        "A dense matrix times squared amplitudes by Theorem 1 calls its vector less often than through an encoding of "
        "the matrix by the root of N where that is orthogonal, less where the rank is low. What is left, calls over "
        "the amplitude, grows as squared amplitudes are short.",
    ]
    if report.uncounted:
        lines.insert(1, f"The depth is a lower bound: {', '.join(report.uncounted)} is not counted.")
    return lines
