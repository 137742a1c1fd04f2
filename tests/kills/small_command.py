"""The command `qla-jax` with work of seconds: small networks, few sizes, few methods. Run under the name `qla-jax`."""

import sys

sys.path.insert(0, sys.argv.pop(1))  # where the package lies

import qla_jax  # isort: skip # first, as in the command: it watches for signals from here on

from dataclasses import replace
from functools import partial

import numpy as np

from qla_jax import cli, data
from qla_jax.data import ImageSet
from qla_jax.experiments.coherent import job as main_job
from qla_jax.experiments.coherent import recipes
from qla_jax.experiments.comparison import job as comparison_job
from qla_jax.experiments.costs import job as costs_job
from qla_jax.nn.circuit_check import dense_instances
from qla_jax.training import TrainingConfig


def images(*arguments: object, max_train: int | None = None, **options: object) -> ImageSet:
    """Four classes of noisy 4 x 4 images, bright in one quarter."""
    labels = (np.arange(44) % 4).astype(np.int32)
    pixels = (0.2 * np.random.default_rng(0).random((44, 1, 4, 4))).astype(np.float32)
    for image, label in zip(pixels, labels, strict=True):
        image[0, 2 * (label // 2) :, 2 * (label % 2) :][:2, :2] += 0.5
    return ImageSet("tiny", pixels[:32][:max_train], labels[:32][:max_train], pixels[32:], labels[32:], 4, "Made here")


training = TrainingConfig(epochs=3, batch_size=8, learning_rate=3e-3, noise=0.1)
small = {name: replace(one, blocks=2, training=training, degree=5) for name, one in recipes.RECIPES.items()}
circuit = lambda: dense_instances([0.5 * np.eye(2)], np.array([0.6, 0.8]))[0]  # noqa: E731 # processes join first
sizes = {"entries": (16, 32), "blocks": (1, 2), "errors": (1e-1, 1e-2), "channels": (2, 4), "taps": (2, 4)}

recipes.MIN_OUTCOMES, main_job.CHECK_DEGREE = 4, 3
main_job.RECIPES, main_job.instances_of = small, lambda traced: [circuit()]
data.load = images
costs_job.CostsJob = partial(costs_job.CostsJob, **sizes, ablated=(4, 8), squared=(4, 8))
comparison_job.METHODS = [replace(one, entries=one.entries[:2]) for one in comparison_job.METHODS[-3:]]

if __name__ == "__main__":
    assert qla_jax.__file__.startswith(sys.path[0])
    cli.main()
