# make demo, make test: nothing is needed but Python 3.11 or later, a C compiler and make.

TARGETS := help demo gallery docs test test-site test-browser tune-pictures coverage coverage-loops fuzz sanitize races valgrind wheel cross test-builds test-arm64 test-sid test-floor test-newest bench counts tiles lint build clean
.PHONY: $(TARGETS)
.DEFAULT_GOAL := help

# From another folder (make -f path/to/Makefile) everything is handed to make in this one.
HERE := $(shell dirname '$(strip $(MAKEFILE_LIST))')
ifneq ($(HERE),.)

$(TARGETS):
	@$(MAKE) --no-print-directory -C '$(HERE)' $@

else

# The first that runs, is new enough and can make an environment; a name alone may be a stub that fails.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
# The only Python for which the oldest NumPy that is allowed has wheels.
OLDEST_PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := setup.py pyproject.toml $(wildcard pyx/*)
# Compiled by setup.py itself: pip would hide which loop it is at.
BUILD_REQUIRES = $(BIN)/python -c 'import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])'
SAMPLE := samples/coffee.png
# The compiled modules that run here; those of other levels have the same stubs.
LOOPS = $$($(BIN)/python -c 'from imgconv.core import cpu; print("imgconv/_loops/" + cpu.LEVEL)') \
	imgconv/_loops/machine.pyi

# The sanitizers of GCC have a copy of this folder, with an environment and loops of its own. They
# must be loaded before Python; so must the C++ library, whose exceptions they watch.
COPIED := Makefile setup.py pyproject.toml README.md LICENSE CHANGELOG.md imgconv pyx tests samples docs
LEVELS := v2 v3
SECONDS := 1800
SEED := 0
BUILDS := clang plain serial
PRELOADED = $(foreach name,asan ubsan stdc++,$(shell gcc -print-file-name=lib$(name).so))
# Their reports go to files: what a test prints before it ends the process is lost.
SANITIZED = LD_PRELOAD='$(PRELOADED)' \
	UBSAN_OPTIONS='print_stacktrace=1:log_path=$(CURDIR)/.sanitize/report' \
	ASAN_OPTIONS='detect_leaks=0:allocator_may_return_null=1:log_path=$(CURDIR)/.sanitize/report'
# What runs the loops, but not what starts processes or measures memory.
SANITIZED_TESTS := $(addprefix tests/,filters operations test_geometry.py cli/test_apply.py \
	core/test_threads.py pipeline/test_chain.py \
	$(addprefix faces/test_,ndimage.py signal.py signal_smoothing.py skimage.py) \
	$(addprefix nn/test_,activation.py convolution.py layers.py pooling.py))

help: ## Show this.
	@sed -n 's/^\([a-z0-9-]*\): .*## /make \1	/p' Makefile

demo: $(VENV)/peers ## Find the edges of a photo, and time that beside other libraries.
	@$(BIN)/python samples/edges.py $(SAMPLE)

gallery: $(VENV)/built ## Make the page of sample pipelines, docs/gallery.
	@$(BIN)/python samples/gallery.py

docs: $(VENV)/docs ## Build the site, docs/_build/html; ARGS=serve shows it, ARGS=new begins from nothing.
	@$(BIN)/python docs/site/build.py $(ARGS)

test: $(VENV)/test ## Run all tests.
	$(BIN)/pytest -n auto --dist loadfile $(ARGS)

test-site: docs ## Build the site, and open each of its pages in Chromium (apt-get install chromium).
	@for name in chromium chromium-browser google-chrome; do command -v $$name && break; done >/dev/null \
		|| { echo 'Chromium is missing' >&2; false; }
	$(PIP) install playwright pytest
	$(BIN)/pytest tests/site $(ARGS)

coverage: $(VENV)/test ## Run all tests, and tell which part of each Python file they run.
	$(PIP) install pytest-cov
	$(BIN)/python scripts/cover.py -n auto --dist loadfile $(ARGS)

coverage-loops: ## Run tests of the loops, and tell which lines of pyx/ they run. Needs GCC.
	mkdir -p .lines
	tar -c --exclude _loops --exclude __pycache__ $(COPIED) scripts | tar -x -C .lines
	IMGCONV_COUNT_LINES=1 IMGCONV_LEVELS=v3 $(MAKE) -C .lines $(VENV)/test
	cd .lines && IMGCONV_ISA=v3 $(BIN)/python scripts/cover_loops.py $(ARGS)

# The browser is Debian's; what drives it comes from PyPI and loads none of its own.
CHROMIUM = $$(command -v chromium)
BROWSING = IMGCONV_BROWSER=$(CHROMIUM) PYTHONPATH=tests/support

test-browser: $(VENV)/browser ## Test the page of imgconv tune in a browser. Installs chromium, for root, on Debian.
	$(BROWSING) $(BIN)/pytest tests/browser $(ARGS)
	$(BROWSING) $(BIN)/python scripts/tune_latency.py

tune-pictures: $(VENV)/browser ## Make the pictures of the page, docs/tune.
	$(BROWSING) $(BIN)/python scripts/tune_pictures.py

races: ## Call everything from many threads at once, on loops that watch for races. For root, on Debian.
	mkdir -p .races
	tar -c --exclude _loops --exclude __pycache__ $(COPIED) | tar -x -C .races
	scripts/races.sh .races $(ARGS)

fuzz: $(VENV)/test ## Run random calls; ARGS="--seed 3 --seconds 600" chooses.
	$(BIN)/python tests/fuzz.py $(ARGS)

sanitize: ## Run tests and random calls on loops that watch their memory; SECONDS=1800 of calls.
	mkdir -p .sanitize
	tar -c --exclude _loops --exclude __pycache__ $(COPIED) | tar -x -C .sanitize
	IMGCONV_SANITIZE=address,undefined IMGCONV_LEVELS='$(LEVELS)' $(MAKE) -C .sanitize $(VENV)/test
	cd .sanitize && rm -f report.* && for level in $(LEVELS); do \
		export $(SANITIZED) IMGCONV_ISA=$$level; \
		$(BIN)/pytest -n auto --dist loadfile $(SANITIZED_TESTS) && \
		$(BIN)/python tests/fuzz.py --seed $(SEED) --seconds $$(($(SECONDS) / $(words $(LEVELS)))) \
		|| { cat report.*; exit 1; }; \
	done

valgrind: $(VENV)/test ## Run a sample of the table of cases in valgrind, on loops of level v3.
	scripts/valgrind.sh $(BIN)/python $(ARGS)

wheel: $(VENV)/made ## Make the wheel and the source archive, and test the wheel where no compiler is.
	scripts/wheel.sh '$(PYTHON)' $(ARGS)

cross: $(VENV)/made ## Compile the loops for systems that are not here.
	$(PIP) install ziglang $$($(BUILD_REQUIRES))
	$(BIN)/python scripts/cross.py $(ARGS)

test-builds: $(VENV)/test ## Build with Clang, without vectors, and without OpenMP; run tests on each.
	COPIED='$(COPIED)' scripts/builds.sh .builds '$(BUILDS)' $(BIN)/python $(ARGS)

test-arm64: $(VENV)/made ## Compile for ARM, and run a part of the tests in an emulator. For root, on Debian.
	scripts/arm64.sh '$(PYTHON)' $(ARGS)

test-sid: ## Build and test on Debian's newest Python and compilers. For root, on Debian.
	COPIED='$(COPIED)' scripts/sid.sh $(ARGS)

test-floor: $(VENV)/made ## Run all tests with the oldest NumPy and SciPy that imgconv allows.
	scripts/test_versions.sh floor '$(OLDEST_PYTHON)' $(ARGS)

test-newest: $(VENV)/made ## Run all tests with the newest NumPy and SciPy.
	scripts/test_versions.sh newest '$(PYTHON)' $(ARGS)

bench: $(VENV)/bench ## Measure beside other libraries; ARGS="correlate --threads 1" chooses.
	$(BIN)/imgconv bench $(ARGS)

counts: $(VENV)/bench ## Count instructions, and compare them with scripts/counts.json; ARGS=--renew writes it. Needs valgrind.
	$(BIN)/python scripts/counts.py $(ARGS)

tiles: $(VENV)/built ## Measure the tiles of dense kernels here, and write the best sizes to pyx/tile_sizes.h.
	$(PIP) install Cython setuptools numpy
	IMGCONV_LEVELS=$$($(BIN)/python -c 'from imgconv.core import cpu; print(cpu.LEVEL)') $(BIN)/python pyx/tiles.py

lint: $(VENV)/lint ## Check style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH='$(CURDIR)/$(BIN)':"$$PATH" $(BIN)/cython-lint pyx
	$(BIN)/mypy
	$(BIN)/stubtest --mypy-config-file pyproject.toml $$(find $(LOOPS) -name '*.pyi' | sed 's/\.pyi$$//; s,/,.,g')

build: $(VENV)/built ## Compile the loops into this checkout.

clean: ## Remove all that make has made.
	rm -rf $(VENV) build dist docs/_build docs/made imgconv/_loops .sanitize .races .lines .builds .cross .arm64 .sid demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks

# Each step leaves a stamp, and so is done again only when what it depends on has changed.
$(VENV)/made:
	@test -n '$(PYTHON)' || { echo 'no Python 3.11 or later with venv found; make PYTHON=...' >&2; false; }
	'$(PYTHON)' -m venv --clear $(VENV)
	@touch $@

# pip would compile all loops again; it gets the modules alone that have no level.
$(VENV)/built: $(VENV)/made $(SOURCES)
	@echo 'Compiling the loops; this takes a few minutes, once.'
	@$(PIP) install $$($(BUILD_REQUIRES))
	@$(BIN)/python setup.py --quiet build_ext --inplace
	IMGCONV_LEVELS= $(PIP) install --no-build-isolation --editable '.[cli]'
	@touch $@

# pip takes the requirements of an extra from the package that is installed, so nothing is built again.
$(VENV)/test $(VENV)/bench $(VENV)/docs $(VENV)/lint: $(VENV)/%: $(VENV)/built
	$(PIP) install 'imgconv[$(EXTRAS)]'
	@touch $@
$(VENV)/test: EXTRAS := cli,bench,test
$(VENV)/bench: EXTRAS := bench
$(VENV)/docs: EXTRAS := docs
$(VENV)/lint: EXTRAS := lint

$(VENV)/browser: $(VENV)/test
	command -v chromium || { apt-get update && apt-get install -y --no-install-recommends chromium; }
	$(PIP) install playwright
	@touch $@

# The demo measures beside whatever of these can be had without a compiler.
$(VENV)/peers: $(VENV)/built
	-$(PIP) install --only-binary :all: scikit-image opencv-python-headless
	@touch $@

endif
