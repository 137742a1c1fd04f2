"""Training with optax: a compiled step, and a checkpoint after every epoch that resumes bit for bit.

All randomness of an epoch comes from (seed, epoch), and parameters, running statistics and optimizer state are restored
exactly. A run that is killed and resumed hence ends with the same bits as an uninterrupted run.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial, wraps
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array
from jax.sharding import Mesh

from qla_jax import checkpoints
from qla_jax._checks import as_integer
from qla_jax._epochs import Epochs
from qla_jax._labeled import as_images, as_labels
from qla_jax._placement import Placement, placement
from qla_jax._processes import same_everywhere
from qla_jax.checkpoints import Notice

Model = TypeVar("Model", bound=nnx.Module)
Call = Callable[..., Array]
KEPT = 16


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training.

    Attributes:
        epochs: number of passes over the training images.
        batch_size: number of images per step; images beyond the last full batch of an epoch are left to the next one.
        learning_rate: peak of the cosine schedule, which starts at a tenth of the peak and ends at a hundredth.
        warmup: fraction of the steps in which the rate rises.
        constant: True for the same rate in all steps instead of the schedule.
        weight_decay: weight decay of AdamW.
        noise: Gaussian noise added to every entry, in units of the image's root mean square entry.
        seed: seed of the shuffles and the noise.
    """

    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 1e-3
    warmup: float = 0.1
    constant: bool = False
    weight_decay: float = 0.0
    noise: float = 0.0
    seed: int = 0


class Epoch(NamedTuple):
    """Report of one epoch: mean loss and accuracy of the steps, before each step's update."""

    number: int
    loss: float
    accuracy: float


def once_for_each_build(make: Callable[..., Callable]) -> Callable[..., Callable]:
    """Cache the functions made from a graph and settings with a hash, so that a second training compiles nothing.

    Weights are no part of a graph. Only the last few functions are kept, since compiled functions are large.
    """
    kept = lru_cache(maxsize=KEPT)(make)

    @wraps(make)
    def made(*settings: Any) -> Callable:
        try:
            hash(settings)
        except TypeError:  # the module has a list among its attributes
            return make(*settings)
        return kept(*settings)

    return made


def plain_call(model: Any, images: Array, *, key: Array) -> Array:
    """Return the outcomes of a deterministic model, which ignores the key.

    Args:
        model: model.
        images: batch of images.
        key: random key, not used.
    """
    return model(images)


def fit(
    model: Model,
    images: np.ndarray,
    labels: np.ndarray,
    config: TrainingConfig,
    *,
    directory: Path | None = None,
    resume: bool = False,
    report: Callable[[Epoch], None] = lambda epoch: None,
    call: Call = plain_call,
    notice: Notice = warnings.warn,
    mesh: Mesh | None = None,
    shard_parameters: bool = False,
) -> tuple[Model, list[Epoch]]:
    """Train a model that maps a batch of images to outcome probabilities.

    Steps run the model in training mode (`model.train()`), where normalization uses the statistics of the batch and
    updates the running ones, which are `nnx.BatchStat`. The returned model is in the mode of the given model.

    Args:
        model: NNX module, whose `nnx.Param` leaves are trained.
        images: images of shape (count, channel, row, column), or vectors of shape (count, n).
        labels: outcomes, shape (count,).
        config: settings of the training.
        directory: directory of checkpoints, or None for none.
        resume: True to continue from the last checkpoint in `directory`, if there is one.
        report: function that is called after every epoch.
        call: function that returns the outcomes, with a key for each step that is independent of shuffles and noise:
            `lambda model, images, key: model(images, key=key)` for a model that measures.
        notice: function that is called with one line if a damaged checkpoint is skipped.
        mesh: mesh of devices among which each batch is divided, such as `qla.mesh()`; by default the mesh in use, and
            without one the device of the model. Of several processes each reads its own images, and the first one
            writes checkpoints.
        shard_parameters: True to divide parameters and the optimizer's state among the devices as well.

    Returns:
        The trained model on the device of the given one, and the reports of all epochs, including those before a
        resume.

    Raises:
        ValueError: images that are not finite, labels that do not match the images or are no outcome of the model, a
            batch larger than the set or one that does not divide among the devices, a directory that cannot be written
            or holds checkpoints without `resume`, checkpoints of another config, other data or another untrained model,
            no intact checkpoint, or processes with different models, data or settings.
        OSError: a checkpoint that cannot be written; earlier ones are kept.
    """
    if len(images) != len(labels):
        raise ValueError(f"`labels` must match `images`, but there are {len(labels)} for {len(images)}.")
    _require_config(config, len(images))
    images, labels = as_images(images), as_labels(labels)
    _require_outcomes(labels, call, model, images)
    placed = placement(mesh, config.batch_size, shard_parameters=shard_parameters)
    began = {} if directory is None else checkpoints.began_with(model, images=images, labels=labels)
    same_everywhere("settings of the training", config)
    same_everywhere("data and model", began)
    graph, params, statistics, rest = nnx.split(model, nnx.Param, nnx.BatchStat, ...)  # type: ignore[misc]
    given = (params, statistics)
    params, statistics = jax.tree.map(jnp.copy, given)  # donated below; the caller's model stays usable
    steps = len(images) // config.batch_size
    state = {"params": params, "optimizer": _optimizer(config, steps).init(params), "statistics": statistics}
    state, constants = placed.put((state, rest))
    step = _step(graph, call, replace(config, seed=0), steps, placed)
    kept = Epochs(directory, config, began, notice, placed)
    with kept.held(resume), placed.in_use():
        state, told = kept.restore(state)
        history = [Epoch(*numbers) for numbers in told]
        for epoch in history:
            report(epoch)
        for number in range(len(history), config.epochs):
            rng = np.random.default_rng([config.seed, number])
            keys = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), number), steps)
            order = rng.permutation(len(images))[: steps * config.batch_size].reshape(steps, -1)
            measured = []
            for chosen, key in zip(order, keys, strict=True):
                batch = placed.batch(images, chosen), placed.batch(labels, chosen)
                state, found = step(state, constants, *batch, key)
                measured.append(found)
            value, right = np.mean(jax.device_get(measured), axis=0)
            history.append(Epoch(number, float(value), float(right)))
            kept.save(state, history)
            report(history[-1])
    return nnx.merge(graph, *placed.returned((state["params"], state["statistics"]), given), rest), history


@once_for_each_build
def _step(graph: Any, call: Call, config: TrainingConfig, steps: int, placed: Placement) -> Callable:
    """Return one compiled training step, for a Python loop over steps."""
    # A Python loop rather than `lax.scan`, inside which XLA's CPU convolutions run 16 times slower.
    optimizer = _optimizer(config, steps)

    @partial(jax.jit, donate_argnums=0)
    def step(state: dict, rest: Any, images: Array, labels: Array, key: Array) -> tuple[dict, tuple[Array, Array]]:
        def loss(params: Any) -> tuple[Array, tuple[Array, Any]]:
            statistics = jax.tree.map(lambda x: x, state["statistics"])  # copies that this trace may change
            learner = nnx.merge(graph, params, statistics, rest)
            learner.train()
            outcomes = call(learner, add_noise(images, config.noise, key=key), key=jax.random.fold_in(key, 1))
            value, right = _loss(outcomes, labels)
            return value, (right, nnx.state(learner, nnx.BatchStat))

        (value, (right, statistics)), grads = jax.value_and_grad(loss, has_aux=True)(state["params"])
        updates, optimizer_state = optimizer.update(grads, state["optimizer"], state["params"])
        params = optax.apply_updates(state["params"], updates)
        state = {"params": params, "optimizer": optimizer_state, "statistics": statistics}
        return placed.kept(state), (value, right)

    return step


def accuracy(
    model: nnx.Module,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    key: Array | None = None,
    batch_size: int = 128,
    call: Call = plain_call,
) -> float:
    """Return the fraction of images whose most likely outcome is their label, in evaluation mode.

    Args:
        model: module that maps a batch of images to outcome probabilities; its mode does not change.
        images: images, at least one.
        labels: one label for each image.
        key: random key of the model's samples, split over the batches.
        batch_size: number of images at a time; an incomplete last batch compiles a second program.
        call: function that returns the outcomes, as in `fit`.

    Raises:
        ValueError: unequally many labels and images, no images, or a batch size below 1.
    """
    if not 0 < len(images) == len(labels):
        raise ValueError(f"`labels` must match `images`, but there are {len(labels)} for {len(images)}.")
    batch_size = as_integer("batch_size", batch_size, least=1)
    images, labels = as_images(images), as_labels(labels)
    graph, state = nnx.split(model)
    parts = list(batches(len(images), batch_size))
    keys = jax.random.split(jax.random.key(0) if key is None else key, len(parts))
    chosen = _chosen(graph, call)
    found = [chosen(state, images[part], one) for part, one in zip(parts, keys, strict=True)]
    return float(np.mean(np.concatenate(jax.device_get(found)) == labels))


@once_for_each_build
def _chosen(graph: Any, call: Call) -> Callable:
    @jax.jit
    def chosen(state: Any, images: Array, key: Array) -> Array:
        judged = nnx.merge(graph, state)
        judged.eval()
        return call(judged, images, key=key).argmax(axis=1)

    return chosen


def add_noise(images: Array, size: float, *, key: Array) -> Array:
    """Add Gaussian noise to images, in proportion to each image's root mean square entry; zero images stay zero.

    Args:
        images: batch of images.
        size: standard deviation of the noise in units of the root mean square entry.
        key: random key.
    """
    if size == 0:
        return images
    scale = size * jnp.sqrt(jnp.mean(jnp.square(images), axis=tuple(range(1, images.ndim)), keepdims=True))
    return images + scale * jax.random.normal(key, images.shape, images.dtype)


def batches(count: int, size: int) -> Iterator[slice]:
    """Yield consecutive slices that cover a number of items.

    Args:
        count: number of items.
        size: number of items in one slice.
    """
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def _require_outcomes(labels: np.ndarray, call: Callable, model: nnx.Module, images: np.ndarray) -> None:
    """Raise an error for labels that are no outcomes of the model, which would be trained toward other outcomes."""
    told = nnx.eval_shape(lambda: call(model, jnp.asarray(images[:1]), key=jax.random.key(0)))
    low, high, outcomes = int(np.min(labels)), int(np.max(labels)), told.shape[1]
    if not 0 <= low <= high < outcomes:
        raise ValueError(f"`labels` must be from 0 to {outcomes - 1}, but are from {low} to {high}.")


def _loss(outcomes: Array, targets: Array) -> tuple[Array, Array]:
    chosen = jnp.take_along_axis(outcomes, targets[:, None], axis=1)[:, 0]
    # The floor avoids an infinite loss for a probability of zero, for example that of a zero image.
    return -jnp.log(chosen + 1e-6).mean(), (outcomes.argmax(1) == targets).mean()


def _optimizer(config: TrainingConfig, steps: int) -> optax.GradientTransformation:
    if config.constant:
        return optax.adamw(config.learning_rate, weight_decay=config.weight_decay)
    total = max(config.epochs * steps, 1)
    schedule = optax.warmup_cosine_decay_schedule(
        config.learning_rate / 10,
        config.learning_rate,
        max(1, int(config.warmup * total)),
        max(2, total),
        config.learning_rate / 100,
    )
    return optax.adamw(schedule, weight_decay=config.weight_decay)


def _require_config(config: TrainingConfig, images: int) -> None:
    for name, least in (("epochs", 0), ("batch_size", None), ("seed", 0)):
        as_integer(name, getattr(config, name), least)
    if not 1 <= config.batch_size <= images:
        raise ValueError(f"`batch_size` must lie between 1 and {images}, but is {config.batch_size}.")
