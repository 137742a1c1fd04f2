"""What is asked of a function of a matrix: an error, a margin, as Python numbers."""

from qla_jax._checks import as_real, require


def as_eps(eps: float, name: str = "eps") -> float:
    """Return an error that is asked for.

    Raises:
        ValueError: not a positive, finite number.
    """
    number = as_real(name, eps)
    require(0 < number < float("inf"), f"`{name}` must be positive and finite, but is {number}.")
    return number


def as_fraction(name: str, value: float) -> float:
    """Return a number between 0 and 1, both excluded.

    Raises:
        ValueError: none of these.
    """
    number = as_real(name, value)
    require(0 < number < 1, f"`{name}` must lie between 0 and 1, but is {number}.")
    return number


def as_margin(margin: float) -> float:
    """Return how far a polynomial is to be kept below 1; `as_fraction` by its name."""
    return as_fraction("margin", margin)
