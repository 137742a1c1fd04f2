r"""Coherent residual networks as Flax NNX modules: one circuit, no measurement between the layers.

Modules hold parameters only. Every call rebuilds the encodings from the parameters, so that gradients flow. Training
works on the polynomial network, which is what the circuit computes, in the encoded view; the ideal erf never enters.

References:
    Rattew et al. (2025), Theorem 2, Lemmas 5 to 7 and C.1. https://arxiv.org/abs/2510.07195
"""

import functools
import math
import warnings
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx, struct
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_inexact, as_integer, as_integers, require, require_kind
from qla_jax._nodes import Node
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.registers import same_place
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.lemmas import vector_tensor
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks.pooling import as_outcomes, l2_pool, never
from qla_jax.networks.residual import DEFAULT_DEGREE, SCALE, SkipNormBlock, chain, residual_network
from qla_jax.networks.terminal import ideal_terminal, terminal_block
from qla_jax.nn.weights import TerminalWeight, Weight, encodings_of
from qla_jax.polynomials import erf

Images = Float[Array, "batch channel row column"]
Start = Array | tuple[Array, ...]
"""The vector that a circuit loads, or several vectors, whose tensor product is the start of the circuit."""


class BlockDiagnostics(Node):
    """Norm, error bounds, success amplitudes and queries of one block of a `CoherentResNet`, for each input.

    `CoherentResNet.diagnose` returns one for each block. Arrays have one entry per input.

    Attributes:
        norm: norm N of the block's output before normalization.
        eps: tracked bound on the Euclidean distance between the block's unit output and that of the ideal erf network.
        activation_eps: Euclidean error of the activation's polynomial on this input, e1 in Lemma 6.
        alpha: subnormalization of the unamplified circuit up to this block, whose success amplitude is 1 / alpha. From
            the third or fourth block on alpha exceeds the largest float and is `inf`.
        log_alpha: natural logarithm of alpha, which stays finite in deep networks.
        alone: success amplitude of this block on an amplified input.
        queries: queries to the block's input in one run of the block's circuit.

    References:
        Rattew et al. (2025), Lemma 6. https://arxiv.org/abs/2510.07195
    """

    norm: Array
    eps: Array
    activation_eps: Array
    alpha: Array
    log_alpha: Array
    alone: Array
    queries: int = struct.field(pytree_node=False)


class CoherentResNet(nnx.Module):
    r"""Coherent residual network: skip norm blocks in a row, an optional terminal block, then l2 pooling to outcomes.

    A block maps the unit state $\psi$ to $(\psi + f(W\psi))/N$, with f a polynomial approximation of erf(4x/5). A call
    computes the outcome probabilities in the encoded view; `encode` returns the circuit.

    Args:
        weights: one module per block, each with an `encoding()` of a square weight on `sizes`.
        sizes: registers of the state, such as (channels, rows, columns) or (N,). Smaller inputs are loaded into the
            leading entries of each axis ("null channels").
        outcomes: number of outcomes of the leading qubits, a power of two. Registers count with their padding: with
            three channels and four outcomes the last outcome has probability zero. Outcomes beyond the classes count as
            wrong.
        degree: odd degree of the activation's polynomial.
        paths: classical modules, each from an input to a vector. The state starts as the Kronecker product of their
            unit vectors, which fills all registers. Without paths the state starts as the input itself.
        terminal: weight of a terminal block after the other blocks.

    Raises:
        ValueError: outcomes that `l2_pool` refuses, an even degree, no weights, or a weight or a terminal matrix that
            does not act on `sizes`.

    Example:
        >>> from qla_jax.nn import DenseWeight
        >>> rngs = nnx.Rngs(0)
        >>> net = CoherentResNet([DenseWeight(256, rngs=rngs) for _ in range(2)], sizes=(4, 8, 8))
        >>> net(jnp.ones((5, 1, 8, 8))).shape
        (5, 16)

    References:
        Rattew et al. (2025), Theorem 2 and Lemma 7. https://arxiv.org/abs/2510.07195
    """

    def __init__(
        self,
        weights: Sequence[Weight],
        *,
        sizes: tuple[int, ...],
        outcomes: int = 16,
        degree: int = DEFAULT_DEGREE,
        paths: Sequence[nnx.Module] = (),
        terminal: TerminalWeight | None = None,
    ):
        self.sizes = as_integers("sizes", sizes, least=1)
        self.outcomes = as_outcomes(outcomes, self.sizes)
        if dead := never(self.outcomes, self.sizes):
            holes = [outcome for outcome in dead if outcome < self.outcomes - len(dead)]
            if holes:  # trailing ones are outcomes beyond the classes
                warnings.warn(
                    f"Outcomes {dead} of {self.outcomes} never occur, since the registers {self.sizes} are padded: do "
                    "not use them as classes, or load the images on more channels.",
                    stacklevel=2,
                )
        self.degree = as_integer("degree", degree, least=1)
        require(self.degree % 2 == 1, f"`degree` must be odd, but is {self.degree}.")
        require(len(weights) > 0, "`weights` must hold at least one module, but is empty.")
        for number, weight in enumerate(weights):
            _require_on(self.sizes, f"weights[{number}]", weight)
        if terminal is not None:
            rows = terminal.kernel.shape[0]
            entries = math.prod(self.sizes)
            require(rows == entries, f"`terminal` must be a matrix on {entries} entries, but has {rows} rows.")
        self.weights = nnx.List(weights)
        self.paths = nnx.List(paths)
        self.terminal = terminal

    def __call__(self, inputs: Float[Array, "batch ..."]) -> Float[Array, "batch outcomes"]:
        """Return the outcome probabilities of the leading qubits for each input, shape (batch, outcomes)."""
        return jax.vmap(lambda x: l2_pool(x, self.outcomes, sizes=self.sizes))(self.states(inputs))

    def states(self, inputs: Float[Array, "batch ..."]) -> Float[Array, "batch n"]:
        """Return the encoded unit state of each input before measurement, shape (batch, n)."""
        encodings, matrix = self.encodings(), self.terminal_matrix()
        run = jax.vmap(lambda start: self.head(matrix, self.network(encodings, start)).encoded)
        return run(self.load(inputs))

    def diagnose(self, inputs: Float[Array, "batch ..."]) -> list[BlockDiagnostics]:
        r"""Return norm, error bounds and success amplitudes of every block, each with one entry per input.

        The error bounds use `skip_bounds()`. They are smaller than the `eps` of `encode`, which uses $1 + L\|W\|$.
        """
        encodings, bounds = self.encodings(), self.skip_bounds()

        def diagnose(start: Start) -> list[BlockDiagnostics]:
            return [_diagnose(block) for block in chain(self.network(encodings, start, bounds))]

        return jax.vmap(diagnose)(self.load(inputs))

    def encode(self, x: Array) -> VectorEncoding:
        r"""Return the circuit of the whole network on one input: a vector encoding of the state before measurement.

        The `eps` of the circuit uses the bound $1 + L\|W\|$ of each block and is larger than the `eps` of `diagnose`.
        """
        start = jax.tree.map(lambda part: part[0], self.load(as_inexact("x", x)[None]))
        return self.head(self.terminal_matrix(), self.network(self.encodings(), start))

    def skip_bounds(self) -> list[Array]:
        r"""Return a certified bound on $\|1 + LW\|$ for each weight W; the bounds sharpen the tracked errors."""
        return [weight.skip_bound() for weight in self.weights]

    def encodings(self) -> list[BlockEncoding]:
        """Return the block encodings of the normalized weights, one per block."""
        return encodings_of(self.weights)

    def terminal_matrix(self) -> Float[Array, "n n"] | None:
        """Return the normalized matrix of the terminal block, or None without a terminal block."""
        return None if self.terminal is None else self.terminal.matrix()

    def load(self, inputs: Float[Array, "batch ..."]) -> Start:
        """Return the vectors that the circuit loads for each input.

        With paths these are the vectors of the paths. Otherwise the input lies at the start of each register, and zeros
        follow.

        Raises:
            ValueError: an input whose axes are not as many as the registers, or an axis longer than its register.
        """
        inputs = as_inexact("inputs", inputs)
        require(0 not in inputs.shape, f"`inputs` must not be empty, but has shape {inputs.shape}.")
        if len(self.paths):
            return tuple(path(inputs) for path in self.paths)
        shape = inputs.shape[1:]
        fits = len(shape) == len(self.sizes) and all(have <= size for have, size in zip(shape, self.sizes, strict=True))
        require(fits, f"`inputs` must fit in registers {self.sizes} per entry of the batch, but are {shape}.")
        return jnp.pad(inputs, [(0, 0), *((0, size - have) for have, size in zip(shape, self.sizes, strict=True))])

    def network(
        self, encodings: Sequence[BlockEncoding], start: Start, skip_bounds: Sequence[Array] | None = None
    ) -> SkipNormBlock:
        r"""Return the chain of blocks on one loaded input, which is normalized first.

        Args:
            encodings: block encodings of the weights, built once for a batch.
            start: vector, or vectors of the paths, that the circuit loads.
            skip_bounds: bounds of `skip_bounds()`; without them the tracked errors use
                the bound $1 + L\|W\|$.
        """
        loaded: list[VectorEncoding] = [normalize(vector_encode(x, pad=True)) for x in jax.tree.leaves(start)]
        poly = erf(jnp.asarray(SCALE, loaded[0].encoded.dtype), degree=self.degree)
        vec = functools.reduce(vector_tensor, loaded)
        return residual_network(encodings, vec, poly=poly, skip_bounds=skip_bounds)

    def head(self, matrix: Float[Array, "n n"] | None, vec: VectorEncoding) -> VectorEncoding:
        """Return the terminal block applied to a vector encoding, which is unchanged without a terminal block.

        Args:
            matrix: normalized matrix of the terminal block, or None.
            vec: vector encoding of the state after the other blocks.
        """
        if matrix is None or self.terminal is None:
            return vec
        # The matrix is divided by a certified bound on its norm, which is 1 at most up to rounding.
        return terminal_block(matrix, vec, tau=self.terminal.tau, norm_bound=1.0)

    def ideal_head(self, matrix: Float[Array, "n n"] | None, state: Float[Array, " n"]) -> Float[Array, " n"]:
        """Return the terminal block applied to a state without a circuit; no terminal block leaves the state unchanged.

        Args:
            matrix: normalized matrix of the terminal block, or None.
            state: unit state after the other blocks.
        """
        if matrix is None or self.terminal is None:
            return state
        return ideal_terminal(matrix, state, self.terminal.tau)[0]


def _require_on(sizes: tuple[int, ...], name: str, weight: Weight) -> None:
    """Raise unless a weight maps registers of these sizes to themselves. Only shapes are computed."""
    enc = jax.eval_shape(weight.encoding)
    require_kind(f"{name}.encoding()", enc, BlockEncoding)
    fits = same_place(enc.domain, sizes) and same_place(enc.codomain, sizes)
    require(fits, f"`{name}` must map the registers {sizes} to themselves, but is {enc.codomain} x {enc.domain}.")


def _diagnose(block: SkipNormBlock) -> BlockDiagnostics:
    return BlockDiagnostics(
        norm=block.norm,
        eps=block.eps,
        activation_eps=block.activation_eps,
        alpha=block.alpha,
        log_alpha=block.log_alpha,
        alone=block.alone,
        queries=block.poly.degree + 1,
    )
