r"""Encoding of numbers in registers as amplitudes by elementary gates: the bits of a computed angle rotate a qubit.

`amplitude_encode` takes the rotation by a number as one gate. Here the rotation consists of three parts: the circuit of
the arc cosine (`arccos_circuit`), which computes $y = 0.b_1 \dots b_f$ close to $\arccos(x)/\pi$; a rotation by
$2\pi/2^k$ for each bit $b_k$; and the inverse of the arc cosine:
$$|x\rangle|0\rangle|0\rangle \mapsto |x\rangle|0\rangle\bigl(\cos\pi y\,|0\rangle + \sin\pi y\,|1\rangle\bigr),
\qquad |\cos\pi y - x| \le \pi\,|y - \arccos(x)/\pi| \le 1.23\,\pi\,2^{-f}.$$
Signs are preserved, since $\pi y$ lies between 0 and $\pi$. The flagged amplitude is $\cos\pi y$ rather than x.

Example:
    >>> from qla_jax.arithmetic import Format, encode
    >>> vec = angle_encode(encode(jnp.array([1.0, 0.5, -0.25, -1.0]), Format(bits=8, fraction=6)))
    >>> vec.encoded.round(3).tolist(), f"{vec.eps:.4f}"
    ([1.0, 0.514, -0.243, -0.999], '0.0158')

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section II.3: numbers to amplitudes by an arc cosine
    and controlled rotations. https://arxiv.org/abs/2402.18940
"""

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax.typing import ArrayLike

from qla_jax._checks import as_numeric, is_concrete, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, read
from qla_jax.arithmetic.arccos import arccos, arccos_circuit
from qla_jax.arithmetic.conversion import DigitalRotation
from qla_jax.arithmetic.counts import counts
from qla_jax.arithmetic.formats import FixedPoint, Format, decode
from qla_jax.encodings.base import registers
from qla_jax.linalg.preparation import length


class AngleRotation(DigitalRotation, kw_only=True):
    """Vector encoding of numbers by their angles: a number is read, its angle is computed, and its bits rotate a qubit.

    All steps except the rotations are undone. The registers of numbers and angles end as they began and are not
    simulated.
    """

    format: Format = struct.field(pytree_node=False)

    def gates(self) -> Gates:
        """Return the gates of one use.

        The circuit of the arc cosine is built for the count, which takes seconds for 16 bits.
        """
        found = counts(arccos_circuit(self.format))
        angle = Gates(toffoli=found.toffoli + found.ands, cnot=found.cnot)
        turns = Gates(rotations=self.format.fraction).controlled
        return 2 * read(self.num_qubits) + 2 * angle + turns


@default_promotion
def angle_encode(x: FixedPoint, *, target: ArrayLike | None = None) -> AngleRotation:
    r"""Encode numbers in [-1, 1] as amplitudes by their angles, as a $(\sqrt N, 1, \epsilon)$-vector-encoding.

    Axes have to be powers of two: they are not padded, since the angles would not keep zeros exactly zero.

    Args:
        x: numbers in fixed point whose axes are powers of two; each axis becomes a register.
        target: real vector that x stands for, by default x itself.

    Returns:
        Vector encoding of x. The absolute error $\epsilon$ is $\|\cos\pi y - target\|$, for x itself at most
        $\sqrt N\,\pi$ times `arccos_error(x.format)`.

    Raises:
        TypeError: not numbers in fixed point.
        ValueError: an axis that is no power of two, a `target` of another shape, or, where it can be seen, a flagged
            number or one outside [-1, 1]. Inside jit these give `eps = inf`, unless there is a `target`.

    Example:
        >>> from qla_jax.arithmetic import Format, encode
        >>> vec = angle_encode(encode(jnp.array([1.0, -1.0]), Format(bits=8, fraction=6)))
        >>> vec.encoded.round(3), float(vec.alpha.round(3))
        (Array([ 1.   , -0.999], dtype=...), 1.414)
    """
    require_kind("x", x, FixedPoint)
    for size in x.shape:
        require(size & (size - 1) == 0 < size, f"`x` must have axes of powers of two, but has shape {x.shape}.")
    angle = arccos(x)
    if is_concrete(angle.overflow) and target is None:
        flagged = int(np.asarray(angle.overflow).sum())
        require(
            flagged == 0, f"`x` must fit its format and lie in [-1, 1], but {flagged} of {angle.overflow.size} do not."
        )
    values = jnp.cos(jnp.pi * decode(angle)).reshape(-1)
    if target is None:
        eps = jnp.where(angle.overflow.any(), jnp.inf, length(values - decode(x).reshape(-1)))
    else:
        target = as_numeric("target", target, ndim=None)
        require(target.shape == x.shape, f"`target` must have shape {x.shape}, but has shape {target.shape}.")
        eps = length(values - target.reshape(-1))
    qubits = registers.num_qubits(x.shape)
    return AngleRotation(
        alpha=jnp.sqrt(jnp.asarray(1 << qubits, values.dtype)),
        eps=eps.astype(values.dtype),
        num_ancillas=1,
        num_qubits=qubits,
        encoded=values,
        sizes=x.shape,
        ratios=values,
        format=x.format,
    )
