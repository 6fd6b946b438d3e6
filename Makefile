# The commands of the workshop. install/README.md names the same steps one by one,
# for people without make. Works with GNU make 3.81 (macOS) and 4, and with -j.

# What may be set on the command line:
#   PYTHON=python3.12      the Python that makes .venv
#   GPU=1                  install for an NVIDIA GPU; GPU=0 goes back to the CPU
#   CONTENT=... STYLE=...  other pictures for outputs/first_picture.jpg
#   PICTURE_ARGS=...       other options for it
#   LAB_ARGS=...           more options for JupyterLab, as --no-browser
#   TEST_PROCESSES=1       how many run the tests; each takes up to 3 GB of memory
#   PYTEST_ARGS=...        more options for pytest, as -x
#   UV=... UV_ARGS=...     another uv; more options for it, as --upgrade
#   BUNDLE=...             install from this folder or address, without the internet
#   BUNDLE_FOR=...         systems and Pythons of `make bundle`, as windows-3.12
PYTHON ?=
GPU ?=
CONTENT = data/images/content/temple.jpg
STYLE = data/images/style/swirling_night.jpg
PICTURE_ARGS = --size 256 --steps 40
LAB_ARGS =
TEST_PROCESSES = 2
PYTEST_ARGS =
UV ?= uv
UV_ARGS =
BUNDLE ?=
BUNDLE_FOR =

# --- names --------------------------------------------------------------------------

SITE_PYTHON = .venv/bin/python

# GPU=1 is remembered in .venv/extra, so that a later `make test` keeps the GPU build.
REMEMBERED := $(shell cat .venv/extra 2>/dev/null || echo cpu)
CHOSEN := $(if $(filter-out 0 no false,$(GPU)),gpu,cpu)
EXTRA := $(if $(strip $(GPU)),$(CHOSEN),$(REMEMBERED))

# Written last: it is missing after an interrupted install, which is then repeated.
INSTALLED := .venv/installed-$(EXTRA)
# From a bundle: its wheels and nothing else, also where a room serves it over HTTP.
ROOM := $(firstword $(subst /, ,$(patsubst http://%,%,$(filter http://%,$(BUNDLE)))))
FROM_BUNDLE := $(if $(BUNDLE),--no-index --find-links $(BUNDLE)/wheels/ \
    $(if $(ROOM),--trusted-host $(ROOM)))
PIP_INSTALL = .venv/bin/python -m pip install $(FROM_BUNDLE) \
    -c install/requirements.txt -e ".[$(EXTRA),lab,test]"
# The package reads the same variable.
WEIGHTS_FOLDER := $(or $(STYLE_WORKSHOP_DATA),data)/weights
WEIGHTS := $(WEIGHTS_FOLDER)/vgg19.npz $(WEIGHTS_FOLDER)/vgg16.npz
PICTURE := outputs/first_picture.jpg

PYTHONS = $(or $(strip $(PYTHON)),$(shell cat $(BUNDLE)/pythons 2>/dev/null), \
    python3 python3.13 python3.12 python3.11 python3.10)
FITS = import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))
# JupyterLab refuses to start for root, whom a container or a rented machine often has.
# It still listens on this machine only, and still asks for its token.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
START_LAB = .venv/bin/jupyter lab --config=install/jupyter/config.py --ip=127.0.0.1 \
    $(AS_ROOT) $(LAB_ARGS)

.PHONY: help workshop picture test test-fast check notebooks bench-gatys bench-batches \
    bench-fast bench-video bench-memory gallery slides live bundle lan-index site \
    test-site lock clean

# --- targets ------------------------------------------------------------------------

help:  ## this list (also what `make` alone does)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' \
	    $(firstword $(MAKEFILE_LIST))

workshop: picture  ## install, weights, check, first picture, then JupyterLab
	$(START_LAB)

picture: $(PICTURE)  ## the same without JupyterLab, for machines without a screen
	@echo "The picture is $(PICTURE) (remove it to have it made again)."

# Each runs whatever the others say; pytest is last, so that its closing line is too.
test: check  ## install, weights, check, ruff, mypy, then pytest with the notebooks
	$(call LINT_AND_TEST,)

test-fast: check  ## the same without notebooks and slow tests, for every day
	$(call LINT_AND_TEST,-m "not slow" tests)

define LINT_AND_TEST
@lint=0; for check in "ruff check ." "ruff format --check ." mypy; do \
    .venv/bin/python -m $$check || lint=1; done; \
.venv/bin/python -m pytest -n $(TEST_PROCESSES) --dist loadscope $(1) $(PYTEST_ARGS) \
    || exit 1; \
test $$lint = 0 || { echo "ruff or mypy found something: see above."; exit 1; }
endef

check: | $(INSTALLED) $(WEIGHTS)  ## versions, GPU, memory, disk, weights
	.venv/bin/python install/check_environment.py

notebooks: check  ## execute all notebooks again, in place, on the real weights
	.venv/bin/python tests/execute_notebooks.py

bench-gatys: check  ## time the Gatys method against other software
	.venv/bin/python benchmarks/bench_gatys.py

bench-batches: check  ## time reading batches of pictures against other software
	.venv/bin/python benchmarks/bench_batches.py

bench-fast: check  ## time feed-forward networks against other software
	.venv/bin/python benchmarks/bench_fast.py

bench-video: check  ## flicker, time and memory of painted clips
	.venv/bin/python benchmarks/bench_video.py

bench-memory: check  ## memory and time of the Gatys method by size
	.venv/bin/python benchmarks/bench_memory.py

gallery: check  ## paint README's photograph in every style that ships
	.venv/bin/python notebooks/figures/gallery.py

slides: slides/node_modules  ## the two decks as PDF and HTML (needs Node.js, Chromium)
	.venv/bin/python slides/build.py

# JupyterLab runs the cells; the decks are opened beside it, in tabs of the browser.
live: check slides/node_modules  ## the notebooks as decks, beside JupyterLab (Node.js)
	.venv/bin/jupyter nbconvert --to slides --config slides/live_config.py \
	    --output-dir outputs/live notebooks/*.ipynb
	@echo "Open with a browser: outputs/live/*.slides.html"
	$(START_LAB)

bundle: check  ## one archive to install from without a network (about 0.8 GB)
	.venv/bin/python install/bundle.py make $(BUNDLE_FOR) --weights $(WEIGHTS_FOLDER)

lan-index:  ## serve the bundle to a room, until Ctrl-C
	@test -d dist/bundle/wheels || { echo "There is no bundle: make bundle"; exit 1; }
	@echo "On the laptops: make workshop BUNDLE=http://ADDRESS-OF-THIS-MACHINE:8000/bundle"
	.venv/bin/python -m http.server 8000 --directory dist

site: check docs/node_modules/.package-lock.json  ## the reader's site, its playground and VGG's inside (Node.js)
	$(SITE_PYTHON) -c "import myst_nb" 2>/dev/null || \
	    $(SITE_PYTHON) -m pip install -q -e ".[site]"
	$(SITE_PYTHON) docs/stage.py build/pages
	$(SITE_PYTHON) -m sphinx -q -c docs -d build/doctrees build/pages build/html
	$(SITE_PYTHON) -m style_workshop export twelve_styles -o build/twelve_styles.onnx
	cd docs && node playground/build.mjs ../build/twelve_styles.onnx \
	    ../build/html/playground.html
	$(SITE_PYTHON) docs/look_inside/data.py build/look_inside.json
	cd docs && node look_inside/build.mjs ../build/look_inside.json \
	    ../build/html/look_inside.html
	rm -rf site && mv build/html site

test-site: docs/node_modules/.package-lock.json  ## open every page of it in Chromium
	cd docs && npm run types
	SITE_TEST=1 .venv/bin/python -m pytest -p no:cacheprovider tests/test_site.py

docs/node_modules/.package-lock.json: docs/package.json docs/package-lock.json
	cd docs && npm ci --ignore-scripts --no-audit --no-fund

lock:  ## make install/requirements.txt again (needs uv)
	@command -v $(UV) >/dev/null || { \
	    echo "uv is missing: pip install uv, or name it with make lock UV=..."; exit 1; }
	$(UV) pip compile pyproject.toml --universal --python-version 3.10 \
	    --extra cpu --extra gpu --extra lab --extra test \
	    --no-emit-index-url --no-emit-find-links --no-annotate \
	    --custom-compile-command "make lock" $(UV_ARGS) \
	    --quiet --output-file install/requirements.txt

clean:  ## remove outputs/ and caches (not .venv, not the weights)
	@for path in outputs build style_workshop.egg-info \
	    .mypy_cache .pytest_cache .ruff_cache .hypothesis; do \
	    if test -e $$path; then echo "remove $$path"; rm -rf $$path; fi; done
	@find . \( -path ./.venv -o -path ./.git \) -prune -o -type d \
	    \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune \
	    -exec echo remove {} \; -exec rm -rf {} +

# --- files --------------------------------------------------------------------------

# The first line looks for a Python that fits and can make environments (Debian keeps
# that apart), and passes over a pyenv shim without a Python behind it. An environment
# is made anew when its Python does not run or fit any more, or at GPU=1 and GPU=0:
# the two TensorFlow packages hold the same files and spoil each other.
$(INSTALLED): pyproject.toml install/requirements.txt
	@case $(EXTRA)-$$(uname -s) in cpu-*|gpu-Linux) ;; *) \
	    echo "GPU=1 is for Linux with an NVIDIA GPU (on Windows in WSL 2):" \
	        "leave it out, or go back with GPU=0."; exit 1;; esac
	@rm -f .venv/installed-*
	@if .venv/bin/python -c '$(FITS)' 2>/dev/null \
	    && .venv/bin/python -m pip --version >/dev/null 2>&1 \
	    && test "$$(cat .venv/extra 2>/dev/null || echo $(EXTRA))" = $(EXTRA); \
	then exit 0; fi; \
	found=; bare=; for python in $(PYTHONS); do \
	    "$$python" -c '$(FITS)' >/dev/null 2>&1 || continue; \
	    bare=$${bare:-$$python}; \
	    "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || continue; \
	    found=$$python; break; done; \
	if test -z "$$bare"; then \
	    echo "No Python from 3.10 to 3.13 was found (looked for: $(PYTHONS))." \
	        "Install one, or name it: make workshop PYTHON=/path/to/python3.12"; \
	    exit 1; fi; \
	if test -z "$$found"; then \
	    echo "$$bare cannot make environments: its venv module is missing." \
	        "On Debian and Ubuntu: sudo apt install python3-venv. Then make again."; \
	    exit 1; fi; \
	echo "$$found -m venv --clear .venv"; "$$found" -m venv --clear .venv
	@echo $(EXTRA) >.venv/extra
	@echo '$(PIP_INSTALL)'; $(PIP_INSTALL) || { \
	    echo "The install stopped. install/README.md says under 'When something fails'" \
	        "what the lines above mean and what to do."; exit 1; }
	@touch $@

slides/node_modules: slides/package-lock.json
	@command -v npm >/dev/null || { \
	    echo "npm is missing: slides need Node.js 20 or later."; exit 1; }
	cd slides && npm ci
	@touch $@

$(WEIGHTS): $(WEIGHTS_FOLDER)/%.npz: | $(INSTALLED)
	$(if $(BUNDLE),.venv/bin/python install/bundle.py take $(BUNDLE) $@)
	.venv/bin/python -m style_workshop weights $*

$(PICTURE): | check
	.venv/bin/python -m style_workshop stylize $(CONTENT) $(STYLE) -o $@ \
	    --side-by-side $(PICTURE_ARGS)
