# Thin on purpose: every target calls a script of tools/ that also works alone.
#   make build    the engine, build/release/levin (installs the Debian packages it lacks)
#   make demo     build, then read a document and answer questions about it
#   make train    the trainer, build/release/levin-train (installs LibTorch if it is not there)
#   make model    the trainer, then models/mini, its control and its demo from nothing (hours; tables and
#                 model cards: make -f recipes/mini/Makefile card)
#   make test     build and run every test
#   make goldens  compare with DeepSeek's official code and print the comparison as a table
#   make lint     format, clang-tidy on changed files (LINT=--all: on all), module order, sizes
.PHONY: build demo train model test goldens asan tsan fuzz lint bench coverage clean
.DEFAULT_GOAL := build

build:
	@tools/install_deps.sh engine
	@tools/build.sh release $(if $(wildcard build/release/build.ninja),,-DLEVIN_TESTS=OFF) levin

demo: build
	@tools/install_deps.sh demo
	@tools/demo.sh

train:
	@tools/install_deps.sh engine train
	@tools/build.sh release -DLEVIN_TRAIN=ON $(if $(wildcard build/release/build.ninja),,-DLEVIN_TESTS=OFF) levin levin-train

model: train
	@$(MAKE) --no-print-directory -f recipes/mini/Makefile

test:
	@tools/install_deps.sh engine train test
	@tools/test.sh

goldens:
	@tools/install_deps.sh engine test
	@tools/build.sh release -DLEVIN_TESTS=ON levin_golden_tables
	@build/release/levin_golden_tables

asan tsan:
	@tools/install_deps.sh engine test sanitize
	@tools/build.sh $@
	@tools/ctest.sh $@

fuzz:
	@tools/install_deps.sh engine sanitize
	@tools/build.sh fuzz
	@fuzz/run.sh $${LEVIN_FUZZ_SECONDS:-20}

lint:
	@tools/install_deps.sh engine test lint
	@tools/lint.sh $(LINT)

bench:
	@tools/install_deps.sh engine bench
	@tools/build.sh bench
	@tools/bench.sh

coverage:
	@tools/install_deps.sh engine test coverage
	@tools/coverage.sh

clean:
	rm -rf build
