"""Process that compiles programs for one device, which does not have to be there: a line of JSON in, one line out.

    JAX_ENABLE_X64=1 python -m tools.accelerators.worker v5p

A compiler that meets a conversion it does not know ends the process, so that another process has to keep count.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"JAX_PLATFORMS": "cpu", "TPU_SKIP_MDS_QUERY": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")

import jax
import numpy as np
from jax import export
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from tests.programs import programs

PLATFORMS = ("cuda", "rocm", "tpu")
MESSAGE = 200
"""Characters of an error that are kept."""


def compiler(target: str) -> Callable[[Callable, tuple[Any, ...]], None]:
    """Return a function that compiles another one for a target, or exports it for all platforms."""
    if target == "export":
        return lambda call, arguments: export.export(jax.jit(call), platforms=PLATFORMS)(*arguments)
    if target == "v5p":
        devices = topologies.get_topology_desc("v5p:2x2x1", "tpu").devices
    else:
        described = Path(__file__).with_name("h200.txtpb").read_text()
        found = topologies.get_topology_desc("", platform="cuda", target_config=described, topology="1x1x1")
        devices = found.devices
    sharding = NamedSharding(Mesh(np.array(devices[:1]), ("device",)), PartitionSpec())

    def compiled(call: Callable, arguments: tuple[Any, ...]) -> None:
        shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), arguments)
        jax.jit(call).lower(*shapes).compile()

    return compiled


def main(target: str) -> None:
    """Compile the programs whose groups and names come by standard input."""
    compiled, everything = compiler(target), {(one.group, one.name): one for one in programs()}
    for line in sys.stdin:
        began, result = time.time(), "compiled"
        try:
            compiled(*everything[tuple(json.loads(line))].called())
        except Exception as error:  # whatever the compiler says is the result
            result = f"{type(error).__name__}: {str(error)[:MESSAGE]}"
        print(json.dumps({"result": result, "seconds": round(time.time() - began, 2)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
