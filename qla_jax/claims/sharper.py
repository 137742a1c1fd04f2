"""Sharper constants: published bounds, bounds proven here, and the share of the latter that attacks reach.

The shares that attacks reach are stored next to this file, as a run with attacks found them: `qla-jax claims --attack`
writes a file of the same form into its directory, which can replace the stored one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from qla_jax._files import write

FILE = Path(__file__).with_name("sharper.json")
REACHED: dict[str, dict[str, float]] = json.loads(FILE.read_text())
"""Largest share of a bound that an attack reached, by claim and size of the instances."""


class Sharper(NamedTuple):
    """One bound in its published and in its sharper form.

    Attributes:
        quantity: quantity that is bounded.
        published: bound of the paper.
        here: bound as it is proven or counted here.
        claim: name of the claim of the bound here.
        size: size of the instances that are attacked; 0 where the bound is an equality or a count.
    """

    quantity: str
    published: str
    here: str
    claim: str
    size: int

    @property
    def reached(self) -> float:
        """Largest share of the bound here that the attack reaches; 1 where the bound is exact."""
        return REACHED[self.claim][str(self.size)] if self.size else 1.0


SHARPER = (
    Sharper("error of a block", "712 (e0 + e1)", "19.6 e0 + 10.3 e1, at small errors", "block-lipschitz", 16),
    Sharper("error of k blocks", "712^k", "19.6^k for exact blocks", "network-lipschitz", 2),
    Sharper("alpha of an activation", "4 max(P/x)", "max(P/x), for erf", "quotient-sum", 0),
    Sharper("calls for a diagonal of amplitudes", "6", "1", "diagonal-of-amplitudes-by-circuit", 0),
    Sharper(
        "error of the polynomial", "sqrt(N) max|P - f|", "at most r |x|, in any N", "activation-by-relative-error", 16
    ),
    Sharper("flagged amplitude of a block, kappa = 2", "1/400", "0.0347 = 1/28.8", "amplitude", 16),
    Sharper("distribution of the classes", "2 N delta / sqrt(C)", "sqrt(2) delta", "pooling-in-two-norm", 2),
    Sharper("error of W |x|^2", "2 alpha eps", "(1 + alpha) eps", "square-error-of-unit-vectors", 2),
    Sharper("alpha of a convolution", "2 |C|, amplified", "|K|_1 at once, at most C^1.5 D |C|", "convolution-alpha", 0),
    Sharper("gain of its amplification", "O(C D)", "C^1.5 D / 2, attained", "amplification-gain", 2),
    Sharper(
        "ancillas of a convolution", "3 + 8D + 2 log CD", "3 + 2 ceil(log CD)", "ancillas-of-package-convolution", 0
    ),
    Sharper(
        "error of a polynomial of a matrix",
        "4 d sqrt(delta)",
        "sum |c_k| min(k^2 delta, 2)",
        "robustness-by-coefficients",
        3,
    ),
    Sharper("the same below a norm mu", "d sqrt(2/(1-mu^2)) delta", "the same", "robustness-linear", 8),
    Sharper("error of a normalized vector", "eps / M", "2 eps / (2M - eps)", "normalization", 2),
    Sharper("normalized unit vectors, eps <= 1", "2 eps", "sqrt(2) eps", "normalization-below-one", 2),
    Sharper(
        "combination, weights loaded with e1, parts with e2",
        "alpha e1 + alpha beta e2",
        "alpha e1 + beta e2",
        "combination-error-with-loading",
        4,
    ),
)
COLUMNS = ("bound on", "published", "here", "reached", "claim")


def save(found: Mapping[str, Mapping[int, float]], file: Path) -> None:
    """Write the share that is reached of each sharper constant, with stored values for claims that were not examined.

    Args:
        found: largest ratios by claim and size.
        file: path of the file.
    """
    reached = {
        claim: {size: found.get(claim, {}).get(int(size), ratio) for size, ratio in by_size.items()}
        for claim, by_size in REACHED.items()
    }
    write(file, json.dumps(reached, indent=1) + "\n")


def rows() -> list[list[str]]:
    """Return the table as text, without its head."""
    return [[row.quantity, row.published, row.here, _told(row), row.claim] for row in SHARPER]


def markdown() -> str:
    """Return the table as `qla-jax claims --table` prints it and docs/claims.md shows it."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows()]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _told(row: Sharper) -> str:
    return "exact" if row.size == 0 else f"{row.reached:.3g} at size {row.size}"
