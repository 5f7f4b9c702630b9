# SPDX-License-Identifier: GPL-3.0-or-later
# make demo [FOOTAGE=clip.mp4]   footage in, Blender scene and preview out
# make test                      set-up, ruff, pyright, pytest
# make extension                 the zips to install in Blender, one a platform, in dist/

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
FOOTAGE ?= demo/clip.mp4
OUT ?= build/demo
BIN := .venv/bin

.PHONY: demo setup test lint types unit extension clean

demo: setup
	mkdir -p "$(OUT)"
	$(BIN)/faceanything reconstruct "$(FOOTAGE)" --out "$(OUT)/take" --overwrite
	$(BIN)/faceanything scene "$(OUT)/take" --out "$(OUT)/scene.blend" --preview "$(OUT)/preview.mp4"
	@echo "scene:   $(abspath $(OUT))/scene.blend"
	@echo "preview: $(abspath $(OUT))/preview.mp4"

setup: .venv/ready

# bpy 4.5 needs exactly Python 3.11.
.venv/ready: pyproject.toml
	python=$$(command -v python3.11 || command -v python3); \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Python 3.11 is needed (bpy 4.5 runs in no other); install python3.11" >&2; exit 2; }; \
	[ -x $(BIN)/python ] || "$$python" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[scene,dev]'
	touch $@

# The stubs of bpy have bpy's own name: they need an environment without it.
.venv-types/ready: pyproject.toml .venv/ready
	[ -x .venv-types/bin/python ] || $(BIN)/python -m venv .venv-types
	.venv-types/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' \
	  fake-bpy-module-4.5==20260730 'numpy>=1.26,<2'
	touch $@

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready .venv-types/ready
	$(BIN)/pyright
	$(BIN)/pyright -p pyrightconfig-blender.json

unit: .venv/ready
	$(BIN)/python -m pytest

test: lint types unit

extension: setup
	$(BIN)/python bundled_wheels/collect.py
	$(BIN)/python bundled_wheels/build.py dist

clean:
	rm -rf build .pytest_cache .ruff_cache
