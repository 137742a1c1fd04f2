"""Training with optax: a compiled step, and a checkpoint after every epoch that resumes bit for bit.

All randomness of an epoch comes from (seed, epoch), and parameters, running statistics and optimizer state are restored
exactly. A run that is killed and resumed hence ends with the same bits as an uninterrupted run.
"""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial, wraps
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array

from qla_jax import checkpoints
from qla_jax._checks import as_integer
from qla_jax._fingerprint import require_same
from qla_jax._labeled import as_images, as_labels
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

    Returns:
        The trained model, and the reports of all epochs, including those before a resume.

    Raises:
        ValueError: images that are not finite, labels that do not match the images or are no outcome of the model, a
            batch larger than the set, a directory that cannot be written or holds checkpoints without `resume`,
            checkpoints of another config, other data or another untrained model, or no intact checkpoint.
        OSError: a checkpoint that cannot be written; earlier ones are kept.
    """
    if len(images) != len(labels):
        raise ValueError(f"`labels` must match `images`, but there are {len(labels)} for {len(images)}.")
    _require_config(config, len(images))
    images, labels = as_images(images), as_labels(labels)
    _require_outcomes(labels, call, model, images)
    began = {} if directory is None else checkpoints.began_with(model, images=images, labels=labels)
    kept = _Checkpoints(directory, config, began, notice)
    graph, params, statistics, rest = nnx.split(model, nnx.Param, nnx.BatchStat, ...)  # type: ignore[misc]
    params, statistics = jax.tree.map(jnp.copy, (params, statistics))  # donated below; the caller's model stays usable
    steps = len(images) // config.batch_size
    state = {"params": params, "optimizer": _optimizer(config, steps).init(params), "statistics": statistics}
    step = _step(graph, call, replace(config, seed=0), steps)
    with kept.held(resume):
        state, history = kept.restore(state)
        for epoch in history:
            report(epoch)
        for number in range(len(history), config.epochs):
            rng = np.random.default_rng([config.seed, number])
            keys = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), number), steps)
            order = rng.permutation(len(images))[: steps * config.batch_size].reshape(steps, -1)
            measured = []
            for chosen, key in zip(order, keys, strict=True):
                state, found = step(state, rest, images[chosen], labels[chosen], key)
                measured.append(found)
            value, right = np.mean(jax.device_get(measured), axis=0)
            history.append(Epoch(number, float(value), float(right)))
            kept.save(state, history)
            report(history[-1])
    return nnx.merge(graph, state["params"], state["statistics"], rest), history


@once_for_each_build
def _step(graph: Any, call: Call, config: TrainingConfig, steps: int) -> Callable:
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
        return {"params": params, "optimizer": optimizer_state, "statistics": statistics}, (value, right)

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


class _Checkpoints:
    """Checkpoints of one training on disk; without a directory all methods do nothing."""

    def __init__(self, directory: Path | None, config: TrainingConfig, about: dict[str, str], notice: Notice):
        self.config = json.loads(json.dumps(asdict(config)))
        self.directory = None if directory is None else Path(directory)
        self.about, self.notice = about, notice

    def save(self, state: dict, history: list[Epoch]) -> None:
        if self.directory is not None:
            notes = {"config": self.config, "data": self.about, "history": [list(epoch) for epoch in history]}
            checkpoints.save(self.directory, len(history), jax.tree.leaves(state), notes)

    @contextmanager
    def held(self, resume: bool) -> Iterator[None]:
        """Reserve the directory for this training."""
        if self.directory is None:
            yield
            return
        with checkpoints.held(self.directory, resume):
            yield

    def restore(self, state: dict) -> tuple[dict, list[Epoch]]:
        if self.directory is None or not checkpoints.epochs_in(self.directory):
            return state, []
        _, arrays, notes = checkpoints.last_intact(self.directory, self.notice)
        require_same("settings", "the checkpoint", self.config, notes["config"])
        require_same("data", "the checkpoint", self.about, notes["data"])
        leaves, structure = jax.tree.flatten(state)
        restored = [_like(leaf, array) for leaf, array in zip(leaves, arrays, strict=True)]
        return jax.tree.unflatten(structure, restored), [Epoch(*epoch) for epoch in notes["history"]]


def _like(leaf: Array, array: np.ndarray) -> Array:
    """Return a stored array with the dtype and the devices of the leaf that it replaces."""
    # A file stores extended dtypes such as bfloat16 as bytes without a name.
    return jax.device_put(array.view(leaf.dtype) if array.dtype != leaf.dtype else array, leaf.sharding)
