"""Polynomial approximants with proven error bounds: classical approximation theory, independent of circuits."""

from qla_jax.polynomials.activations import softplus as softplus
from qla_jax.polynomials.activations import tanh as tanh
from qla_jax.polynomials.error_functions import erf as erf
from qla_jax.polynomials.exponential import exp as exp
from qla_jax.polynomials.exponential import exp_decay as exp_decay
from qla_jax.polynomials.filters import eigenstate_filter as eigenstate_filter
from qla_jax.polynomials.fit import minimax_fit as minimax_fit
from qla_jax.polynomials.gaussians import gaussian as gaussian
from qla_jax.polynomials.interpolation import interpolant as interpolant
from qla_jax.polynomials.inverses import inverse as inverse
from qla_jax.polynomials.inverses import inverse_cks as inverse_cks
from qla_jax.polynomials.jacobi_anger import cos as cos
from qla_jax.polynomials.jacobi_anger import sin as sin
from qla_jax.polynomials.monomials import monomial as monomial
from qla_jax.polynomials.polynomial import Polynomial as Polynomial
from qla_jax.polynomials.polynomial import polynomial as polynomial
from qla_jax.polynomials.powers import power as power
from qla_jax.polynomials.powers import sqrt as sqrt
from qla_jax.polynomials.signs import sign as sign
from qla_jax.polynomials.steps import rectangle as rectangle
from qla_jax.polynomials.steps import step as step
