"""Fixed-point numbers of any precision: arrays of integers of Python, as Gaussian integers.

Some sequences are found in hundreds of bits only. A number x is stored as x times a power of two, rounded to an
integer, and NumPy adds and convolves arrays of such integers.
"""

import math
from typing import NamedTuple

import numpy as np

DIGITS = 64
"""Number of bits of an integer that are kept on the way to a floating-point number."""


class Fixed(NamedTuple):
    """Complex fixed-point numbers: arrays of integers of Python for the real and the imaginary parts."""

    re: np.ndarray
    im: np.ndarray

    def plus(self, other: "Fixed") -> "Fixed":
        """Return the sums entry by entry."""
        return Fixed(self.re + other.re, self.im + other.im)

    def minus(self, other: "Fixed") -> "Fixed":
        """Return the differences entry by entry."""
        return Fixed(self.re - other.re, self.im - other.im)

    def times(self, real: np.ndarray) -> "Fixed":
        """Return the products with an array of integers."""
        return Fixed(self.re * real, self.im * real)

    def convolved(self, other: "Fixed") -> "Fixed":
        """Return the coefficients of the product of two polynomials, with the bits of both."""
        re = np.convolve(self.re, other.re) - np.convolve(self.im, other.im)
        return Fixed(re, np.convolve(self.re, other.im) + np.convolve(self.im, other.re))

    def shifted(self, bits: int) -> "Fixed":
        """Return the numbers times a power of two of either sign."""
        return Fixed(shifted(self.re, bits), shifted(self.im, bits))

    def part(self, which: slice) -> "Fixed":
        """Return some of the entries."""
        return Fixed(self.re[which], self.im[which])

    def reflected(self) -> "Fixed":
        """Return the conjugates in reverse order."""
        return Fixed(self.re[::-1], -self.im[::-1])

    @property
    def bits(self) -> int:
        """Number of bits of the largest entry."""
        return max(int(abs(number)).bit_length() for number in (*self.re, *self.im))


def fixed(values: np.ndarray, bits: int) -> Fixed:
    """Return floating-point numbers times a power of two as integers.

    Args:
        values: real or complex numbers.
        bits: exponent of the power of two.
    """
    return Fixed(*(np.array([_integer(x, bits) for x in part.tolist()], object) for part in (values.real, values.imag)))


def floating(number: Fixed, bits: int) -> np.ndarray:
    """Return integers divided by a power of two as complex floating-point numbers.

    Args:
        number: integers.
        bits: exponent of the power of two.
    """
    re, im = (np.array([_quotient(int(x), bits) for x in part]) for part in number)
    return re + 1j * im


def shifted(integers: np.ndarray, bits: int) -> np.ndarray:
    """Return integers times a power of two of either sign, rounded down.

    Args:
        integers: array of integers of Python.
        bits: exponent of the power of two.
    """
    return integers << bits if bits >= 0 else integers >> -bits


def _integer(x: float, bits: int) -> int:
    mantissa, exponent = math.frexp(x)
    whole, places = int(math.ldexp(mantissa, 53)), bits + exponent - 53
    return whole << places if places >= 0 else whole >> -places


def _quotient(x: int, bits: int) -> float:
    extra = max(abs(x).bit_length() - DIGITS, 0)
    return math.ldexp(float(x >> extra), extra - bits)
