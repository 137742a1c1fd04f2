"""What holds for every readout, and what each promises of its own."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.linalg.pauli import expectation
from qla_jax.measurement import (
    Readout,
    chebyshev_readout,
    exact_readout,
    protocols,
    shadow_readout,
    state_tomography,
    tomography,
)
from qla_jax.measurement.noise import noise_model
from qla_jax.measurement.pauli_bases import as_qubits
from qla_jax.measurement.protocols import Sizes
from qla_jax.measurement.readout import Amplitudes
from qla_jax.measurement.shadows import shadow_norm
from qla_jax.measurement.stabilizer_bases import generators, symplectic
from qla_jax.measurement.vector_tomography import failure_probability, sampled_amplitudes
from tests.cases import cplx, real

NOISES = ["exact", "qae", "qae-median-5", "gaussian", "uniform"]
ON_VALUES = {
    "nothing": exact_readout(),
    "tomography": tomography(delta=0.1),
    "state tomography": state_tomography(copies=300),
    **{name: chebyshev_readout(rank=(2, 3), relative_eps=0.05, noise=name) for name in NOISES},
}
WORDS = ("XZI", "IYI", "ZZZ", "III")
ALL = {
    **ON_VALUES,
    "shadows": shadow_readout(WORDS, copies=400),
    "cliffords": shadow_readout(WORDS, copies=60, ensemble="clifford"),
}
REAL_ONLY = {"tomography", *NOISES}
SHAPE = (2, 4)

every = pytest.mark.parametrize("name", list(ALL))


@functools.cache
def batch(name: str) -> tuple:
    """Three tensors, one zero and one with a NaN, in one compiled call, with the gradient of a weighted sum."""
    readout = ALL[name]
    states = jnp.stack([jnp.asarray(real(*SHAPE)), jnp.zeros(SHAPE), jnp.ones(SHAPE).at[1, 2].set(jnp.nan)])
    keys = jax.random.split(jax.random.key(3), 3)

    def weighed(state, key):
        found = readout(state, key=key)
        weights = jnp.arange(1.0, 1.0 + found.values.size, dtype=found.values.dtype).reshape(found.values.shape)
        return jnp.sum(weights * found.values), found

    return states, keys, jax.jit(jax.vmap(jax.value_and_grad(weighed, has_aux=True)))(states, keys)


@pytest.mark.slow
@every
@pytest.mark.numerics
def test_a_batch_is_read_out_under_jit_and_vmap_with_its_outcomes_as_values(name):
    states, _, ((_, found), slopes) = batch(name)
    assert isinstance(found, Readout) and found.method
    assert np.isfinite(np.asarray(found.values[:2])).all() and np.isfinite(np.asarray(slopes[:2])).all()
    assert np.isnan(np.asarray(found.values[2])).all()
    assert found.shots.shape == found.queries.shape == (3,) and jnp.issubdtype(found.shots.dtype, jnp.integer)
    for bound in (found.error_bound, found.entry_bound):
        assert np.isfinite(bound).tolist() == [True, False, False] and np.isposinf(bound[1:]).all()
    assert float(found.norm[1]) == 0
    assert found.values.dtype == states.dtype


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tomography", "qae", "state tomography", "shadows"])
def test_one_at_a_time_and_eagerly_is_the_same(name, tol):
    states, keys, ((_, found), _) = batch(name)
    alone = ALL[name](states[0], keys[0])
    assert np.allclose(alone.values, found.values[0], atol=tol())
    assert int(alone.queries) == int(found.queries[0])


@pytest.mark.parametrize("name", list(ON_VALUES))
@pytest.mark.numerics
@pytest.mark.sample(2)
def test_values_are_within_their_bounds(name):
    states, _, ((_, found), _) = batch(name)
    error = np.asarray(found.values[0] - states[0])
    slack = 1e-5 * float(found.norm[0])
    assert np.linalg.norm(error) <= found.error_bound[0] + slack or name in ("qae", "gaussian")
    assert np.abs(error).max() <= found.entry_bound[0] + slack or name in ("qae", "gaussian")
    assert found.failure_probability[0] < 0.05 or name in REAL_ONLY


@pytest.mark.slow
@pytest.mark.numerics
def test_the_derivative_is_that_of_the_exact_map(tol):
    weights = jnp.arange(1.0, 9.0).reshape(SHAPE)
    for name in ("nothing", "tomography", "state tomography"):
        assert np.allclose(batch(name)[2][1][0], weights, atol=tol())
    projected = chebyshev_readout(rank=(2, 3), relative_eps=0.05, noise="exact")(weights, key=jax.random.key(0)).values
    for name in NOISES:
        assert np.allclose(batch(name)[2][1][0], projected, atol=tol("rounding", factor=10))
    state = np.asarray(batch("shadows")[0][0])

    def total(x):
        psi = x.reshape(-1) / np.linalg.norm(x)
        return sum((i + 1) * float(expectation(word, jnp.asarray(psi, complex))) for i, word in enumerate(WORDS))

    step = 1e-3
    for i in (0, 5):
        move = step * np.eye(8)[i].reshape(SHAPE)
        numeric = (total(state + move) - total(state - move)) / (2 * step)
        assert abs(numeric - float(batch("shadows")[2][1][0].reshape(-1)[i])) < tol("gradient", factor=10)


@pytest.mark.slow
def test_counts_are_those_of_the_protocol():
    def counts(name):
        found = batch(name)[2][0][1]
        return int(found.shots[0]), int(found.queries[0])

    copies = math.ceil(36 * math.log(8) / 0.1**2)
    points = math.ceil(2 * math.pi / 0.05)
    assert counts("exact") == (0, 0)
    assert counts("tomography") == (2 * copies, 2 * copies)
    assert counts("state tomography") == (27 * 300, 27 * 300)
    assert counts("qae") == counts("gaussian") == counts("uniform") == (6, 6 * (2 * points - 1))
    assert counts("qae-median-5") == (30, 30 * (2 * points - 1))
    groups = math.ceil(2 * math.log(2 * 4 / 0.01))
    assert counts("shadows") == (400 // groups * groups,) * 2
    assert ALL["qae"].num_coefficients((7, *SHAPE)) == 42


@pytest.mark.numerics
def test_full_rank_is_lossless_and_the_tail_is_the_rest(tol):
    x = jnp.asarray(real(3, 5, 6))
    readouts = (
        chebyshev_readout(rank=(5, 6), relative_eps=0.1, noise="exact"),
        chebyshev_readout(rank=2, axes=(1,), relative_eps=0.1, noise="exact"),
        chebyshev_readout(rank=(30, 30), relative_eps=0.1, noise="uniform", cap=True),
    )
    whole, part, capped = jax.jit(lambda x, key: [readout(x, key=key) for readout in readouts])(x, jax.random.key(0))
    assert np.abs(np.asarray(whole.values - x)).max() < tol("exact", factor=10) and whole.error_bound == 0
    assert float(part.error_bound) == pytest.approx(float(jnp.linalg.norm((part.values - x).reshape(-1))), rel=1e-5)
    assert float(part.entry_bound) == pytest.approx(float(jnp.abs(part.values - x).max()), rel=1e-5)
    assert int(capped.shots) == x.size


@pytest.mark.slow
def test_tomography_is_as_good_as_proven_and_its_noise_as_derived(key):
    d, delta = 256, 0.1
    x = np.abs(real(d)) ** 0.2 * np.sign(real(d))
    x = jnp.asarray(x / np.linalg.norm(x))
    copies, _ = tomography(delta=delta).plan(d)
    keys = jax.random.split(key, 200)
    draw = jax.jit(jax.vmap(lambda key, threshold: sampled_amplitudes(x, copies, threshold, key=key), (0, None)))
    many = draw(keys, 0.4)
    sizes = jnp.linalg.norm(jnp.abs(many) - jnp.abs(x)[None], axis=1)
    law = math.sqrt(d / (4 * copies))
    assert abs(float(jnp.sqrt(jnp.mean(sizes**2))) / law - 1) < 0.02
    assert failure_probability(d, delta, copies) < 0.2
    assert float(jnp.abs(many - x[None]).max()) < delta
    signs_lost = draw(keys, 0.999)
    assert float(jnp.abs(signs_lost - x[None]).max()) > delta, "a threshold of 1 must lose signs"


def test_the_proven_failure_covers_every_way_to_fail():
    """By the exact binomial laws of one entry, for sizes around the precision, of which the bound is d times."""
    from scipy.stats import binom

    copies, delta = 3000, 0.07
    n = np.arange(copies + 1)
    for x in (0.0, 0.02, 0.03, 0.036, 0.04, 0.05, 0.08, 0.3):
        for sign in (1, -1):
            seen = np.sqrt(n / copies)
            plus = binom.sf(np.floor(0.4 * n), copies, np.minimum(((sign * x + seen) / 2) ** 2, 1))
            wrong = (np.abs(seen - sign * x) > delta) * plus + (np.abs(-seen - sign * x) > delta) * (1 - plus)
            failure = np.sum(binom.pmf(n, copies, x * x) * wrong)
            assert failure <= failure_probability(1, delta, copies) + 1e-15


@pytest.mark.parametrize("ensemble", ["pauli", pytest.param("clifford", marks=pytest.mark.slow)])
@pytest.mark.numerics
def test_shadows_are_unbiased_with_the_variance_of_the_shadow_norm(ensemble, key):
    psi, _ = as_qubits(Amplitudes(cplx(8)), 3)
    words = ("XZI", "IYI", "ZZZ", "YIX")
    readout = shadow_readout(words, copies=100, ensemble=ensemble)
    runs = 8000
    seen = np.asarray(jax.jit(jax.vmap(lambda key: readout.snapshot(psi, key=key)))(jax.random.split(key, runs)), float)
    for column, word in zip(seen.T, words, strict=True):
        exact = float(expectation(word, psi))
        variance = shadow_norm(word, ensemble) - exact**2
        assert abs(column.mean() - exact) < 5 * math.sqrt(variance / runs)
        fourth = np.mean((column - exact) ** 4)
        assert abs(column.var() - variance) < 5 * math.sqrt(fourth / runs)


def test_stabilizer_groups_are_uniform_and_maximal(key):
    groups = np.asarray(jax.jit(jax.vmap(lambda key: generators(2, key=key)))(jax.random.split(key, 6000)))
    first, second = groups.T
    bits = np.vectorize(lambda n: bin(n).count("1"))
    assert (bits(np.asarray(symplectic(first, second, 2))) % 2 == 0).all()
    assert ((first != 0) & (second != 0) & (first != second)).all()
    kinds = {frozenset((a, b, a ^ b)) for a, b in groups.tolist()}
    assert len(kinds) == 15  # maximal isotropic subspaces for two qubits
    seen = [sum(frozenset((a, b, a ^ b)) == kind for a, b in groups.tolist()) for kind in kinds]
    assert abs(np.array(seen) - 400).max() < 5 * 20


@pytest.mark.x64
def test_expectations_of_pauli_words_are_those_of_matrices():
    matrices = {"I": np.eye(2), "X": [[0, 1], [1, 0]], "Y": [[0, -1j], [1j, 0]], "Z": np.diag([1, -1])}
    psi = cplx(8)
    for word in ("XYZ", "ZIY", "IIX"):
        matrix = functools.reduce(np.kron, [np.asarray(matrices[letter]) for letter in word])
        assert abs(float(expectation(word, jnp.asarray(psi))) - np.vdot(psi, matrix @ psi).real) < 1e-12


@pytest.mark.x64
def test_state_tomography_recovers_complex_states_and_exact_shares():
    from qla_jax.measurement.density_tomography import inverted
    from qla_jax.measurement.pauli_bases import outcome_law

    psi = jnp.asarray(cplx(8) / np.linalg.norm(cplx(8)))
    bases = jnp.asarray(list(np.ndindex(3, 3, 3)))
    rho = np.asarray(jax.jit(lambda psi: inverted(jax.vmap(outcome_law, (None, 0))(psi, bases) / 27, 3))(psi))
    assert np.abs(rho - np.outer(psi, psi.conj())).max() < 1e-14
    assert np.abs(rho - np.outer(psi.conj(), psi)).max() > 0.1
    found = jax.jit(state_tomography(relative_eps=0.2))(5 * psi[:7], key=jax.random.key(0))
    assert (
        float(jnp.linalg.norm(found.values - 5 * psi[:7])) <= float(found.error_bound) <= 0.2 * float(found.norm) + 1e-9
    )


def test_noise_models_are_independent_within_their_precision_and_named(key):
    c = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, 20_000))
    eps = 0.02
    for name in NOISES:
        model = noise_model(name)
        assert model.name == name
        error = np.abs(np.asarray(jax.jit(lambda key, c, model=model: model.sample(c, eps, key=key))(key, c) - c))
        inside = (error <= eps).mean()
        assert inside >= 1 - model.single_failure - 5 * math.sqrt(0.25 / len(c))
    assert noise_model("gaussian").failure(2) == pytest.approx(1 - 0.682689492**2)
    assert noise_model("uniform").failure(10**6) == 0 and noise_model("qae").failure(900) == 1


@pytest.mark.slow
def test_the_table_of_protocols_is_what_readouts_charge():
    sizes = Sizes(dimension=8, rank=6, eps=0.05, observables=2, weight=2)
    rows = {row.name: row for row in protocols()}
    charged = {name: int(batch(name)[2][0][1].queries[0]) for name in ("tomography", "qae")}
    assert charged["tomography"] == rows["maximum-norm tomography"].cost(sizes._replace(eps=0.1))
    assert charged["qae"] == rows["Chebyshev decomposition"].cost(sizes)
    groups, size, _ = shadow_readout(("XZI", "IYX"), relative_eps=0.05).plan()
    assert groups * size == rows["classical shadows"].cost(sizes)
    whole = 27 * state_tomography(relative_eps=0.05).plan(3)
    assert abs(whole / rows["state tomography"].cost(sizes) - 1) < 1e-3
    assert len({row.complexity for row in rows.values()}) == 4


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: tomography(delta=0.0), "`delta` must lie strictly between 0 and 1, but is 0"),
        (lambda: tomography(delta=-0.1), "`delta` must lie strictly between"),
        (lambda: tomography(copies=0), "`copies` must be at least 1, but is 0"),
        (lambda: tomography(), "Give one of `delta` and `copies`"),
        (lambda: tomography(delta=0.1, sign_threshold=1.0), "`sign_threshold` must lie strictly between"),
        (lambda: chebyshev_readout(rank=0, relative_eps=0.1), "`rank` must be at least 1, but is 0"),
        (lambda: chebyshev_readout(rank=(), relative_eps=0.1), "`rank` must name at least one axis"),
        (
            lambda: chebyshev_readout(rank=2, relative_eps=0.0),
            "`relative_eps` must lie strictly between 0 and 2, but is 0",
        ),
        (lambda: chebyshev_readout(rank=2, relative_eps=0.1, axes=(0, 1)), "`rank` must have an entry for each axis"),
        (
            lambda: chebyshev_readout(rank=2, relative_eps=0.1, noise="poisson"),
            "`noise` must be one of exact, qae, gaussian",
        ),
        (lambda: chebyshev_readout(rank=2, relative_eps=0.1, noise="qae-median-4"), "`repetitions` must be odd"),
        (lambda: shadow_readout("XA", relative_eps=0.1), "`observables` must be words of I, X, Y, Z"),
        (lambda: shadow_readout("X", relative_eps=0.0), "`relative_eps` must lie strictly between"),
        (lambda: shadow_readout("X", copies=3), "`copies` must be at least the number of groups, 11, but is 3"),
        (lambda: shadow_readout("X", copies=0), "`copies` must be at least 1, but is 0"),
        (lambda: shadow_readout("X", copies=100, ensemble="haar"), "`ensemble` must be pauli or clifford"),
        (lambda: state_tomography(copies=0), "`copies` must be at least 1, but is 0"),
        (lambda: state_tomography(relative_eps=-1.0), "`relative_eps` must lie strictly between 0 and 2"),
        (lambda: state_tomography(), "Give one of `relative_eps` and `copies`"),
    ],
)
def test_bad_settings_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@every
def test_bad_states_are_refused(name, key):
    with pytest.raises(ValueError, match="`state` must not be the zero vector, but all 8 entries are 0"):
        ALL[name](np.zeros(SHAPE), key=key)
    with pytest.raises(ValueError, match="`state` must be finite"):
        ALL[name](np.full(SHAPE, np.nan), key=key)
    with pytest.raises(ValueError, match="`state` must not be empty"):
        ALL[name](np.zeros((0, 4)), key=key)
    if name in REAL_ONLY:
        with pytest.raises(ValueError, match="`state` must be real for this protocol, but has dtype complex"):
            ALL[name](cplx(*SHAPE), key=key)


def test_states_that_do_not_fit_are_refused(key):
    with pytest.raises(ValueError, match="`rank` must be between 1 and the axis length 2, but is 3 on axis 1"):
        chebyshev_readout(rank=3, relative_eps=0.1)(np.ones((4, 2)), key=key)
    with pytest.raises(ValueError, match="`axes` must be axes of a tensor"):
        chebyshev_readout(rank=1, axes=(-2,), relative_eps=0.1)(np.ones(4), key=key)
    with pytest.raises(ValueError, match="`state` must fit in 6 qubits"):
        state_tomography(copies=1)(np.ones(65), key=key)
    with pytest.raises(ValueError, match="`observables` must be words of 2 letters"):
        shadow_readout("X", relative_eps=0.1)(np.ones(4), key=key)
