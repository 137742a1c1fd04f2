"""Storage of the worst instances that attacks have found; every later run examines them again.

One file holds an array `name/size/part` for each part of an instance. A run of claims writes the same file with its own
worst instances, which have larger ratios, so its file can replace the stored one.

Example:
    >>> from qla_jax.claims.networks.norms import terminal_norm
    >>> {size: round(float(terminal_norm.sides(worst).measured), 4) for size, worst in known("terminal-norm").items()}
    {2: 0.02, 4: 0.02, 16: 0.02}
"""

import io
from collections.abc import Iterable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax._files import write
from qla_jax.claims.engine.claim import Claim, Instance

FILE = Path(__file__).with_name("known.npz")
MAX_NUMBERS = 2000
"""Largest number of entries of an instance that is kept."""


def known(name: str, file: Path = FILE) -> dict[int, Instance]:
    """Return the stored instances of a claim by size, in float64; none for a claim without an attack so far.

    Args:
        name: name of the claim.
        file: path of the stored instances.
    """
    found: dict[int, Instance] = {}
    with np.load(file) as arrays:
        for key in arrays.files:
            claim, size, part = key.split("/")
            if claim == name:
                found.setdefault(int(size), {})[part] = jnp.asarray(arrays[key])
    return found


def save(worst: Iterable[tuple[Claim, dict[int, Instance]]], file: Path) -> None:
    """Write small instances of claims that can be attacked, with the stored instances of other claims.

    Args:
        worst: claims with their worst instances by size.
        file: path of the file.
    """
    with np.load(FILE) as arrays:
        written = {key: arrays[key] for key in arrays.files}
    for claim, instances in worst:
        for size, instance in instances.items():
            small = sum(np.size(leaf) for leaf in jax.tree.leaves(instance)) <= MAX_NUMBERS
            if small and claim.project is not None:
                written |= {f"{claim.name}/{size}/{part}": np.asarray(array) for part, array in instance.items()}
    content = io.BytesIO()
    np.savez_compressed(content, **written)
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, content.getvalue())
