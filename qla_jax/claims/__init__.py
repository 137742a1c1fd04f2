"""Bounds of the papers as functions that compute both of their sides, on random instances and under an attack.

`run` examines claims by name, and `examine` one claim with all options. `claim` makes a claim of a function, and
`register` adds it to those that are run by name.
"""

from qla_jax.claims.catalogue import CLAIMS as CLAIMS
from qla_jax.claims.catalogue import every as every
from qla_jax.claims.catalogue import forget as forget
from qla_jax.claims.catalogue import register as register
from qla_jax.claims.catalogue import run as run
from qla_jax.claims.catalogue import select as select
from qla_jax.claims.catalogue import tally as tally
from qla_jax.claims.engine.claim import Claim as Claim
from qla_jax.claims.engine.claim import Sides as Sides
from qla_jax.claims.engine.claim import claim as claim
from qla_jax.claims.engine.claim import free as free
from qla_jax.claims.engine.trial import Trial as Trial
from qla_jax.claims.engine.trial import examine as examine
