r"""Even polynomials of an encoding by a linear combination of Chebyshev polynomials, without phase factors.

$T_{2j}(A/\alpha)$ is the flagged block of $(R U^\dagger R U)^j$ with $R = 2|0\rangle\langle 0| - 1$ on the ancillas.
A control on the index register disables the reflections beyond step $j$, and the rest of such a step, $U^\dagger U$,
is the identity. For a matrix $W S V^\dagger$ that is not Hermitian the result is $V\,Q(S)\,V^\dagger$.

References:
    Gilyen, Su, Low, Wiebe (2018), Lemma 9 and Lemma 52. https://arxiv.org/abs/1806.01838
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import as_numeric, has_numbers, is_concrete, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, combination, reflection
from qla_jax.accounting.integers import staircase
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.operations import Operation, Phase
from qla_jax.circuits.preparation import lean_tree_gates, lean_tree_operations
from qla_jax.circuits.select import Select
from qla_jax.circuits.staircase import Staircase
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State, contraction
from qla_jax.encodings.base.lcu import amplitudes, angles, double_amplitudes, index_qubits, phases
from qla_jax.linalg.trees import load, unload
from qla_jax.polynomials.numpy_series import series_of_numpy
from qla_jax.polynomials.polynomial import Polynomial, polynomial
from qla_jax.transforms.recurrence import even_series
from qla_jax.transforms.robustness import chebyshev_error

Vector = Num[Array, " n"]


class ChebyshevLCU(BlockEncoding, kw_only=True):
    r"""Block encoding of $\sum_j q_{2j} T_{2j}(A/\alpha)$, with the index register in front of the part's ancillas."""

    coeffs: Num[Array, " terms"]
    part: BlockEncoding

    @jax.jit
    def apply(self, state: State) -> State:
        return self._combine(state, self._steps, phases(self.coeffs))

    @jax.jit
    def apply_adjoint(self, state: State) -> State:
        return self._combine(state, self._steps_adjoint, phases(self.coeffs).conj())

    def _combine(self, state: State, steps: Callable, signs: Array) -> State:
        loaded = amplitudes(jnp.abs(self.coeffs))
        branches = load(loaded, state.reshape(len(loaded), -1, state.shape[1]))
        # A complex part makes a real state complex, and the carry of the scan below must have the final dtype.
        branches = branches.astype(jax.eval_shape(jax.vmap(self.part.apply), branches).dtype)
        terms = len(self.coeffs)
        # Branch 0 and the unused index values have no active reflection, so that U^dagger U = 1 is not simulated there.
        if terms > 1:
            branches = jnp.concatenate([branches[:1], steps(branches[1:terms]), branches[terms:]])
        signs = jnp.pad(signs, (0, len(loaded) - terms), constant_values=1)
        return unload(loaded, signs[:, None, None] * branches).reshape(state.shape)

    def _steps(self, branches: Num[Array, "terms ancilla system"]) -> Num[Array, "terms ancilla system"]:
        @jax.checkpoint
        def step(s: Array, t: Array) -> tuple[Array, None]:
            s = reflect(jax.vmap(self.part.apply)(s), _active(s, t))
            return reflect(jax.vmap(self.part.apply_adjoint)(s), _active(s, t)), None

        return jax.lax.scan(step, branches, jnp.arange(len(branches)))[0]

    def _steps_adjoint(self, branches: Num[Array, "terms ancilla system"]) -> Num[Array, "terms ancilla system"]:
        @jax.checkpoint
        def step(s: Array, t: Array) -> tuple[Array, None]:
            s = jax.vmap(self.part.apply)(reflect(s, _active(s, t)))
            return jax.vmap(self.part.apply_adjoint)(reflect(s, _active(s, t))), None

        return jax.lax.scan(step, branches, jnp.arange(len(branches)), reverse=True)[0]

    @jax.jit
    def _matvec(self, x: Vector) -> Vector:
        return self._series(self.coeffs, x)

    @jax.jit
    def _rmatvec(self, y: Vector) -> Vector:
        return self._series(self.coeffs.conj(), y)

    def _series(self, coeffs: Array, x: Vector) -> Vector:
        safe, _ = contraction(self.part)
        return even_series(coeffs, lambda v: self.part.matvec(v) / safe, lambda v: self.part.rmatvec(v) / safe, x)

    def hermitian_defect(self) -> Array:
        return 2 * jnp.abs(self.coeffs.imag).sum()

    def uses(self) -> tuple[Use, ...]:
        steps = len(self.coeffs) - 1
        return (Use(self.part, steps, steps, paired=True),)

    def gates(self) -> Gates:
        sizes = np.abs(np.asarray(self.coeffs)) if has_numbers(self.coeffs, 1) else None
        prepare = None if sizes is None else lean_tree_gates(double_amplitudes(sizes))
        phases = jnp.iscomplexobj(self.coeffs)
        return combined_steps(len(self.coeffs), self.part.num_ancillas, phases=phases, prepare=prepare)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        terms, coeffs = len(self.coeffs), np.asarray(self.coeffs)
        index, ancillas = self.ancilla_wires[: index_qubits(terms)], self.ancilla_wires[index_qubits(terms) :]
        forward, found = self.call(self.part, parts[0]), list[Operation]()
        # -R without its sign of all active branches: that commutes with the part, and occurs twice in each step.
        sign = (Phase(np.pi, ancillas, (0,) * len(ancillas)),)
        if terms > 1:
            groups = ((forward,), sign, (forward.inverse(),), sign) * (terms - 1)
            least = tuple(number for step in range(1, terms) for number in (None, step, None, step))
            found.append(Staircase(index, terms, groups, least))
        turned = angles(self.coeffs).tolist()
        found.append(Select(index, tuple(range(terms)), tuple((Phase(angle),) if angle else () for angle in turned)))
        return [Within(lean_tree_operations(double_amplitudes(np.abs(coeffs)), index), tuple(found))]


@default_promotion
def chebyshev_lcu(enc: BlockEncoding, even_coeffs: ArrayLike) -> ChebyshevLCU:
    r"""Return a block encoding of an even polynomial $\sum_j q_{2j} T_{2j}(A/\alpha)$ from Chebyshev coefficients.

    The result is a $(\sum_j|q_{2j}|,\ a + \lceil\log_2 m\rceil,\ \epsilon')$-block-encoding for m terms with 2(m - 1)
    calls. The error of $T_{2j}$ is at most $\min(4j^2\epsilon/\alpha, 2)$ (`transforms.robustness.chebyshev_error`) for
    $\|A\| \le \alpha$; where `norm_bound` does not prove this, `eps` is `inf`.

    Args:
        enc: block encoding of A with $\|A\| \le \alpha$.
        even_coeffs: coefficients $q_0, q_2, q_4, \dots$, real or complex. An even polynomial of NumPy is converted.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: coefficients that are not a vector of finite numbers, or a polynomial that is not even.

    Example:
        >>> enc = block_encode_diagonal(jnp.array([1.0, 0.5]))
        >>> chebyshev_lcu(enc, [0.0, 1.0]).matvec(jnp.ones(2)).tolist()  # T_2(x) = 2 x^2 - 1
        [1.0, -0.5]

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemmas 9 and 52. https://arxiv.org/abs/1806.01838
    """
    require_kind("enc", enc, BlockEncoding)
    coeffs = as_numeric("even_coeffs", _even_series(even_coeffs), ndim=1, like=enc.alpha)
    sizes = jnp.abs(coeffs)
    return ChebyshevLCU(
        alpha=sizes.sum(),
        eps=chebyshev_error(enc, coeffs, order=2),
        num_ancillas=enc.num_ancillas + index_qubits(len(coeffs)),
        num_qubits=enc.num_qubits,
        norm_bound=sizes.sum(),
        domain=enc.domain,
        codomain=enc.domain,
        coeffs=coeffs,
        part=enc,
    )


def _even_series(poly: Any) -> Any:
    """Return the even coefficients of a polynomial object; an array of coefficients holds the even ones already."""
    known = series_of_numpy(poly)
    if known is poly and not isinstance(poly, Polynomial):
        require(
            not callable(poly), f"`even_coeffs` must be coefficients, but is {poly!r}; see `polynomials.interpolant`."
        )
        return poly
    series = poly if isinstance(poly, Polynomial) else polynomial(known, "none")
    odd = series.coeffs[1::2]
    mixed = series.parity == "odd" or (is_concrete(odd) and bool(np.any(np.asarray(odd) != 0)))
    require(not mixed, f"`even_coeffs` must be those of an even polynomial, but is {poly!r}.")
    own = not isinstance(poly, Polynomial) or poly.lipschitz is None
    require(
        own, "`even_coeffs` must be a polynomial that is its own target, but approximates another function: see `qsvt`."
    )
    return series.coeffs[::2]


def combined_steps(terms: int, ancillas: int, *, phases: bool, prepare: Gates | None = None) -> Gates:
    """Return the gates of the circuit without those of the part.

    Args:
        terms: number of terms of the combination.
        ancillas: number of ancillas of the part.
        phases: True where the coefficients are complex.
        prepare: gates of PREPARE, those of a tree of norms by default.
    """
    index, signs = index_qubits(terms), 2 * (terms - 1) * reflection(ancillas).controlled.around
    walked, under = (staircase(index, 1, terms, controls) for controls in (0, 1))
    return signs + replace(walked, under=under) + combination(terms, phases=phases, prepare=prepare)


def reflect(
    branches: Num[Array, "terms ancilla system"], active: Num[Array, " terms"]
) -> Num[Array, "terms ancilla system"]:
    r"""Apply $R = 2|0\rangle\langle 0| - 1$ to the ancillas in the active branches.

    Args:
        branches: one state for each term.
        active: one boolean for each term.
    """
    sign = jnp.where(active, -1, 1).astype(branches.dtype)[:, None, None]
    return (sign * branches).at[:, 0].set(branches[:, 0])


def _active(branches: Array, t: Array) -> Array:
    return jnp.arange(len(branches)) >= t
