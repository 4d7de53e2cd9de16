# The ways in, for people; Meson does the building. Every target first makes sure of its dependencies (scripts/deps).
# JOBS=2 suits a laptop that is also doing something else.
JOBS ?= 2
PREFIX ?= /usr/local
export JOBS

.PHONY: all demo test sim crash mutants fuzz bench lint format install clean help

all:
	@scripts/build build

demo: all
	@examples/demo/run

test:
	@scripts/run-tests

# A thousand universes, or SEEDS=n of them, or the one of SEED=n again, in full.
sim:
	@scripts/build build-test
	@build-test/tests/sim/sim $(if $(SEED),--seeds 1 --seed $(SEED) --trace,--seeds $(or $(SEEDS),1000))

# kill -9 at random CYCLES times, then at every store operation.
crash: all
	@scripts/stage tests/crash/run

# Every planted mutant must be caught.
mutants:
	@scripts/mutants

# Every fuzzer for SECONDS (60).
fuzz:
	@scripts/fuzz

bench: all
	@build/baton bench

lint:
	@scripts/lint

format:
	@scripts/format

install: all
	@meson configure build -Dprefix='$(PREFIX)'
	@meson install -C build --destdir "$(DESTDIR)"

clean:
	rm -rf build build-test build-asan build-tsan build-fuzz build-lint

help:
	@echo 'make           build/baton'
	@echo 'make demo      a workflow runs, is killed with -9 half way, comes back and explains itself'
	@echo 'make test      every test; ends with "N passed, N failed"'
	@echo 'make sim       simulated universes: SEEDS=n of them (1000), or one again: SEED=n'
	@echo 'make crash     kill -9 against the real binary and an outside ledger: CYCLES=n (200)'
	@echo 'make mutants   planted bugs, each of which must be caught'
	@echo 'make fuzz      every fuzzer for SECONDS=n (60)'
	@echo 'make bench     durable steps per second, beside the limits of the same disk'
	@echo 'make lint      format, clang-tidy, layering, purity, banned functions, longest functions'
	@echo 'make format    clang-format over the files that have no uncommitted change'
	@echo 'make install   to PREFIX (/usr/local), below DESTDIR if set'
	@echo 'make clean     removes the build directories'
