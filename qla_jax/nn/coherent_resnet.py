r"""Coherent residual networks as Flax NNX modules.

Modules hold parameters only; every call rebuilds the encodings from them, so that gradients flow. What is trained is
the polynomial network that the circuit computes, in the encoded view; the ideal erf never enters.

Example:
    >>> rngs = nnx.Rngs(0)
    >>> net = CoherentResNet([DenseWeight(256, rngs=rngs) for _ in range(2)], sizes=(4, 8, 8))
    >>> net(jnp.ones((5, 1, 8, 8))).shape
    (5, 16)
"""

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx, struct
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_image, as_inexact, as_integer, as_integers, as_real, require, require_kind
from qla_jax._nodes import Node
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.registers import same_place
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.lemmas import vector_tensor
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.matrices.convolution import Convolution, block_encode_convolution
from qla_jax.encodings.matrices.dense import Dense, block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.linalg.norms import convolution_norm_bound, spectral_norm_bound
from qla_jax.networks.pooling import as_outcomes, l2_pool
from qla_jax.networks.residual import DEFAULT_DEGREE, LIPSCHITZ, SCALE, SkipNormBlock, chain, residual_network
from qla_jax.networks.terminal import TAU, ideal_terminal, terminal_block
from qla_jax.polynomials import erf

Images = Float[Array, "batch channel row column"]
Start = Array | tuple[Array, ...]
"""The vector that a circuit loads, or those whose tensor product it starts from."""


class BlockDiagnostics(Node):
    """What one block says of itself, per input.

    Attributes:
        norm: N, the norm before normalization.
        eps: tracked error of the block's output against the ideal erf network.
        activation_eps: the activation's own share.
        alpha: subnormalization of the unamplified circuit up to here; 1 / alpha is its flagged amplitude. It is `inf`
            from the third or fourth block on, beyond the largest float.
        log_alpha: natural logarithm of alpha, finite there too.
        alone: flagged amplitude of this block on an amplified input.
        queries: calls of the block's input in one run of its circuit.
    """

    norm: Array
    eps: Array
    activation_eps: Array
    alpha: Array
    log_alpha: Array
    alone: Array
    queries: int = struct.field(pytree_node=False)


class Weight(nnx.Module, ABC):
    """A block's weight: parameters that can be read as the block encoding of a matrix of norm at most 1."""

    @abstractmethod
    def encoding(self) -> BlockEncoding:
        """The normalized weight, rebuilt from the parameters."""

    @abstractmethod
    def skip_bound(self) -> Array:
        """A certified bound on |1 + L W|, which sharpens the tracked error of a block."""


class DenseWeight(Weight):
    """A dense N x N weight, divided by a certified bound on its spectral norm.

    Starts near minus the identity: a block then nearly cancels the linear part of its input and keeps the cubic one,
    and training does not stop at the best linear map, as it does from a random start. The price is a small norm N.
    """

    def __init__(self, size: int, *, rngs: nnx.Rngs, noise: float = 0.03, dtype: jnp.dtype = jnp.float32):
        size = as_integer("size", size, least=1)
        draw = jax.random.normal(rngs.params(), (size, size), dtype)
        self.kernel = nnx.Param(noise / math.sqrt(size) * draw - jnp.eye(size, dtype=dtype))

    def encoding(self) -> Dense:
        """The normalized weight by its dilation at alpha = 1."""
        kernel = self.kernel[...]
        return block_encode(kernel / spectral_norm_bound(kernel), alpha=jnp.ones((), kernel.dtype))

    def skip_bound(self) -> Array:
        matrix = self.encoding().matrix
        return spectral_norm_bound(jnp.eye(len(matrix), dtype=matrix.dtype) + LIPSCHITZ * matrix)


class ConvolutionWeight(Weight):
    """A square multi-filter convolution weight, divided by a certified bound on its spectral norm.

    Starts near minus the identity, see `DenseWeight`.
    """

    def __init__(
        self,
        channels: int,
        image: tuple[int, int],
        *,
        rngs: nnx.Rngs,
        size: int = 3,
        noise: float = 0.03,
        dtype: jnp.dtype = jnp.float32,
    ):
        channels, size = as_integer("channels", channels, least=1), as_integer("size", size, least=1)
        self.image = as_image("image", image)
        reach = size // 2
        require(reach < min(image) or reach == 0, f"`size` must not reach over the image {image}, but is {size}.")
        draw = jax.random.normal(rngs.params(), (channels, channels, size, size), dtype)
        middle = (size - 1) // 2
        start = noise / math.sqrt(channels * size**2) * draw
        self.kernel = nnx.Param(start.at[:, :, middle, middle].add(-jnp.eye(channels, dtype=dtype)))

    def encoding(self) -> Convolution:
        """The normalized convolution by Lemma 5, with its norm bound at 1."""
        kernel = self.kernel[...]
        enc = block_encode_convolution(kernel / convolution_norm_bound(kernel, self.image), self.image)
        return enc.replace(norm_bound=jnp.ones_like(enc.alpha))  # up to rounding, which the bound divided by covers

    def skip_bound(self) -> Array:
        kernel = LIPSCHITZ * self.encoding().kernel
        middle = (kernel.shape[-1] - 1) // 2
        kernel = kernel.at[:, :, middle, middle].add(jnp.eye(len(kernel), dtype=kernel.dtype))
        return convolution_norm_bound(kernel, self.image)


class TerminalWeight(nnx.Module):
    """The matrix of a terminal block, divided by a certified bound on its spectral norm, and the weight of its skip.

    Starts near minus the identity, see `DenseWeight`.
    """

    def __init__(
        self, size: int, *, rngs: nnx.Rngs, tau: float = TAU, noise: float = 0.03, dtype: jnp.dtype = jnp.float32
    ):
        size = as_integer("size", size, least=1)
        require(0.5 < as_real("tau", tau) < 1, f"`tau` must lie between 0.5 and 1, but is {tau}.")
        draw = jax.random.normal(rngs.params(), (size, size), dtype)
        self.kernel = nnx.Param(noise / math.sqrt(size) * draw - jnp.eye(size, dtype=dtype))
        self.tau = tau

    def matrix(self) -> Float[Array, "n n"]:
        """The normalized matrix."""
        kernel = self.kernel[...]
        return kernel / spectral_norm_bound(kernel)


class CoherentResNet(nnx.Module):
    """Skip norm blocks in a row, perhaps a terminal block, then l2 pooling to outcome probabilities.

    Args:
        weights: one module per block, each with an `encoding()` of a square weight on `sizes`.
        sizes: registers of the state, such as (channels, rows, columns) or (N,). Smaller inputs are loaded into the
            leading entries of each axis ("null channels").
        outcomes: number of outcomes of the leading qubits, a power of two. Registers count with their padding: of
            three channels and four outcomes the last has probability zero. Outcomes beyond the classes count as wrong.
        degree: odd degree of the activation's polynomial.
        paths: classical modules from an input to a vector each; the state starts as the Kronecker product of their unit
            vectors, which fills all registers. Without them it starts as the input itself.
        terminal: the matrix of a terminal block after the others.

    Raises:
        ValueError: outcomes that `l2_pool` refuses, an even degree, no weights, a weight or a terminal matrix that does
            not act on `sizes`.
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
        """Return the outcome probabilities of the leading qubits, shape (batch, outcomes)."""
        return jax.vmap(lambda x: l2_pool(x, self.outcomes, sizes=self.sizes))(self.states(inputs))

    def states(self, inputs: Float[Array, "batch ..."]) -> Float[Array, "batch n"]:
        """The encoded state before measurement."""
        encodings, matrix = self.encodings(), self.terminal_matrix()
        run = jax.vmap(lambda start: self.head(matrix, self.network(encodings, start)).encoded)
        return run(self.load(inputs))

    def diagnose(self, inputs: Float[Array, "batch ..."]) -> list[BlockDiagnostics]:
        """Diagnostics of every block for every input."""
        encodings, bounds = self.encodings(), self.skip_bounds()

        def diagnose(start: Start) -> list[BlockDiagnostics]:
            return [_diagnose(block) for block in chain(self.network(encodings, start, bounds))]

        return jax.vmap(diagnose)(self.load(inputs))

    def encode(self, x: Array) -> VectorEncoding:
        """The whole network on one input as a vector encoding: its circuit."""
        start = jax.tree.map(lambda part: part[0], self.load(as_inexact("x", x)[None]))
        return self.head(self.terminal_matrix(), self.network(self.encodings(), start))

    def skip_bounds(self) -> list[Array]:
        """Certified bounds on |1 + L W| of the weights, which sharpen the tracked errors."""
        return [weight.skip_bound() for weight in self.weights]

    def encodings(self) -> list[BlockEncoding]:
        """The block encodings of the weights."""
        return [weight.encoding() for weight in self.weights]

    def terminal_matrix(self) -> Float[Array, "n n"] | None:
        """The normalized matrix of the terminal block, if there is one."""
        return None if self.terminal is None else self.terminal.matrix()

    def load(self, inputs: Float[Array, "batch ..."]) -> Start:
        """What the circuit loads, per input: the paths' vectors, or the input among the registers, zeros elsewhere.

        Raises:
            ValueError: an input with more axes than registers or longer than one.
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
        """The blocks on one loaded input, normalized first, with encodings (and bounds) built once for a batch."""
        loaded: list[VectorEncoding] = [normalize(vector_encode(x, pad=True)) for x in jax.tree.leaves(start)]
        poly = erf(jnp.asarray(SCALE, loaded[0].encoded.dtype), degree=self.degree)
        vec = functools.reduce(vector_tensor, loaded)
        return residual_network(encodings, vec, poly=poly, skip_bounds=skip_bounds)

    def head(self, matrix: Float[Array, "n n"] | None, vec: VectorEncoding) -> VectorEncoding:
        """What follows the blocks: the terminal block, if there is one."""
        if matrix is None or self.terminal is None:
            return vec
        return terminal_block(matrix, vec, tau=self.terminal.tau, norm_bound=1.0)  # up to rounding, divided by a bound

    def ideal_head(self, matrix: Float[Array, "n n"] | None, state: Float[Array, " n"]) -> Float[Array, " n"]:
        """The same of a state, without a circuit."""
        if matrix is None or self.terminal is None:
            return state
        return ideal_terminal(matrix, state, self.terminal.tau)[0]


def _require_on(sizes: tuple[int, ...], name: str, weight: Weight) -> None:
    """Raise unless a weight maps registers of these sizes to themselves; looks at shapes, computes nothing."""
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
