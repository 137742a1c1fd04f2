"""Every program of the registry exports for NVIDIA and AMD GPUs and for TPUs, and asks for what these have."""

import re

import jax
import jax.numpy as jnp
import pytest
from jax import export

from tests.programs import Program, programs

pytestmark = pytest.mark.numerics

PLATFORMS = ("cuda", "rocm", "tpu")
PROGRAMS = list(programs())

# Decompositions, by libraries of each platform; nothing else leaves the program.
ALLOWED = re.compile(r"cusolver_\w+|hipsolver_\w+|Eigh|Qr|ProductOfElementaryHouseholderReflectors|Sharding")
CALL = re.compile(r"stablehlo\.custom_call @([\w.$]+)")
PRODUCT = re.compile(r"stablehlo\.(?:dot_general|convolution)\b.*")


def exported(program: Program) -> str:
    """The StableHLO of a program for all three kinds of accelerators."""
    call, arguments = program.called()
    return str(export.export(jax.jit(call), platforms=PLATFORMS)(*arguments).mlir_module())


def faults(text: str) -> list[str]:
    """Calls out of a program that no accelerator has, and products of single precision that may be rounded."""
    calls = {name for name in CALL.findall(text) if not ALLOWED.fullmatch(name)}
    products = [line for line in PRODUCT.findall(text) if re.search(r"[x<](f32|complex<f32>)>", line)]
    return [*sorted(calls), *(line for line in products if line.count("HIGHEST") != 2)]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: f"{program.group}: {program.name}".replace(" ", "-"))
@pytest.mark.sample(8)
def test_a_program_exports_for_accelerators_without_callbacks_and_with_full_products(program, x64):
    try:
        text = exported(program)
    except ValueError as error:
        # Known phase factors are refused in single precision on every platform.
        assert not x64 and "must be in double precision" in str(error)
    else:
        assert faults(text) == []


def test_groups_and_names_tell_programs_apart():
    assert len({(program.group, program.name) for program in PROGRAMS}) == len(PROGRAMS) > 500


def test_callbacks_and_rounded_products_would_be_seen():
    def call(x):
        return jax.pure_callback(lambda x: x, jax.ShapeDtypeStruct(x.shape, x.dtype), x) @ x

    text = jax.jit(call).trace(jnp.ones((2, 2), jnp.float32)).lower(lowering_platforms=("cpu",)).as_text()
    callback, product = faults(text)
    assert "callback" in callback and "dot_general" in product and "DEFAULT" in product
