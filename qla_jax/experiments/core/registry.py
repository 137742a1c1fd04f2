"""Registry of studies by name, with a sentence and a module for each.

A module is imported when its study is asked for.

A new study is a module with a function `study(options) -> Study` and a line in `STUDIES`.

Example:
    >>> from qla_jax.experiments.core.study import Options
    >>> build("table3", Options(quick=True)).name
    'table3'
"""

from dataclasses import replace
from importlib import import_module
from typing import NamedTuple

from qla_jax.experiments.core.study import Findings, Options, Rows, Study


class Entry(NamedTuple):
    """Entry of the registry.

    Attributes:
        about: sentence about the measurement.
        module: module of this package that has its function `study`.
    """

    about: str
    module: str


STUDIES = {
    "table3": Entry("Accuracy and overhead of two readouts by rank and precision.", "measured.table3"),
    "scaling": Entry("Cost of a readout for 90 and 95 percent of the peak, by size.", "measured.scaling"),
    "elbow": Entry("Accuracy of a transformer by rank, and its elbow.", "measured.elbow"),
    "residual-block": Entry("A residual block against a network of linear algebra.", "measured.residual_block"),
    "training": Entry("Measured networks compared with their twins, and their gradients.", "measured.training"),
    "qram": Entry("Infidelity of a memory by address size and word length.", "memory"),
    "gradient-access": Entry("Gradients of quanvolutional layers, by placement.", "quanvolution.gradient_access"),
    "resqunn": Entry("Residual quanvolutional networks trained, by placement and mode.", "quanvolution.resqunn"),
    "trainable-vs-fixed": Entry(
        "A quanvolutional layer trained, fixed, or left out.", "quanvolution.trainable_vs_fixed"
    ),
    "plateaus": Entry("Variance of gradients by qubits and depth.", "quanvolution.plateaus"),
}


def build(name: str, options: Options) -> Study:
    """Build a study with its settings.

    Args:
        name: name of the study.
        options: options of the command.

    Raises:
        ValueError: an unknown name, images that cannot be used, or none where a study needs none.
        DatasetUnavailable: images that were asked for and are not there.
    """
    if name not in STUDIES:
        raise ValueError(f"`name` must be one of {', '.join(STUDIES)}, but is {name!r}.")
    found: Study = import_module(f"qla_jax.experiments.{STUDIES[name].module}").study(options)
    return quickened(found) if options.quick else found


def quickened(study: Study) -> Study:
    """Return a study whose findings say that it is the quick form, and draw no conclusions.

    Args:
        study: study of small sizes and few repetitions.
    """

    def summary(rows: Rows) -> Findings:
        return replace(study.summary(rows), quick=True, conclusions=())

    return replace(study, summary=summary)
