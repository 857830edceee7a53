# Everything is made in .venv, build and dist. `make PYTHON=/path/to/python3` builds with another Python.

PYTHON ?= python3
PYTEST ?=
PARTS ?=
ASAN ?= -q $(wildcard tests/test_cli_*.py) tests/test_search_flags.py tests/test_faults.py tests/test_notebook.py \
	tests/test_match.py tests/test_fuzz.py tests/test_mutations.py tests/test_text.py tests/test_render.py \
	tests/test_outline.py tests/test_layout.py tests/test_store.py tests/test_segment.py tests/test_merge.py
VENV := .venv
BIN := $(VENV)/bin
ENGINE := $(wildcard _core/*.pxd _core/*.pxi _core/*.pyx)
SOURCES := $(ENGINE) $(wildcard greppy/*.py greppy/*/*.py) setup.py pyproject.toml build.spec scripts/bundle.py

.PHONY: help demo build test lint bench bench-parts bench-save bench-compare profile asan fuzz coverage docs clean \
	doctor

help:
	@echo 'make demo    build dist/greppy and search this source tree with it'
	@echo 'make build   build dist/greppy'
	@echo 'make test    build what is needed, check the style, run the tests (PYTEST="-k name" picks some, -n0 one at a time)'
	@echo 'make lint    ruff, mypy and cython-lint alone'
	@echo 'make bench   run the benchmarks'
	@echo 'make bench-parts    time parts of the engine in this process (PARTS="-k rank" picks some)'
	@echo 'make bench-compare  count instructions; fails if one is 3 % above benches/instructions.json (needs valgrind)'
	@echo 'make bench-save     make the counts of now the baseline'
	@echo 'make profile  flame graphs, memory and system calls of indexing and searching (scripts/profile.sh)'
	@echo 'make asan    run tests under AddressSanitizer and UBSan (ASAN="-q tests/test_x.py" picks some)'
	@echo 'make fuzz    fuzz each part of the engine for ten minutes (needs clang)'
	@echo 'make coverage  lines of the Python package that the tests run'
	@echo 'make docs    write docs/greppy.1 and docs/config.md anew'
	@echo 'make doctor  say what is missing to build'
	@echo 'make clean   remove what was built'

doctor:
	@$(PYTHON) scripts/doctor.py && echo 'nothing is missing'

# An editable installation: `greppy` imports from this tree, and setup.py says where greppy._core is.
$(VENV)/.build: pyproject.toml setup.py
	@$(PYTHON) scripts/doctor.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'setuptools>=77' 'cython>=3.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[build]'
	@touch $@

$(VENV)/.test: $(VENV)/.build
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[build,test]'
	@touch $@

dist/greppy: $(VENV)/.build $(SOURCES)
	$(BIN)/pyinstaller --noconfirm --log-level ERROR build.spec

build: dist/greppy

demo: dist/greppy
	@echo
	dist/greppy --version
	dist/greppy index -p .
	dist/greppy search -p . -n 5 'unpack the runtime into the cache folder'

# The tests come last, so that their summary does; a complaint about style does not keep them from running.
test: dist/greppy $(VENV)/.test
	@status=0; \
	$(MAKE) --no-print-directory lint || status=1; \
	$(BIN)/python -m pytest -n auto $(PYTEST) || status=1; \
	exit $$status

lint: $(VENV)/.test
	@mkdir -p build/typing/greppy && ln -sfn ../../../_core build/typing/greppy/_core
	@status=0; PATH="$(abspath $(BIN)):$$PATH"; \
	ruff check || status=1; \
	mypy || status=1; \
	cython-lint $(ENGINE) || status=1; \
	exit $$status

bench: dist/greppy $(VENV)/.test
	$(BIN)/python benches/run.py

# Not the options of the tests, which leave benchmarks out.
bench-parts: dist/greppy $(VENV)/.test
	$(BIN)/python -m pytest -o addopts= --benchmark-only --benchmark-columns=min,median,iqr,rounds \
		benches/test_parts.py $(PARTS)

bench-compare bench-save: bench-%: dist/greppy $(VENV)/.test
	$(BIN)/python benches/instructions.py $*

profile: dist/greppy $(VENV)/.test
	scripts/profile.sh all

asan: dist/greppy $(VENV)/.test
	$(BIN)/python scripts/sanitize.py $(ASAN)

fuzz: $(VENV)/.test
	$(BIN)/python tests/fuzz

coverage: dist/greppy $(VENV)/.test
	$(BIN)/python scripts/cover.py -q -n auto

docs: dist/greppy
	$(BIN)/python scripts/docs.py

clean:
	rm -rf $(VENV) build dist *.egg-info _core/*.so _core/*.c _core/*.h
	rm -rf .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage
	find . -name __pycache__ -prune -exec rm -rf {} +
