"""Training with optax: one jitted scan per epoch, a checkpoint after each, resumable bit for bit.

All randomness of an epoch comes from (seed, epoch), and parameters and optimiser state are restored exactly; so a run
that is killed and resumed ends in the same bits as one that is not.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from flax import nnx
from jax import Array

Model = TypeVar("Model", bound=nnx.Module)


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes:
        epochs: passes over the training images.
        batch_size: images per step; images beyond the last full batch of an epoch wait for the next shuffle.
        learning_rate: peak of the one-cycle cosine schedule.
        warmup: fraction of the steps in which the rate rises.
        weight_decay: of AdamW.
        max_shift: augmentation, each image moved by up to this many pixels in both directions.
        sampled_weight: share of 1 - y_label (the probability that one sample is wrong) in the loss, beside -log y_label.
        seed: of the shuffles and shifts.
    """

    epochs: int = 40
    batch_size: int = 128
    learning_rate: float = 3e-3
    warmup: float = 0.1
    weight_decay: float = 0.0
    max_shift: int = 0
    sampled_weight: float = 0.0
    seed: int = 0


class Epoch(NamedTuple):
    """What one epoch reports: mean loss and accuracy of the steps, before each step's update."""

    number: int
    loss: float
    accuracy: float


def fit(
    model: Model,
    images: np.ndarray,
    labels: np.ndarray,
    config: TrainingConfig,
    *,
    directory: Path | None = None,
    resume: bool = False,
    report: Callable[[Epoch], None] = lambda epoch: None,
) -> tuple[Model, list[Epoch]]:
    """Train a model that maps a batch of images to outcome probabilities.

    Args:
        model: any NNX module; its `nnx.Param` leaves are trained.
        images: shape (count, channel, row, column), or (count, n) for vectors.
        labels: shape (count,), outcomes.
        config: how to train.
        directory: where to keep checkpoints; none are kept unless given.
        resume: continue from the last checkpoint in `directory`, if there is one.
        report: called after every epoch.

    Returns:
        The trained model and every epoch, those before a resume included.

    Raises:
        ValueError: labels and images that do not match, a batch larger than the set, or a checkpoint of another config.
    """
    if len(images) != len(labels):
        raise ValueError(f"`labels` must match `images`, but there are {len(labels)} for {len(images)}.")
    if not 1 <= config.batch_size <= len(images):
        raise ValueError(f"`batch_size` must lie between 1 and {len(images)}, but is {config.batch_size}.")
    graph, params, rest = nnx.split(model, nnx.Param, ...)
    optimizer = _optimizer(config, len(images) // config.batch_size)
    state = {"params": params, "optimizer": optimizer.init(params)}
    history: list[Epoch] = []
    checkpoints = _Checkpoints(directory, config) if directory else None
    if checkpoints and resume:
        state, history = checkpoints.restore(state)
        for epoch in history:
            report(epoch)

    @jax.jit
    def run_epoch(state: dict, number: Array, images: Array, labels: Array) -> tuple[dict, tuple[Array, Array]]:
        def loss(params: Any, batch: Array, targets: Array) -> tuple[Array, Array]:
            return _loss(nnx.merge(graph, params, rest)(batch), targets, config)

        def step(state: dict, indices: Array) -> tuple[dict, tuple[Array, Array]]:
            shift_key = jax.random.fold_in(key, indices[0])
            batch = shift_images(shift_key, images[indices], config.max_shift)
            (value, right), grads = jax.value_and_grad(loss, has_aux=True)(state["params"], batch, labels[indices])
            updates, optimizer_state = optimizer.update(grads, state["optimizer"], state["params"])
            return {"params": optax.apply_updates(state["params"], updates), "optimizer": optimizer_state}, (value, right)

        key = jax.random.fold_in(jax.random.key(config.seed), number)
        steps = len(images) // config.batch_size
        order = jax.random.permutation(key, len(images))[: steps * config.batch_size]
        state, (losses, right) = jax.lax.scan(step, state, order.reshape(steps, -1))
        return state, (losses.mean(), right.mean())

    data = jnp.asarray(images), jnp.asarray(labels)
    for number in range(len(history), config.epochs):
        state, (value, right) = run_epoch(state, jnp.asarray(number), *data)
        history.append(Epoch(number, float(value), float(right)))
        if checkpoints:
            checkpoints.save(state, history)
        report(history[-1])
    if checkpoints:
        checkpoints.close()
    return nnx.merge(graph, state["params"], rest), history


def shift_images(key: Array, images: Array, reach: int) -> Array:
    """Move each image by up to `reach` pixels in both directions, zeros coming in; shape (batch, channel, row, column)."""
    if reach == 0:
        return images
    padded = jnp.pad(images, [(0, 0), (0, 0), (reach, reach), (reach, reach)])
    starts = jax.random.randint(key, (len(images), 2), 0, 2 * reach + 1)
    cut = lambda image, start: jax.lax.dynamic_slice(image, (0, start[0], start[1]), images.shape[1:])  # noqa: E731
    return jax.vmap(cut)(padded, starts)


def batches(count: int, size: int) -> Iterator[slice]:
    """Consecutive slices that cover `count` items."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def _loss(outcomes: Array, targets: Array, config: TrainingConfig) -> tuple[Array, Array]:
    chosen = jnp.take_along_axis(outcomes, targets[:, None], axis=1)[:, 0]
    # A probability of exactly zero (a zero image) has no logarithm; its share of the gradient is cut off, not faked.
    surprise = -jnp.log(jnp.maximum(chosen, 1e-12))
    value = (1 - config.sampled_weight) * surprise + config.sampled_weight * (1 - chosen)
    return value.mean(), (outcomes.argmax(1) == targets).mean()


def _optimizer(config: TrainingConfig, steps: int) -> optax.GradientTransformation:
    total = max(config.epochs * steps, 1)
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, config.learning_rate, max(1, int(config.warmup * total)), max(2, total), config.learning_rate / 100
    )
    return optax.adamw(schedule, weight_decay=config.weight_decay)


class _Checkpoints:
    """The last two epochs on disk; a kill while one is written leaves the other."""

    def __init__(self, directory: Path, config: TrainingConfig):
        self.config = json.loads(json.dumps(asdict(config)))
        options = ocp.CheckpointManagerOptions(max_to_keep=2)
        self.manager = ocp.CheckpointManager(Path(directory).absolute(), options=options)

    def save(self, state: dict, history: list[Epoch]) -> None:
        arrays = ocp.args.StandardSave(_plain(state))
        notes = ocp.args.JsonSave({"config": self.config, "history": [list(epoch) for epoch in history]})
        self.manager.save(len(history), args=ocp.args.Composite(state=arrays, notes=notes), force=True)

    def restore(self, state: dict) -> tuple[dict, list[Epoch]]:
        step = self.manager.latest_step()
        if step is None:
            return state, []
        notes = self.manager.restore(step, args=ocp.args.Composite(notes=ocp.args.JsonRestore()))["notes"]
        if notes["config"] != self.config:
            changed = [name for name in self.config if self.config[name] != notes["config"].get(name)]
            name = changed[0] if changed else "config"
            raise ValueError(
                f"`resume` must go on with the settings of the checkpoint, but {name} is {self.config.get(name)} "
                f"and was {notes['config'].get(name)}."
            )
        wanted = ocp.args.Composite(state=ocp.args.StandardRestore(_plain(state)))
        leaves = jax.tree.leaves(self.manager.restore(step, args=wanted)["state"])
        restored = jax.tree.unflatten(jax.tree.structure(state), leaves)
        return restored, [Epoch(int(number), loss, accuracy) for number, loss, accuracy in notes["history"]]

    def close(self) -> None:
        self.manager.wait_until_finished()
        self.manager.close()


def _plain(state: dict) -> list[Array]:
    """The leaves in order: what is stored does not depend on how a library names its states."""
    return jax.tree.leaves(state)
