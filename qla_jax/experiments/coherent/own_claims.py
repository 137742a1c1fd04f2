"""Claims about norms on the weights and images of a trained network, in place of random ones."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from qla_jax.claims.engine.claim import Claim
from qla_jax.claims.engine.trial import VIOLATED
from qla_jax.claims.networks import norms
from qla_jax.encodings.base.block import block
from qla_jax.experiments.coherent.evaluation import in_double
from qla_jax.networks.residual import chain
from qla_jax.nn import CoherentResNet
from qla_jax.nn.coherent_resnet import Start

OF_BLOCKS = (norms.skip_norm, norms.skip_norm_from_above, norms.skip_norm_in_dimension)
OF_TERMINAL_BLOCK = (norms.terminal_norm,)


def own_claims(model: CoherentResNet, images: np.ndarray) -> list[dict]:
    """Return the largest ratio of each claim over all images, for each block, in float64."""
    with jax.enable_x64(True):
        double = in_double(model)
        weights = [jax.jit(block)(enc) for enc in double.encodings()]
        matrix, starts = double.terminal_matrix(), double.load(jnp.asarray(images, jnp.float64))

        graph, state = nnx.split(double)

        # Weights are arguments: XLA would multiply constants while it compiles, slowly, and warn of that in between.
        @jax.jit
        @partial(jax.vmap, in_axes=(None, 0))
        def entering(state: Any, start: Start) -> list[Array]:
            """Return the state before each block, and after the last."""
            network = nnx.merge(graph, state)
            blocks = chain(network.network(network.encodings(), start))
            return [one.part.encoded for one in blocks] + [blocks[-1].encoded]

        states = entering(state, starts)
        rows = [
            own_claim(claim, f"block {number}", weight, psi)
            for number, (weight, psi) in enumerate(zip(weights, states, strict=False), 1)
            for claim in OF_BLOCKS
        ]
        if matrix is not None:
            rows += [own_claim(claim, "terminal block", matrix, states[-1]) for claim in OF_TERMINAL_BLOCK]
        return rows


def own_claim(claim: Claim, place: str, weight: Array, states: Array) -> dict:
    """Return the largest ratio of one claim on one weight; a zero vector is no instance."""

    @jax.jit
    def worst(weight: Array, states: Array) -> Array:
        ratios = jax.vmap(lambda psi: claim.ratio({"weight": weight, "psi": psi}))(states)
        return jnp.where(jnp.any(states != 0, axis=1), ratios, 0).max()

    ratio = float(worst(weight, states))
    return {"claim": claim.name, "where": place, "ratio": ratio, "violated": not ratio <= VIOLATED}
