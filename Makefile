# Doorward. `make` lists what there is to make.
GO       ?= go
BIN      := bin/doorward
DATA     ?= ../shared/data
RACE     := ./policy/... ./ingest/... ./retrieval/... ./sanitize/output/... ./api/...

.DEFAULT_GOAL := help
.PHONY: help run build test race lint bench eval kill

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## See it work: the demo company, four people, three questions; then serve
	$(BIN) demo

build: ## Build the program into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/doorward

test: ## Run all tests
	$(GO) test ./...

race: ## Run the tests of concurrent parts under the race detector
	$(GO) test -race -short $(RACE)

lint: ## Vet, staticcheck, formatting, tidy
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) mod tidy -diff

bench: ## Benchmarks, each with its anchor in the same run
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...

kill: ## Kill an ingest 50 times and compare with an undisturbed one (needs DATA)
	DOORWARD_KILLS=50 DOORWARD_DATA=$(abspath $(DATA)) $(GO) test ./test -run TestKilledIngest -v -timeout 30m

eval: build ## Measure detectors and retrieval on labelled data in DATA (default ../shared/data)
	$(BIN) eval secrets $(DATA)/secrets
	$(BIN) eval pii $(DATA)/pii
	$(BIN) eval injection $(DATA)/injection
	$(BIN) eval retrieval $(DATA)/retrieval/scifact
