r"""Loading of a vector through a noisy memory, with its error tracked.

`qram_encode` reads the angles of each level of its tree and takes them away again. For level l it needs two reads of a
memory of 2^l words, addressed by the state loaded so far. (Level 0 has one word and no routers, and hence no errors
here.) A noisy read is a channel and no vector encoding by itself, but together with its environment it is a unitary,
and the encoding is of this unitary. If the j-th read has infidelity $\delta_j$ on its input state, there are states of
the environments on which the loaded vector is flagged within
$$\epsilon = \|x\|\sum_j\sqrt{2\bigl(1 - \sqrt{1-\delta_j}\bigr)},$$
at most $2\|x\|$. So eps is a bound on amplitudes with environments that are not simulated: the circuit of the node and
its encoded vector are ideal. Measurements on the loaded state differ from the ideal ones by no more than eps allows.

Example:
    >>> vec = noisy_qram_encode(jnp.ones(4), infidelities=[0.0, 0.0, 1e-4, 1e-4])
    >>> bool(abs(vec.eps - 2 * 2 * 1e-2) < 1e-5)
    True
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax._checks import as_integer, as_numeric, as_real, is_concrete, require, require_key, require_kind, within
from qla_jax._modes import varying_like
from qla_jax.encodings.vectors.loading import QRAMPreparation, qram_encode, tree_of
from qla_jax.qram.bounds import certified_infidelity, infidelity_bound, state_error
from qla_jax.qram.fidelity import BATCH, intact_fraction
from qla_jax.qram.memories import memory
from qla_jax.qram.rates import ErrorRates
from qla_jax.qram.scheduling import MAX_ADDRESS_BITS


def noisy_qram_encode(x: ArrayLike, *, infidelities: ArrayLike, pad: bool = False) -> QRAMPreparation:
    r"""Encode a vector by `qram_encode` with the error of noisy reads, as a $(\|x\|, 0, \epsilon)$-vector-encoding.

    Args:
        x: real or complex tensor of any shape, as for `vector_encode`.
        infidelities: upper bounds on the infidelity of each of the 2n reads, as `loading_infidelities` or
            `measured_infidelities` give them. If they hold with some confidence, so does eps.
        pad: whether axes whose length is not a power of two are padded by zeros; otherwise they are an error.

    Raises:
        ValueError: not as many infidelities as reads, one outside of [0, 1], or what `vector_encode` raises. Inside jit
            an infidelity outside of [0, 1] gives eps = inf.

    Example:
        >>> vec = noisy_qram_encode(jnp.ones(4), infidelities=[0.0, 0.0, 1e-4, 1e-4])
        >>> round(float(vec.eps), 4)  # about 2 * 2 * 1e-2
        0.04
    """
    vec = qram_encode(x, pad=pad)
    reads = 2 * vec.num_qubits
    if reads == 0:
        require(np.size(infidelities) == 0, f"`infidelities` must be 0 in number, but are {np.size(infidelities)}.")
        return vec
    bounds = as_numeric("infidelities", infidelities, ndim=1, like=vec.alpha)
    require(bounds.size == reads, f"`infidelities` must be {reads} in number, but are {bounds.size}.")
    bounds = within("infidelities", bounds, 0, 1)
    known = jnp.isfinite(bounds).all()
    total = jnp.minimum(jnp.sum(state_error(jnp.where(known, bounds, 0))), 2)
    return vec.replace(eps=jnp.where(known, vec.alpha * total, jnp.inf).astype(vec.alpha.dtype))


def loading_infidelities(num_qubits: int, noise: ErrorRates, *, word_bits: int) -> Array:
    """Return proven bounds on the infidelities of the 2n reads that load n qubits, for any loaded vector.

    The bounds are differentiable in the rates.

    Args:
        num_qubits: number n of qubits; there are no reads for 0.
        noise: error rates at the sites of each memory.
        word_bits: number of bits of a word of each memory.

    Returns:
        Bounds on 1 - F, two equal ones for each level of the tree.

    Raises:
        TypeError: `noise` is no `ErrorRates`.
        ValueError: a negative n or one above 29, or no `word_bits`.

    Example:
        >>> from qla_jax.qram import amplitude_damping
        >>> loading_infidelities(3, amplitude_damping(1e-3), word_bits=4).round(4)
        Array([0.    , 0.    , 0.    , 0.    , 0.0247, 0.0247], dtype=...)
    """
    require_kind("noise", noise, ErrorRates)
    num_qubits = as_integer("num_qubits", num_qubits, 0, MAX_ADDRESS_BITS + 1)
    word_bits = as_integer("word_bits", word_bits, 1)
    levels = [infidelity_bound(level, word_bits, noise) for level in range(1, num_qubits)]
    first = varying_like(jnp.zeros_like(noise.loss), noise)
    return jnp.repeat(jnp.stack([first, *levels])[:num_qubits], 2)


def measured_infidelities(
    x: ArrayLike,
    noise: ErrorRates,
    *,
    key: Array,
    word_bits: int,
    shots: int,
    confidence: float = 0.95,
    pad: bool = False,
    batch: int = BATCH,
) -> Array:
    r"""Return upper confidence limits of the infidelities of the 2n reads that load a vector.

    The confidence is for all reads together. The memories hold the angles $\arctan(|v|/|u|)$ of the tree in k bits, in
    units of $\pi/2$. The values of the bits matter only to phase errors. The effect of rounding on the loaded vector is
    not counted. Addresses are drawn with the probabilities of the loaded state.

    Args:
        x: real or complex tensor, not traced, as for `vector_encode`.
        noise: error rates at the sites of each memory.
        key: random key of addresses and errors.
        word_bits: number k of bits of a word, up to 31.
        shots: number of shots for each read.
        confidence: probability that no read is worse than its limit, between 0 and 1.
        pad: whether axes are padded, as for `vector_encode`.
        batch: number of shots at a time.

    Raises:
        TypeError: `noise` is no `ErrorRates`.
        ValueError: a traced x or noise, too long words, or what `vector_encode` and `intact_fraction` raise.

    Example:
        >>> from qla_jax.qram import bit_flip
        >>> limits = measured_infidelities(jnp.ones(4), bit_flip(0.0), word_bits=4, shots=100, key=jax.random.key(0))
        >>> limits.shape, bool(limits.max() < 0.2)
        ((4,), True)
    """
    require_key("key", key)
    require_kind("noise", noise, ErrorRates)
    for name, value in (("x", x), ("noise", noise)):
        known = is_concrete(*jax.tree.leaves(value))
        require(known, f"`{name}` must be known, but is traced: confidence limits are found on the host.")
    word_bits = as_integer("word_bits", word_bits, 1, 31)
    shots, batch = as_integer("shots", shots, 1), as_integer("batch", batch, 1)
    confidence = as_real("confidence", confidence)
    require(0 < confidence < 1, f"`confidence` must lie between 0 and 1, but is {confidence}.")
    vec = qram_encode(x, pad=pad)
    limits = [jnp.zeros_like(noise.loss)] * min(2, 2 * vec.num_qubits)
    each = 1 - (1 - confidence) / max(2 * (vec.num_qubits - 1), 1)
    for level, pairs in enumerate(tree_of(vec.direction)[1]):
        if level == 0:
            continue
        sides = np.abs(np.asarray(pairs))
        top = (1 << word_bits) - 1
        words = np.rint(np.arctan2(sides[:, 1], sides[:, 0]) / (np.pi / 2) * top).astype(np.int64)
        mem = memory(words, word_bits=word_bits)
        norms = jnp.linalg.norm(vec.direction.reshape(1 << level, -1), axis=1)
        for erase in (False, True):
            found = intact_fraction(
                mem,
                noise,
                shots=shots,
                amplitudes=norms,
                erase=erase,
                batch=batch,
                key=jax.random.fold_in(key, 2 * level + erase),
            )
            limits.append(certified_infidelity(found, level, word_bits, noise, each))
    return jnp.stack(limits) if limits else jnp.zeros(0, noise.loss.dtype)
