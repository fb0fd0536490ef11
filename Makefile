# `make` alone lists what can be done. Each target sets up what it needs.
BUN := node_modules/.bin/bun
TARGET ?=
OUT := dist/nethsec$(if $(TARGET),-$(TARGET))
SOURCES := $(shell find packages -name '*.ts' -not -path '*/node_modules/*' -o -path '*/web/*' -type f -not -path '*/node_modules/*' 2>/dev/null)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## npm and Debian packages, whatever is missing
	@scripts/setup.sh

npm:
	@scripts/setup.sh npm-only

build: npm $(OUT) ## dist/nethsec; TARGET=linux-x64-musl, linux-arm64 or linux-arm64-musl for the others

$(OUT): $(SOURCES) package-lock.json
	@mkdir -p dist
	@$(if $(TARGET),runtime=$$($(BUN) scripts/runtime.ts $(TARGET)) &&) $(BUN) build --compile --bytecode --splitting --format=esm \
		--minify-syntax --minify-whitespace --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
		$(if $(TARGET),--target=bun-$(TARGET) --compile-executable-path="$$runtime") packages/cli/src/main.ts --outfile $(OUT).new
	@mv $(OUT).new $(OUT)

include packaging/packages.mk

test: setup build lint ## everything: lint, unit, property and lab tests (root)
	@lab/root/enter $(BUN) scripts/test.ts all

test-unit: npm ## what needs no root, in less than 30 s
	@$(BUN) scripts/test.ts unit

lint: npm lint-code lint-shell lint-walls lint-format lint-types lint-unused ## code, format, types, unused code; what may import what

lint-code: npm
	@node_modules/.bin/oxlint -c .oxlintrc.json --deny-warnings packages lab scripts packaging

lint-shell:
	@scripts/lint-shell.sh

lint-walls: npm
	@$(BUN) scripts/walls.ts

lint-format: npm
	@node_modules/.bin/oxfmt --check packages lab scripts packaging

lint-types: npm
	@node_modules/.bin/tsc -p .
	@node_modules/.bin/tsc -p packages/report/tsconfig.browser.json

lint-unused: npm
	@node_modules/.bin/knip --no-config-hints

format: npm ## put the code into its format
	@node_modules/.bin/oxfmt packages lab scripts packaging

demo: setup build ## two firewalls, a power cut, what the client saw; DEMO=--keep leaves it running
	@lab/lab demo $(DEMO)

FAILOVERS ?= 50
bench-ha: setup build ## failover figures of the lab, 50 each timing; FAILOVERS=N for fewer
	@lab/root/enter $(BUN) lab/bench/ha.bench.ts $(FAILOVERS)

bench: setup build ## figures as ratios against a baseline of the same run
	@for bench in packages/*/bench/*.bench.ts; do lab/root/enter $(BUN) $$bench || exit 1; done

clean: ## remove what was built
	@rm -rf dist .cache screenshots

root: ## a Debian root for lab and tests in ~/.cache/nethsec-lab: then nothing is installed on this machine
	@lab/root/build

clean-root: ## remove the root of lab and tests, and the packages downloaded for it, from the cache folder
	@lab/root/build --remove

.PHONY: help setup npm build demo test test-unit lint lint-code lint-shell lint-walls lint-format lint-types lint-unused format bench bench-ha clean root clean-root
.DEFAULT_GOAL := help
