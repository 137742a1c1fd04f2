"""Claims about norms on the weights and images of a trained network, in place of random ones."""

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import Claim
from qla_jax.claims.engine.trial import VIOLATED
from qla_jax.claims.networks import norms
from qla_jax.encodings.base.block import block
from qla_jax.experiments.coherent.results import OwnClaim
from qla_jax.nn.trace import Traced

OF_BLOCKS = (norms.skip_norm, norms.skip_norm_from_above, norms.skip_norm_in_dimension)


def own_claims(traced: Traced) -> list[OwnClaim]:
    """Return the largest ratio of each claim over all images, for each block, in float64."""
    with jax.enable_x64(True):
        weights = [jax.jit(block)(enc) for enc in traced.built.weights]
        *entering, last = jnp.moveaxis(jnp.asarray(traced.trace.states), 1, 0)
        rows = [
            own_claim(claim, f"block {number}", weight, psi)
            for number, (weight, psi) in enumerate(zip(weights, entering, strict=True), 1)
            for claim in OF_BLOCKS
        ]
        if traced.built.matrix is not None:
            rows.append(own_claim(norms.terminal_norm, "terminal block", traced.built.matrix, last))
        return rows


def own_claim(claim: Claim, place: str, weight: Array, states: Array) -> OwnClaim:
    """Return the largest ratio of one claim on one weight; a zero vector is no instance.

    Args:
        claim: claim to examine.
        place: name of the weight, for the report.
        weight: weight of a block.
        states: states that enter the block, a row for each image.
    """

    # Weights are arguments: XLA would multiply constants while it compiles, slowly, and warn of that in between.
    @jax.jit
    def worst(weight: Array, states: Array) -> Array:
        ratios = jax.vmap(lambda psi: claim.ratio({"weight": weight, "psi": psi}))(states)
        return jnp.where(jnp.any(states != 0, axis=1), ratios, 0).max()

    ratio = float(worst(weight, states))
    return OwnClaim(claim.name, place, ratio, not ratio <= VIOLATED)
