"""Quick compiles, for what runs once or on small instances: there compiling takes nearly all the time.

Example:
    >>> jax.jit(jnp.square, compiler_options=QUICK)(3).item()
    9
"""

import os
from typing import Any

import jax

QUICK: dict[str, Any] = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Options of `jax.jit` with which XLA compiles in less than half of the time, and slower code."""

# The older code generator takes two thirds of the time of its successor. It is gone after jax 0.10, and XLA stops at
# options that it does not know.
if jax.__version_info__[:2] == (0, 10):
    QUICK["xla_cpu_use_fusion_emitters"] = False


def compile_quickly() -> None:
    """The same for all that this process compiles from here on.

    XLA reads its flags when it first compiles: afterwards this changes nothing. What XLA_FLAGS held goes behind.
    """
    flags = [f"--{name}={str(value).lower()}" for name, value in QUICK.items()]
    os.environ["XLA_FLAGS"] = " ".join([*flags, os.environ.get("XLA_FLAGS", "")])
