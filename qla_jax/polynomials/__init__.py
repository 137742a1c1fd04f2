"""Classical approximation theory: polynomials with proven error bounds. Knows nothing quantum."""

from qla_jax.polynomials._erf import erf as erf
from qla_jax.polynomials.polynomial import Polynomial as Polynomial
from qla_jax.polynomials.polynomial import polynomial as polynomial
