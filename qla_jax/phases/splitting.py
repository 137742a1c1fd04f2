r"""Inverse nonlinear Fourier transform by splitting all blocks at once, in logarithmic depth.

Let $A$ and $B$ be the lower triangular Toeplitz matrices of the leading n coefficients of $a^*$ and $b$. The product
over the first n entries has
$$a^*_{<n} = Ay/\sqrt{(Ay)_0},\quad b_{<n} = By/\sqrt{(Ay)_0},\qquad (A^\dagger A + B^\dagger B)y = \bar a^*_0e_0.$$
Proof: of the remaining product, $a_{<n}^*b - b_{<n}a^*$ has no frequency below n, and $b_{<n}^*b + a_{<n}a^*$ has none
below 0. With $(a^*_{<n}, b_{<n}) = (A, B)y$ the first condition holds for any y, and the second one says that
$A^\dagger(Ay) + B^\dagger(By)$ has the frequency 0 alone. The eigenvalues of the matrix are at most 1 and at least
$\min|a|^2 = 1 - \max|b|^2$. Conjugate gradients hence take about $\log(1/\epsilon)/\sqrt{1 - \max|b|^2}$ steps of a few
fast Fourier transforms, 14 for $|b| \le 1/2$. No block waits for the blocks to its left: each level halves all blocks
at once, and the leaves are stripped in parallel. Splitting takes ten times the operations of stripping and is meant for
processors with thousands of cores.

References:
    Alexis, Lin, Mnatsakanyan, Thiele, Wang (2024), the linear system. https://arxiv.org/abs/2407.05634
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.sparse.linalg import cg
from jaxtyping import Inexact

from qla_jax.phases.blocks import fft, halvings, ifft, rest
from qla_jax.phases.stripping import strip_leaf

Series = Inexact[Array, " n"]

LEAF = 32
"""Largest length of the blocks that are stripped, in parallel."""
STEPS = 5000
"""Largest number of steps of conjugate gradients; an unfinished solution shows in the residual."""


def split(u: Series, v: Series) -> Series:
    """Return the sequence of $(a^*, b)$ from the leading coefficients of each, by splitting.

    Args:
        u: leading coefficients of $a^*$.
        v: leading coefficients of b.
    """
    length, levels = halvings(len(u), LEAF)
    padding = (0, (length << levels) - len(u))
    pairs = jnp.stack([jnp.pad(u, padding), jnp.pad(v, padding)])[None]
    for _ in range(levels):
        pairs = jax.vmap(_halve)(pairs).reshape(2 * len(pairs), 2, -1)
    return jax.vmap(lambda pair: strip_leaf(*pair)[0])(pairs).reshape(-1)[: len(u)]


def _halve(pair: Inexact[Array, "2 two_n"]) -> Inexact[Array, "2 2 n"]:
    """Return the leading coefficients of both halves of a block."""
    size, real = pair.shape[1], not jnp.iscomplexobj(pair)
    first = _product(pair[:, : size // 2])
    others = rest(fft(first, size, real, jnp), fft(pair, size, real, jnp), real, jnp)
    return jnp.stack([pair[:, : size // 2], others])


def _product(pair: Inexact[Array, "2 n"]) -> Inexact[Array, "2 n"]:
    """Return the product $(a^*, b)$ over as many entries as there are coefficients."""
    # The normal equations A^H A + B^H B of the module's docstring, applied by FFT; the matrices are never formed.
    count, real = pair.shape[1], not jnp.iscomplexobj(pair)
    spectrum = fft(pair, 2 * count, real, jnp)

    def products(y: Series) -> Inexact[Array, "2 n"]:
        return ifft(spectrum * fft(y[None], 2 * count, real, jnp), 2 * count, real, jnp)[:, :count]

    def normal(y: Series) -> Series:
        back = jnp.sum(spectrum.conj() * fft(products(y), 2 * count, real, jnp), axis=0)
        return ifft(back, 2 * count, real, jnp)[:count]

    right = jnp.zeros_like(pair[0]).at[0].set(pair[0, 0].conj())
    solution, _ = cg(normal, right, tol=float(jnp.finfo(right.dtype).eps) / 2, maxiter=STEPS)
    found = products(solution)
    return found / jnp.sqrt(found[0, 0].real)
