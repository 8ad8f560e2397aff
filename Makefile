.DEFAULT_GOAL := help
.PHONY: help run env test test-env chaos fleet bench-proxy bench-slice bench-memory bench-density build generate lint clean tools

GO_VERSION := 1.26
NODE_VERSION := 20.19

# Only bin/local needs root; what it builds in the checkout belongs to whoever runs make.
ROOT := $(if $(filter-out 0,$(shell id -u)),sudo -E env PATH="$$PATH")

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22
	@echo
	@echo "  Settings are taken from the environment: PORT=9000 TRIAL_DAYS=7 make run"

run: build ## start the whole system on this machine; Ctrl-C stops it
	@exec $(ROOT) bin/local run

env: ## print how to reach the running system, as KEY=value lines
	@if [ -x bin/local ]; then exec bin/local env; fi; \
	echo "Error: no system runs from this folder; \`make run\` starts one" >&2; exit 1

test: build ## run every test, beside a running system
	@exec $(ROOT) bin/local test

test-env: build ## keep up what single tests need, and print the variables they read
	@exec $(ROOT) bin/local test-env

chaos: build ## run the fault test: make chaos SEED=7 N=200, FAULTS=runner,postgres for some kinds alone
	@exec $(ROOT) env SEED="$(SEED)" N="$(N)" FAULTS="$(FAULTS)" bin/local chaos

fleet: build ## telemetry made up by a seed, and what the answers find in it: make fleet N=200 SEED=7 DAYS=30 HEALTHY= KEEP=
	@exec $(ROOT) env N="$(N)" SEED="$(SEED)" DAYS="$(DAYS)" HEALTHY="$(HEALTHY)" KEEP="$(KEEP)" bin/local fleet

bench-proxy: build ## the throughput through nginx and the proxy function, as a share of nginx alone
	@exec $(ROOT) bin/local bench-proxy

bench-slice: build ## what one slice weighs: memory awake and asleep, start, image, with and without Chromium
	@exec $(ROOT) bin/local bench-slice

bench-memory: build ## what idle slices hold and what waking them costs, three ways at a time: make bench-memory SLICES=4 IDLE=30m PROFILES="simulated lean"
	@exec $(ROOT) env SLICES="$(SLICES)" IDLE="$(IDLE)" PROFILES="$(PROFILES)" RECORD="$(RECORD)" bin/local bench-memory

bench-density: build ## how many more slices run: make bench-density FIT=8G TIMES=3 IDLE=10m PROFILES=lean ROOM=10G POOL=70
	@exec $(ROOT) env FIT="$(FIT)" TIMES="$(TIMES)" IDLE="$(IDLE)" PROFILES="$(PROFILES)" ROOM="$(ROOM)" POOL="$(POOL)" bin/local bench-density

build: tools ## build the Go programs into bin/
	@echo "Building the Go programs"
	@go build -o bin/ ./deploy/local ./functions ./runner

generate: tools ## write the generated code anew
	go generate ./...

lint: build ## check style and types, in Go and TypeScript
	@exec $(ROOT) bin/local lint

clean: build ## remove what was built, and the state of systems that do not run
	@$(ROOT) bin/local clean
	rm -rf bin web/dist slice/dist

tools:
	@deploy/check-tools $(GO_VERSION) $(NODE_VERSION)
