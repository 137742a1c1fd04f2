"""Sharper constants: what the papers bound, what is proven here, and how much of that the attack reaches."""

from typing import NamedTuple


class Sharper(NamedTuple):
    """One bound in two forms.

    Attributes:
        quantity: what is bound.
        published: as the paper has it.
        here: as it is proven or counted here.
        reached: the largest part of the bound here that the attack finds; exact where it is an equality or a count.
        claim: the name of the claim of the bound here.
        size: of the instances that `reached` speaks of; 0 where it is exact.
    """

    quantity: str
    published: str
    here: str
    reached: float
    claim: str
    size: int


SHARPER = (
    Sharper("error of a block", "712 (e0 + e1)", "19.6 e0 + 10.3 e1, at small errors", 0.875, "block-lipschitz", 16),
    Sharper("error of k blocks", "712^k", "19.6^k for exact blocks", 0.38, "network-lipschitz", 2),
    Sharper("alpha of an activation", "4 max(P/x)", "max(P/x), for erf", 1.0, "quotient-sum", 0),
    Sharper("calls for a diagonal of amplitudes", "6", "1", 1.0, "diagonal-of-amplitudes-by-circuit", 0),
    Sharper(
        "error of the polynomial",
        "sqrt(N) max|P - f|",
        "at most r |x|, in any N",
        1.0,
        "activation-by-relative-error",
        16,
    ),
    Sharper("flagged amplitude of a block, kappa = 2", "1/400", "0.0347 = 1/28.8", 0.891, "amplitude", 16),
    Sharper("distribution of the classes", "2 N delta / sqrt(C)", "sqrt(2) delta", 1.0, "pooling-in-two-norm", 2),
    Sharper("error of W |x|^2", "2 alpha eps", "(1 + alpha) eps", 1.0, "square-error-of-unit-vectors", 2),
    Sharper(
        "alpha of a convolution", "2 |C|, amplified", "|K|_1 at once, at most C^1.5 D |C|", 1.0, "convolution-alpha", 0
    ),
    Sharper("gain of its amplification", "O(C D)", "C^1.5 D / 2, attained", 1.0, "amplification-gain", 2),
    Sharper(
        "ancillas of a convolution",
        "3 + 8D + 2 log CD",
        "3 + 2 ceil(log CD)",
        1.0,
        "ancillas-of-package-convolution",
        0,
    ),
    Sharper(
        "error of a polynomial of a matrix",
        "4 d sqrt(delta)",
        "sum |c_k| min(k^2 delta, 2)",
        1.0,
        "robustness-by-coefficients",
        3,
    ),
    Sharper("the same below a norm mu", "d sqrt(2/(1-mu^2)) delta", "the same", 0.707, "robustness-linear", 8),
    Sharper("error of a normalised vector", "eps / M", "2 eps / (2M - eps)", 1.0, "normalisation", 2),
    Sharper(
        "normalised unit vectors, eps <= 1",
        "2 eps",
        "sqrt(2) eps",
        1.0,
        "normalisation-below-one",
        2,
    ),
    Sharper(
        "combination, weights loaded with e1, parts with e2",
        "alpha e1 + alpha beta e2",
        "alpha e1 + beta e2",
        1.0,
        "combination-error-with-loading",
        4,
    ),
)
COLUMNS = ("bound on", "published", "here", "reached", "claim")


def rows() -> list[list[str]]:
    """As text, without a head."""
    return [[row.quantity, row.published, row.here, _told(row), row.claim] for row in SHARPER]


def markdown() -> str:
    """The table as `qla-jax claims --table` prints it and docs/claims.md shows it."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows()]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _told(row: Sharper) -> str:
    return "exact" if row.size == 0 else f"{row.reached:.3g} at size {row.size}"
