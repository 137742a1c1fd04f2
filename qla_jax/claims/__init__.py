"""Bounds of the papers as functions that measure both of their sides: on random instances, and against an attack."""

from qla_jax.claims.catalogue import CLAIMS as CLAIMS
from qla_jax.claims.catalogue import run as run
