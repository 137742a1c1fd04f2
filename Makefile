# `make demo` and `make test` start from nothing: Python 3.11 or newer, make and a package index are enough.

PYTHON  ?= python3
VENV    ?= .venv
WORKERS ?= 2

BIN    := $(VENV)/bin
PYTEST := $(BIN)/pytest

# Compiled functions are kept between runs: a second run takes less than half of the processor time of the first.
CACHE := JAX_COMPILATION_CACHE_DIR="$(CURDIR)/.cache/jax" \
  JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1

# Nearly all the time of the tests is compiling, and most of what is compiled runs once: `make test` compiles as fast as
# XLA can (see tests/conftest.py), `make test-all` as users do.
QUICK := QLA_TEST_QUICK_COMPILES=1

# Test modules and the package are parsed once, whatever the caller's environment says of bytecode.
BYTECODE := PYTHONDONTWRITEBYTECODE=

# Two lanes: double precision runs everything, then the numerical laws repeat in single precision, JAX's default.
# worksteal keeps a module on one worker where it can, so that its functions are compiled once.
LANE   = $(PYTEST) -n $(WORKERS) --dist worksteal -p no:benchmark tests
DOUBLE = @echo "== double precision"; $(BYTECODE) $(CACHE) JAX_ENABLE_X64=1
SINGLE = @echo "== single precision"; $(BYTECODE) $(CACHE) JAX_ENABLE_X64=0

# What `make check` tests after the notebooks, the longest first.
DOCUMENTS := tests/test_site.py tests/test_documents.py tests/test_release.py

.PHONY: help demo setup test test-all peers check docs bench accelerators gpu clean

help:
	@echo "make demo      set up and run the demonstration"
	@echo "make test      the tests, in double and in single precision"
	@echo "make test-all  the same with the slow cases"
	@echo "make peers     phase factors and circuits against other packages, in an environment of their own"
	@echo "make check     lint, format, types, notebooks, documents, the site and the release"
	@echo "make docs      the documentation as a site, in site/"
	@echo "make bench     timings"
	@echo "make accelerators  compile for a TPU v5p and an H200 without a device, in an environment of their own; hours"
	@echo "make gpu       correctness and timings on this machine's GPU, in eight minutes"
	@echo "make clean     remove the environment and all caches"

demo: $(VENV)/.installed
	$(BIN)/qla-jax run

setup: $(VENV)/.installed-dev

test: setup
	$(DOUBLE) $(QUICK) $(LANE) -m "not slow and not notebooks and not peers"
	$(SINGLE) $(QUICK) $(LANE) -m "numerics and not slow and not notebooks"

test-all: setup
	$(DOUBLE) $(LANE) -m "not notebooks and not peers"
	$(SINGLE) $(LANE) -m "numerics and not notebooks"

# Not with the constraints: the other packages ask for what they ask for.
peers: $(VENV)-peers/.installed
	$(CACHE) JAX_ENABLE_X64=1 $(VENV)-peers/bin/pytest -p no:benchmark -m peers tests/phases tests/arithmetic tests/variational tests/circuits tests/test_cli_export.py tests/test_physical.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(CACHE) $(PYTEST) -n $(WORKERS) --maxschedchunk 1 -p no:benchmark tests/test_notebooks.py
	@$(CACHE) $(QUICK) $(PYTEST) -n $(WORKERS) --maxschedchunk 1 -p no:benchmark -m slow $(DOCUMENTS)

# Notebooks whose outputs are stored in .cache/notebooks and up to date are not executed again.
docs: setup
	$(CACHE) $(BIN)/python -m tools.notebooks
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

bench: setup
	$(PYTEST) --benchmark-only --benchmark-autosave benchmarks

# The compilers for a TPU and a GPU, which need no device; ONLY and EVERY choose programs of tests/programs.py.
accelerators: $(VENV)-accelerators/.installed
	JAX_PLATFORMS=cpu $(VENV)-accelerators/bin/python -m tools.accelerators compile --only "$(ONLY)" --every $(EVERY)
	JAX_PLATFORMS=cpu $(VENV)-accelerators/bin/python -m tools.accelerators table

ONLY  ?=
EVERY ?= 1

# Each step has a limit, so that all of them end within eight minutes.
gpu:
	@command -v nvidia-smi >/dev/null && nvidia-smi -L | grep -q GPU || { \
	  echo "make gpu needs an NVIDIA GPU, but nvidia-smi finds none; make accelerators compiles for one without it." >&2; exit 1; }
	@$(MAKE) --no-print-directory $(VENV)-gpu/.installed
	timeout 360 $(VENV)-gpu/bin/python -m tools.accelerators gpu
	timeout 110 $(VENV)-gpu/bin/python -m pytest -q --benchmark-only --benchmark-autosave benchmarks/bench_encoded_view.py benchmarks/bench_qsvt.py

clean:
	rm -rf $(VENV) $(VENV)-peers $(VENV)-accelerators $(VENV)-gpu .cache .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist site *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are newer than what they were installed from; a change of either file installs again.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "qla-jax needs Python 3.11 or newer, but $(PYTHON) is `$(PYTHON) --version 2>&1`: try make PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV) (once, a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[run]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# libtpu and the plugins that belong to the version of jax; the libraries are what XLA calls when it compiles for CUDA.
$(VENV)-accelerators/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -m venv $(VENV)-accelerators
	@$(VENV)-accelerators/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[run]' pytest 'jax[tpu]'
	@version=`$(VENV)-accelerators/bin/python -c 'import jaxlib; print(jaxlib.__version__)'` && \
	  $(VENV)-accelerators/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  jax-cuda12-pjrt==$$version jax-cuda12-plugin==$$version nvidia-cuda-nvcc-cu12 nvidia-nvjitlink-cu12
	@touch $@

$(VENV)-gpu/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -m venv $(VENV)-gpu
	@$(VENV)-gpu/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' 'jax[cuda12]'
	@touch $@

$(VENV)-peers/.installed: pyproject.toml
	@$(PYTHON) -m venv $(VENV)-peers
	@$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev,peers]'
	@touch $@
