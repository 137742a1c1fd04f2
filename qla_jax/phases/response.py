r"""The 2 x 2 model of quantum signal processing: the action of a sequence of phase factors on one signal.

The model is an executable specification. It multiplies the matrices one by one and is independent of the solvers.

Example:
    >>> bool(jnp.allclose(qsp_response(jnp.zeros(4), 0.3), 4 * 0.3**3 - 3 * 0.3))
    True
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Complex

from qla_jax._checks import as_inexact, is_concrete
from qla_jax._modes import default_promotion, varying_like
from qla_jax.phases.conventions import CANONICAL, Convention, convention
from qla_jax.phases.sequence import PhaseFactors


@default_promotion
def qsp_response(phases: PhaseFactors | ArrayLike, x: ArrayLike) -> Complex[Array, "..."]:
    r"""Return the amplitude $\langle0|U(x)|0\rangle$ of phase factors at signals x by multiplying 2 x 2 matrices.

    In the canonical convention "wx" the real part of the amplitude is the polynomial f. In other conventions f is
    $\mathrm{Re}(\langle0|U|0\rangle/c)$ with the `global_phase` c of the phase factors.

    Args:
        phases: phase factors with their convention, or an array of d + 1 canonical values.
        x: signals in [-1, 1], of any shape.

    Returns:
        Complex amplitudes of the shape of x, differentiable in the phases, and in x inside (-1, 1). The rounding error
        is about d units in the last place, since each step repeats the rounding error of $\sqrt{1-x^2}$.

    Raises:
        ValueError: values that are not a vector, or a concrete x outside [-1, 1].

    Example:
        >>> bool(jnp.allclose(qsp_response(phase_factors([0.0, 0.5]), 0.3).real, 0.15))
        True

    References:
        Martyn, Rossi, Tan, Chuang (2021), Section II.A. https://arxiv.org/abs/2105.02859
    """
    if isinstance(phases, PhaseFactors):
        values, model = phases.values, convention(phases.convention)
    else:
        values, model = as_inexact("phases", phases), convention(CANONICAL)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"`phases` must be a vector, but has shape {values.shape}; batch with jax.vmap.")
    x = _signals(x, values)
    kind = jnp.result_type(values, x, jnp.float32)
    return _respond(model, values.astype(kind), x.astype(kind))


def _signals(x: ArrayLike, values: Array) -> Array:
    found = as_inexact("x", x)
    if not jnp.issubdtype(getattr(x, "dtype", float), jnp.inexact):
        found = found.astype(values.dtype)  # integers take the precision of the phases and do not widen it
    if jnp.iscomplexobj(found):
        raise ValueError(f"`x` must be real, but is of {found.dtype}.")
    if is_concrete(found):
        outside = ~(np.abs(np.asarray(found)) <= 1)
        if np.any(outside):
            raise ValueError(f"`x` must lie in [-1, 1], but holds {np.asarray(found)[outside].flat[0]}.")
    return found


@partial(jax.jit, static_argnums=0)
def _respond(model: Convention, values: Array, x: Array) -> Array:
    """Return the first entry of the first row of the product, multiplied out from the left."""
    # A scan, so that the program does not grow with the degree; the checkpoint saves memory in reverse mode.
    phases, ((a, b), (c, d)) = model.sequence(values), model.signal(x)
    blank = jnp.zeros(x.shape, jnp.result_type(x, jnp.complex64))

    @jax.checkpoint
    def step(row: tuple[Array, Array], phase: Array) -> tuple[tuple[Array, Array], None]:
        u, v = row
        return _times((u * a + v * c, u * b + v * d), phase), None

    def _times(row: tuple[Array, Array], phase: Array) -> tuple[Array, Array]:
        (u, v), ((a, b), (c, d)) = row, model.processing(phase)
        return u * a + v * c, u * b + v * d

    start = varying_like(_times((blank + 1, blank), phases[0]), x, phases)
    (amplitude, _), _ = jax.lax.scan(step, start, phases[1:])
    return amplitude
