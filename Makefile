# Makefile - the short commands. All work is done by cmake and by
# cmake/install-packages; every target is safe to repeat.
#
#   make demo    install what is missing, build, run the demonstration
#   make check   install what is missing, build, run every test
#   make build   build only; programs land in build/bin
#   make stress, make fuzz       longer tiers of tests
#   make format-check, make tidy what `.ci/run` checks of the source text
#   make clean   remove build/

BUILD := build
JOBS ?= $(shell nproc)
CMAKE_FLAGS := -DHWCKPT_WERROR=$(if $(CI),ON,OFF)
CMAKE_BUILD := cmake --build $(BUILD) --parallel $(JOBS)

.PHONY: demo check build stress fuzz format-check tidy format packages clean

demo: build
	@$(CMAKE_BUILD) --target demo

check: build
	@$(CMAKE_BUILD) --target check

stress: build
	@$(CMAKE_BUILD) --target stress

fuzz: build
	@$(CMAKE_BUILD) --target fuzz

build: $(BUILD)/build.ninja
	@$(CMAKE_BUILD)

format-check tidy format: $(BUILD)/build.ninja
	@$(CMAKE_BUILD) --target $@

# Configures anew each time, which is quick: a flag or a new folder then counts.
$(BUILD)/build.ninja: packages
	@cmake -S . -B $(BUILD) -G Ninja $(CMAKE_FLAGS)

packages:
	@cmake/install-packages

clean:
	rm -rf $(BUILD)
