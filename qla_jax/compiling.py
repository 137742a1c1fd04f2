"""Options for quick compilation of programs that run once or on small inputs, where compiling takes most of the time.

Example:
    >>> jax.jit(jnp.square, compiler_options=QUICK)(3).item()
    9
"""

import os
from typing import Any

import jax

QUICK: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    # A small program is not worth dividing among threads: each part is a module of its own to LLVM.
    "xla_cpu_parallel_codegen_split_count": 1,
}
"""XLA options for `jax.jit` on a CPU that halve compile time at the price of slower code."""

# The older code generator takes two thirds of the compile time of its successor. It was removed after jax 0.10, and XLA
# raises an error for unknown options.
if jax.__version_info__[:2] == (0, 10):
    QUICK["xla_cpu_use_fusion_emitters"] = False


def quick_options() -> dict[str, Any]:
    """Return the options for quick compilation on a CPU, and none for the default device if it is an accelerator.

    There the same options would turn off optimizations of the program itself, which take little time.
    """
    return QUICK if jax.default_backend() == "cpu" else {}


def compile_quickly() -> None:
    """Set the quick options in XLA_FLAGS for all later compilations of this process.

    XLA reads its flags at the first compilation; afterwards the function has no effect. Existing flags are kept after
    the new ones.
    """
    flags = [f"--{name}={str(value).lower()}" for name, value in QUICK.items()]
    os.environ["XLA_FLAGS"] = " ".join([*flags, os.environ.get("XLA_FLAGS", "")])
