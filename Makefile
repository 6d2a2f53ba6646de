# Everything that people and CI run. A fresh machine needs Python 3.11 or newer, Rust and a C
# compiler; the rest goes into this checkout (.venv, .venv-reference, target), but for cmake and
# nasm, which the package manager brings (tools/prerequisites.sh).

# The interpreter that .venv is made with, and the one of the reference package.
PYTHON ?= python3
ifndef REFERENCE_PYTHON
REFERENCE_PYTHON := $(shell for p in python3.11 $(PYTHON); do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$p && break; done)
endif
export PYTHON REFERENCE_PYTHON

# uv reads settings of its own; where only pip's are set, they hold for it too.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif
# An interpreter that is not there is a line of prerequisites.sh, not a download.
export UV_PYTHON_DOWNLOADS := never

VENV := $(CURDIR)/.venv
RUN := $(VENV)/bin/
UV := $(RUN)uv
export PYO3_PYTHON := $(RUN)python
# What maturin sets for its cargo: with other settings pyo3 would be built again each time.
AS_MATURIN = PYO3_BUILD_EXTENSION_MODULE=1 \
	PYO3_CONFIG_FILE="$$(ls $(CURDIR)/target/maturin/pyo3-config-*.txt | tail -n 1)"

# A package of links whose extension module is the debug build: the one of .venv stays as it is.
DEBUG_PACKAGE := $(CURDIR)/target/debug-python/lakebed
DEBUG_LIBRARY := lib_core.$(if $(filter Darwin,$(shell uname)),dylib,so)

RUST_SOURCES := $(shell find rust/core rust/py -type f) Cargo.toml Cargo.lock pyproject.toml
# How long `make fuzz` takes for each target, and which; all of them where none is named.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?=

# What `make check` leaves to `make test`.
HEAVY := s3 or gcs or reference or slow

# Long tests have time limits of their own. The other one would only write where they are, while they
# run, which now and then ends the interpreter.
LONG := -o faulthandler_timeout=0

.DEFAULT_GOAL := help
.PHONY: help demo test check bench docs wheel nightly debug-test clean build fuzz \
	fuzz-where-possible \
	fmt lint types imports unit rust-test heavy-test prerequisites prerequisites-test

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## build, start a real S3 server on loopback, run the main job, show figures and pictures
	$(RUN)python -m demo

test: prerequisites-test check rust-test heavy-test ## everything that CI runs

check: fmt lint types imports unit ## the quick loop: format, lint, types, imports, tests without servers

bench: build .venv/bench-tools .venv-reference/installed ## measure linked reads, packed data and the import
	$(RUN)python -m benches

docs: .venv/build ## the Rust documentation, into target/doc
	$(AS_MATURIN) RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --workspace

wheel: .venv/tools ## a wheel for this platform, into dist/
	$(RUN)maturin build --profile dist --out dist

fuzz: .venv/tools ## every fuzz target for FUZZ_SECONDS (60); needs nightly Rust and cargo-fuzz
	@sh tools/fuzz.sh check
	$(RUN)python rust/fuzz/seeds.py
	sh tools/fuzz.sh run $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# The long runs fuzz where they can, and say so where they cannot.
fuzz-where-possible:
	@if sh tools/fuzz.sh check; then $(MAKE) --no-print-directory fuzz; fi

nightly: test debug-test wheel fuzz-where-possible ## the long runs: random histories, damage, a debug build, fuzzing, the wheel
	LAKEBED_TEST_EXAMPLES=1500 $(RUN)python -m pytest $(LONG) tests/interop -m slow
	LAKEBED_TEST_EXAMPLES=1500 $(RUN)python -m pytest $(LONG) tests/corrupt tests/process tests/faults tests/auth/gcs/test_renewal.py tests/api/test_threads.py
	rm -rf target/wheel-env && $(UV) venv -q --python $(PYO3_PYTHON) target/wheel-env
	$(UV) pip install -q -p target/wheel-env/bin/python dist/*.whl
	target/wheel-env/bin/python tests/wheel/smoke.py

# Not a part of `test`: there is no time for a second build in CI.
debug-test: .venv/build ## the quick tests once more, with debug assertions
	$(AS_MATURIN) cargo test --workspace
	$(AS_MATURIN) cargo build --package lakebed-py
	rm -rf $(DEBUG_PACKAGE) && mkdir -p $(DEBUG_PACKAGE)
	ln -s $(CURDIR)/python/lakebed/* $(DEBUG_PACKAGE)
	ln -sf $(CURDIR)/target/debug/$(DEBUG_LIBRARY) $(DEBUG_PACKAGE)/$(notdir $(wildcard python/lakebed/_core*.so))
	PYTHONPATH=$(dir $(DEBUG_PACKAGE)) LAKEBED_TEST_BUILD=debug \
		$(RUN)python -m pytest -m "not ($(HEAVY))"

clean: ## remove everything that was built or installed here
	rm -rf .venv .venv-reference target dist demo-out tests/golden/.unpacked
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find python -name '_core*.so' -delete

build: .venv/build

# --- the parts of check and test

fmt: prerequisites .venv/tools
	cargo fmt --all --check
	$(RUN)ruff format --check -q

lint: .venv/build
	$(AS_MATURIN) cargo clippy --release --workspace --all-targets -- -D warnings
	$(RUN)ruff check

types: .venv/build
	$(RUN)mypy
	$(RUN)python -m mypy.stubtest lakebed._core --allowlist tests/typing/stubtest-allowlist.txt

imports: .venv/build
	$(RUN)lint-imports

unit: .venv/build
	$(RUN)python -m pytest -m "not ($(HEAVY))"

rust-test: .venv/build
	$(AS_MATURIN) cargo test --release --workspace

heavy-test: .venv/build .venv-reference/installed
	$(RUN)python -m pytest -m "$(HEAVY)"

# --- what is installed and built; each stamp is newer than all that it was made of

prerequisites:
	@sh tools/prerequisites.sh build check

prerequisites-test:
	@sh tools/prerequisites.sh build check reference

.venv/tools: requirements/bootstrap.txt requirements/dev.txt demo/requirements-photos.txt | prerequisites
	$(PYTHON) -m venv $(VENV)
	$(RUN)python -m pip install -q --disable-pip-version-check -r requirements/bootstrap.txt
	$(UV) pip install -q -p $(VENV) -r requirements/dev.txt
	$(UV) pip install -q -p $(VENV) --no-deps -r demo/requirements-photos.txt
	@touch $@

.venv/bench-tools: requirements/bench.txt .venv/tools
	$(UV) pip install -q -p $(VENV) -r requirements/bench.txt
	@touch $@

.venv/build: .venv/tools $(RUST_SOURCES) | prerequisites
	VIRTUAL_ENV=$(VENV) PATH="$(VENV)/bin:$$PATH" $(RUN)maturin develop -q --release --uv
	@touch $@

.venv-reference/installed: requirements/reference.txt .venv/tools | prerequisites-test
	$(UV) venv -q --clear --python $(REFERENCE_PYTHON) .venv-reference
	$(UV) pip install -q -p .venv-reference --no-deps -r requirements/reference.txt
	@touch $@
