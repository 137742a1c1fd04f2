"""What every test image says about a trained network, and what its circuit costs."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.accounting.costs import cost
from qla_jax.experiments.coherent.results import BlockCosts, Costs, Evaluated
from qla_jax.networks.residual import SCALE, chain
from qla_jax.nn.evaluation import accuracies, errors, norms, output_error, terminal_norm
from qla_jax.nn.trace import Traced
from qla_jax.polynomials import chebyshev, erf


def evaluated(traced: Traced, labels: np.ndarray, baseline: float, seed: int) -> Evaluated:
    """Return what every test image says about the network, beside the accuracy of its plain baseline."""
    found, terminal = traced.trace, traced.model.terminal
    return Evaluated(
        accuracies(found, labels, baseline, seed),
        norms(found.norm),
        norms(found.bare_norm),
        errors(found),
        output_error(found),
        None if terminal is None else terminal_norm(found, labels, terminal.tau),
        costs(traced),
    )


def costs(traced: Traced) -> Costs:
    """Return costs of the circuit up to each block, unamplified, and each block's own amplitude on an amplified input.

    The amplitude is that of the weights as they are, and that of weights amplified to twice their norm: of a
    convolution the former vanishes, since its alpha is the 1-norm of its kernel.
    """
    found, model = traced.trace, traced.model
    alone, norm = found.alone.mean(0), found.norm.mean(0)
    with jax.enable_x64(True):
        # The normalisation of the activation of a weight with alpha 2, as Lemma 5 leaves it.
        rescaled = chebyshev.rescale(erf(SCALE, degree=model.degree).coeffs, 2.0)
        activation = float(np.abs(chebyshev.quotient(rescaled)).sum())
        network = jax.eval_shape(model.encode, jnp.asarray(traced.images[0], jnp.float64))
    rows = []
    for number, block in enumerate(chain(network)):
        total, size = cost(block), -found.log_alpha[:, number] / math.log(10)
        rows.append(
            BlockCosts(
                block=number + 1,
                num_ancillas=total.num_ancillas,
                num_qubits=total.num_qubits,
                queries=sum(total.num_queries.values()),
                num_queries=dict(total.num_queries),
                amplitude_alone=float(alone[number]),
                amplitude_of_amplified_weight=float(norm[number]) / (1 + activation),
                log10_amplitude_unamplified=float(np.median(size)) if np.isfinite(size).all() else None,
            )
        )
    return Costs(rows)
