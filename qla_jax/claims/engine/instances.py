"""Random instances, and projections onto the constraints for instances that an attack has moved."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import Instance
from qla_jax.linalg.products import matmul


def unit_vector(size: int, *, key: Array) -> Array:
    """Draw a unit vector with few or many large entries: normal entries to a random power between 1 and 8.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    entries, power = jax.random.normal(first, (size,)), jnp.exp(jax.random.uniform(second, maxval=jnp.log(8.0)))
    return onto_sphere(jnp.sign(entries) * jnp.abs(entries) ** power)


def unit_vectors(count: int, size: int, *, key: Array) -> Array:
    """Draw independent unit vectors as rows.

    Args:
        count: number of vectors.
        size: dimension of each vector.
        key: random key of the draw.
    """
    return jax.vmap(lambda key: unit_vector(size, key=key))(jax.random.split(key, count))


def contraction(size: int, *, key: Array) -> Array:
    """Draw a square Gaussian matrix over its norm, times a uniform number up to 1.

    Args:
        size: dimension of the matrix.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    matrix = jax.random.normal(first, (size, size))
    return jax.random.uniform(second) * matrix / jnp.linalg.norm(matrix, 2)


def contractions(count: int, size: int, *, key: Array) -> Array:
    """Draw independent contractions, stacked.

    Args:
        count: number of matrices.
        size: dimension of each matrix.
        key: random key of the draw.
    """
    return jax.vmap(lambda key: contraction(size, key=key))(jax.random.split(key, count))


def magnitude(low: float, high: float, shape: tuple[int, ...] = (), *, key: Array) -> Array:
    """Draw positive numbers whose logarithm is uniform.

    Args:
        low: smallest number.
        high: largest number.
        shape: shape of the array.
        key: random key of the draw.
    """
    return jnp.exp(jax.random.uniform(key, shape, minval=jnp.log(low), maxval=jnp.log(high)))


def displacement(shape: tuple[int, ...], low: float = 1e-3, high: float = 1.0, *, key: Array) -> Array:
    """Draw a Gaussian array of random Frobenius norm, as an error.

    Args:
        shape: shape of the array.
        low: smallest norm.
        high: largest norm.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    direction = jax.random.normal(first, shape)
    return magnitude(low, high, key=second) * direction / jnp.linalg.norm(direction.reshape(-1))


def onto_sphere(x: Array) -> Array:
    """Return the direction of a vector, or of each vector along the last axis."""
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


def into_ball(radius: float, axes: int = 1) -> Callable[[Array], Array]:
    """Return the projection that cuts arrays back to a ball.

    Args:
        radius: radius of the ball.
        axes: number of last axes over which the norm is taken.
    """
    last = tuple(range(-axes, 0))

    def cut(x: Array) -> Array:
        return x / jnp.maximum(1, jnp.sqrt(jnp.sum(jnp.square(x), axis=last, keepdims=True)) / radius)

    return cut


def onto_contractions(matrix: Array) -> Array:
    """Return the nearest matrix, or stack of matrices, of norm at most 1, by cutting singular values at 1."""
    left, values, right = jnp.linalg.svd(matrix, full_matrices=False)
    return matmul(left * jnp.minimum(values, 1)[..., None, :], right)


def between(low: float, high: float) -> Callable[[Array], Array]:
    """Return the projection of numbers onto an interval.

    Args:
        low: lower end.
        high: upper end.
    """
    return lambda x: jnp.clip(x, low, high)


def projected(**onto: Callable[[Array], Array]) -> Callable[[Instance], Instance]:
    """Return the projection of an instance by the projections of its parts; a part that is not named is free."""

    def project(instance: Instance) -> Instance:
        return {name: onto.get(name, lambda part: part)(part) for name, part in instance.items()}

    return project
