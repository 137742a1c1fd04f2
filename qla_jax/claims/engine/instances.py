"""Random instances, and the way back onto their constraints for those that an attack has moved."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import Instance


def unit_vector(size: int, *, key: Array) -> Array:
    """From uniform on the sphere to all in few entries: normal entries to a random power between 1 and 8."""
    first, second = jax.random.split(key)
    entries, power = jax.random.normal(first, (size,)), jnp.exp(jax.random.uniform(second, maxval=jnp.log(8.0)))
    return onto_sphere(jnp.sign(entries) * jnp.abs(entries) ** power)


def unit_vectors(count: int, size: int, *, key: Array) -> Array:
    """Independent ones, as rows."""
    return jax.vmap(lambda key: unit_vector(size, key=key))(jax.random.split(key, count))


def contraction(size: int, *, key: Array) -> Array:
    """A square Gaussian matrix over its norm, times a random number up to 1."""
    first, second = jax.random.split(key)
    matrix = jax.random.normal(first, (size, size))
    return jax.random.uniform(second) * matrix / jnp.linalg.norm(matrix, 2)


def contractions(count: int, size: int, *, key: Array) -> Array:
    """Independent ones, stacked."""
    return jax.vmap(lambda key: contraction(size, key=key))(jax.random.split(key, count))


def magnitude(low: float, high: float, shape: tuple[int, ...] = (), *, key: Array) -> Array:
    """A positive number whose logarithm is uniform."""
    return jnp.exp(jax.random.uniform(key, shape, minval=jnp.log(low), maxval=jnp.log(high)))


def displacement(shape: tuple[int, ...], low: float = 1e-3, high: float = 1.0, *, key: Array) -> Array:
    """A Gaussian array of random Frobenius norm: an error."""
    first, second = jax.random.split(key)
    direction = jax.random.normal(first, shape)
    return magnitude(low, high, key=second) * direction / jnp.linalg.norm(direction.reshape(-1))


def onto_sphere(x: Array) -> Array:
    """The direction of a vector, or of each vector along the last axis."""
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


def into_ball(radius: float, axes: int = 1) -> Callable[[Array], Array]:
    """Arrays over the last `axes` axes longer than that, cut back to it."""
    last = tuple(range(-axes, 0))

    def cut(x: Array) -> Array:
        return x / jnp.maximum(1, jnp.sqrt(jnp.sum(jnp.square(x), axis=last, keepdims=True)) / radius)

    return cut


def onto_contractions(matrix: Array) -> Array:
    """The nearest matrix, or stack of them, of norm at most 1: singular values above are 1."""
    left, values, right = jnp.linalg.svd(matrix, full_matrices=False)
    return (left * jnp.minimum(values, 1)[..., None, :]) @ right


def between(low: float, high: float) -> Callable[[Array], Array]:
    """Numbers into an interval."""
    return lambda x: jnp.clip(x, low, high)


def projected(**onto: Callable[[Array], Array]) -> Callable[[Instance], Instance]:
    """The projection of an instance by those of its parts; a part that is not named is free."""

    def project(instance: Instance) -> Instance:
        return {name: onto.get(name, lambda part: part)(part) for name, part in instance.items()}

    return project
