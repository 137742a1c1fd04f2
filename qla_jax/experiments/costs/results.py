"""Results of counting the costs of a regime, as costs.json holds them."""

from dataclasses import dataclass, field

from qla_jax.experiments.core.fits import Power
from qla_jax.experiments.core.results import named
from qla_jax.experiments.costs.ablation import Ablated
from qla_jax.experiments.costs.squares import CountedSquare
from qla_jax.networks.regimes import Counts


@dataclass(frozen=True)
class CostPoint(Counts):
    """Counts of a network.

    Attributes:
        x: place on the axis.
        classical: number of multiplications of the exact network.
        published_ancillas: number of ancillas of the blocks by the paper.
    """

    x: float
    classical: int
    published_ancillas: int

    @property
    def kernels(self) -> float:
        """Share of the depth that belongs to kernels."""
        return self.weighing / self.depth


@dataclass(frozen=True)
class Run:
    """One curve of counted networks.

    Attributes:
        schedule: errors that blocks may have, "sharp" or "published".
        blocks: number k of blocks; None where the curve is against k.
        points: networks that were counted.
        missing: places whose errors are beyond double precision.
        fits: power laws of depth, loading, queries and gain.
        ratios: quotients of depth and ancillas from one point to the next, only against k.
    """

    schedule: str
    blocks: int | None
    points: list[CostPoint]
    missing: list[float]
    fits: dict[str, Power]
    ratios: dict[str, list[float]] | None = None

    @property
    def label(self) -> str:
        """Name in a legend."""
        return f"{self.schedule}, k = {self.blocks}"


@dataclass(frozen=True)
class CostCurve:
    """Curves against one size.

    Attributes:
        variable: name of the size.
        paper: exponent of the depth by the paper, by k.
        series: curves.
        law: quantity whose power is fitted.
    """

    variable: str
    paper: dict[str, str]
    series: list[Run]
    law: str


@dataclass(frozen=True)
class Crossing:
    """Size at which the depth falls below the multiplications of the exact network.

    Attributes:
        schedule: errors that blocks may have.
        blocks: number k of blocks.
        entries: size N of the crossing, None if it was not found.
        depth: depth at the crossing.
        extrapolated: whether N is beyond the measured sizes.
        law: formula of the fit.
        spread: largest relative deviation of the fit.
    """

    schedule: str
    blocks: int
    entries: float | None
    depth: float | None
    extrapolated: bool
    law: str
    spread: float


@dataclass(frozen=True)
class AblationLaw:
    """Exponents of N, by number of layers: queries without skip connections, with them, runs without amplification."""

    blocks: int
    without: float
    with_: float = field(metadata=named("with"))
    runs: float


@dataclass(frozen=True)
class Ablation:
    """Networks without skip connections, and their exponents."""

    rows: list[Ablated]
    fits: list[AblationLaw]


@dataclass(frozen=True)
class SquareLaw:
    """Exponents of N of both routes, by kind of matrix."""

    kind: str
    theorem: float
    frobenius: float


@dataclass(frozen=True)
class Squares:
    """Matrices times squared amplitudes, and their exponents."""

    rows: list[CountedSquare]
    fits: list[SquareLaw]


@dataclass(frozen=True)
class CountedNetwork:
    """Finished item: a curve, or networks without skip connections, or products with squared amplitudes."""

    curve: CostCurve | None = None
    ablated: list[Ablated] | None = None
    squared: list[CountedSquare] | None = None


@dataclass(frozen=True)
class CostsReport:
    """Content of costs.json.

    Attributes:
        regime: regime a, b or c.
        title: regime in words.
        depth_of_the_paper: formula of the depth.
        curves: curves against N, the error, k, channels and taps.
        crossings: sizes at which the depth falls below that of the exact network.
        ablation: networks without skip connections.
        squares: products with squared amplitudes.
        uncounted: costs that the depth leaves out.
        failures: a line for each curve of depths that falls where it has to grow, and one if the queries of networks
            with skip connections depend on N; empty is good.
        seconds: time of all counting.
    """

    regime: str
    title: str
    depth_of_the_paper: str
    curves: list[CostCurve]
    crossings: list[Crossing]
    ablation: Ablation
    squares: Squares
    uncounted: list[str]
    failures: list[str]
    seconds: float
