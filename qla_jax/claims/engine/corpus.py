"""The worst instances that attacks have found, kept with the claims: every later run looks at them again.

One file holds them, an array `name/size/part` for each part of an instance. A run of claims writes the same file with
its own worst instances in it, and these have the larger ratios: it can take the place of this one.

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
"""Larger instances are not kept."""


def known(name: str, file: Path = FILE) -> dict[int, Instance]:
    """The instances of a claim by size, in float64; none of a claim that nobody has attacked yet."""
    found: dict[int, Instance] = {}
    with np.load(file) as arrays:
        for key in arrays.files:
            claim, size, part = key.split("/")
            if claim == name:
                found.setdefault(int(size), {})[part] = jnp.asarray(arrays[key])
    return found


def save(worst: Iterable[tuple[Claim, dict[int, Instance]]], file: Path) -> None:
    """Write instances of claims that can be attacked, the small ones, and what is known of other claims."""
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
