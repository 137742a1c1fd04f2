"""Comparison of a quanvolutional layer that is trained, fixed, or left out: the study `trainable-vs-fixed`.

The motivating study of the reference has a layer of depth 2 (RY on four qubits and three CNOT, twice), a thousand
images and 30 epochs. Trained layers are about 36 points better there than fixed ones. A dense layer follows the
quanvolutional one, as in the reference's networks for ten classes. A dense layer on the pixels themselves shows the
contribution of the quanvolution.

References:
    Kashif, Shafique (2024), ResQuNNs, section 1.1, figure 2. https://arxiv.org/abs/2402.09146
"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial

import numpy as np
from flax import nnx

from qla_jax.data import ImageSet, identity
from qla_jax.experiments.core.figures import Plot
from qla_jax.experiments.core.study import Findings, Options, Study
from qla_jax.experiments.core.tables import Column, table
from qla_jax.experiments.quanvolution.training import (
    FROZEN,
    FULL,
    Protocol,
    Trained,
    curve,
    mean,
    network,
    prepared_images,
    told,
)
from qla_jax.nn import PlainMLP
from qla_jax.variational.ansatz import RY_CHAIN
from qla_jax.variational.placements import placement
from qla_jax.variational.quanvolution import quanvolution_spec

DENSE = "dense layer alone"
KINDS = {"trained layer": FULL, "fixed layer": FROZEN, DENSE: None}
IN_PRINT = 36
"""Points by which trained layers are better in print."""


def train(rows: object, images: ImageSet, protocol: Protocol, mode: str | None, seed: int) -> Trained:
    """Train one network.

    Args:
        rows: rows of earlier items, unused.
        images: images for training and testing.
        protocol: settings of the training.
        mode: mode of gradients, None for a dense layer alone.
        seed: seed of weights and shuffles.
    """
    specs = (quanvolution_spec(depth=2, ansatz=RY_CHAIN),)
    if mode is None:
        shape = images.train_images.shape[1:]
        model: nnx.Module = PlainMLP([int(np.prod(shape)), images.num_classes], rngs=nnx.Rngs(seed))
    else:
        model = network(images, placement("none", 1), specs, mode, seed, quantum=False)
    return protocol.run(model, images, seed)


def study(options: Options) -> Study:
    """Build the study of a network of each kind and seed."""
    each = (4, 2) if options.quick else (100, 36)
    images = prepared_images(options, classes=10, train=each[0], test=each[1])
    seeds = options.seeds(1 if options.quick else 5)
    protocol = Protocol(epochs=1) if options.quick else Protocol()
    items = {
        f"{kind}, seed {seed}": partial(train, images=images, protocol=protocol, mode=mode, seed=seed)
        for kind, mode in KINDS.items()
        for seed in seeds
    }
    settings = {"images": identity(images), "seeds": seeds, **asdict(protocol)}
    title, found = "A quanvolutional layer, trained and fixed", partial(summary, seeds=seeds, source=images.source)
    return Study("trainable-vs-fixed", title, settings, items, found, row=Trained)


def summary(rows: Mapping[str, Trained], seeds: list[int], source: str) -> Findings:
    """Return accuracies, the difference with the printed one next to it, and training curves.

    Args:
        rows: trained networks.
        seeds: seeds of the networks.
        source: source of the images.
    """
    found = {kind: [rows[f"{kind}, seed {seed}"] for seed in seeds] for kind in KINDS}
    means = {kind: {what: mean(trained, what) for what in ("train", "test")} for kind, trained in found.items()}
    gaps = [100 * (means["trained layer"][what] - means["fixed layer"][what]) for what in ("train", "test")]
    told_gap = f"{gaps[0]:+.1f} points in training and {gaps[1]:+.1f} in testing, about {IN_PRINT:+d} in print"
    cells = [(kind, told(some, "train"), told(some, "test"), some[0].parameters) for kind, some in found.items()]
    columns = [
        Column("", "{0}", "kind of the first layer"),
        Column("training %", "{1}", "accuracy of the training steps of the last epoch, mean and range over seeds"),
        Column("testing %", "{2}", "accuracy on the test images, mean and range over seeds"),
        Column("parameters", "{3}", "number of trained parameters"),
    ]
    series = [curve(kind, trained) for kind, trained in found.items()]
    return Findings(
        numbers={"means": means, "trained_over_fixed": gaps},
        remarks=[f"Images: {source}."],
        conclusions=[f"Trained over fixed layers: {told_gap}."],
        tables={"accuracy, mean (range)": table(columns, cells, caption=f"Accuracies of networks, seeds {seeds}.")},
        plots=[
            Plot(
                "curves",
                "epoch",
                "accuracy of training steps",
                series,
                caption="Accuracy of the training steps of each epoch: mean over seeds, with the range as bars.",
            )
        ],
    )
