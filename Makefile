# Doorward. `make` lists what there is to make.
GO       ?= go
BIN      := bin/doorward
DATA     ?= ../shared/data
RACE     := ./policy/... ./ingest/... ./retrieval/... ./sanitize/output/... ./api/...

.DEFAULT_GOAL := help
.PHONY: help run build test race lint bench eval gate train redteam lofo split-payloads kill audit-tamper erasure audit-bench planted policy-fuzz policy-mutants policy-revoke splits envelopes reference renderers differential extraction hidden hostile fuzz fuzz-api test-index-heavy test-qdrant bench-index workers clients
.PHONY: bench-ingest unchanged restart million
.PHONY: drain release image soak overload faults bench-service

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## See it work: the demo company, four people, three questions; then serve
	$(BIN) demo

build: ## Build the program into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -tags "$(TAGS)" -o $(BIN) ./cmd/doorward

test: ## Run all tests
	$(GO) test -timeout 30m ./...

race: ## Run the tests of concurrent parts under the race detector
	$(GO) test -race -short $(RACE)
	$(GO) test -race -short -run Pushes ./cmd/internal/app

lint: ## Vet, staticcheck, formatting, tidy
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) mod tidy -diff

bench: ## Benchmarks, each with its anchor in the same run
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...

eval: build ## Measure detectors and retrieval on labelled data in DATA (default ../shared/data)
	$(BIN) eval secrets $(DATA)
	$(BIN) eval pii $(DATA)
	$(BIN) eval injection $(DATA)
	$(BIN) eval retrieval $(DATA)/retrieval/scifact

gate: build ## The same against thresholds; fails when one is missed
	for k in secrets pii injection; do $(BIN) eval $$k $(DATA) --gate cmd/internal/eval/gates.yaml || exit $$?; done

redteam: build ## Try the catalogue of disguises and forgeries; fails when a deterministic one gets through
	$(BIN) redteam --gate

train: build ## Train the injection model anew and write its card
	$(BIN) train --from $(DATA) --out sanitize/injection --card docs/detector-card.md

lofo: ## Judge the injection model with each family left out
	DOORWARD_DATA=$(abspath $(DATA)) DOORWARD_LOFO=1 $(GO) test -run Leave -v -timeout 30m ./cmd/internal/train

split-payloads: ## Cut 1,000 payloads where the chunker may cut; what is found whole must be found in the parts
	DOORWARD_TEST_SPLITS=1000 $(GO) test -run SplitPayloads -count=1 -v -timeout 30m ./cmd/internal/redteam

audit-tamper: ## 10,000 alterations of the audit log, every one to be found
	DOORWARD_TAMPER=10000 $(GO) test ./policy/audit/tlog -run EveryAlteration -count=1 -v -timeout 30m

erasure: ## Erase a person's hundred documents and look for what is left, also on a real Qdrant where DOORWARD_TEST_QDRANT_BIN names one
	$(GO) test ./cmd/doorward -run 'ErasedMeans|ErasedFromQdrant' -count=1 -v -timeout 30m

audit-bench: ## Rate of verifying the audit log; throughput of retrieval with and without it
	$(GO) test ./policy/audit/tlog -run '^$$' -bench Verify -benchtime 5x
	$(GO) test ./retrieval -run '^$$' -bench DurableAudit -benchtime 1x

planted: ## 10,000 planted secrets and personal data: none readable on disk after ingest
	DOORWARD_PLANTED=10000 $(GO) test ./test -run TestPlantedIngest -v -timeout 30m

kill: ## Kill an ingest 50 times and compare with an undisturbed one
	DOORWARD_KILLS=50 DOORWARD_DATA=$(abspath $(DATA)) $(GO) test ./test -run TestKilledIngest -v -timeout 30m

.PHONY: kills syscalls rescans bitflips
# On: SQLite one process, or PostgreSQL (needs it) two workers.
KILLED ?= TestKills$$$$|TestSameBatch$$$$|TestKillsShared$$$$|TestSameBatchShared$$$$
kills: ## Kill an ingest of 10,000 documents 1,000 times, on SQLite and by two workers on PostgreSQL; the same batch ten times by eight writers (KILLS=n, KILL_DOCUMENTS=n)
	DOORWARD_KILLS=$(or $(KILLS),1000) DOORWARD_KILL_DOCUMENTS=$(or $(KILL_DOCUMENTS),10000) DOORWARD_BATCHES=10 DOORWARD_BATCH_DOCUMENTS=$(or $(BATCH_DOCUMENTS),1000) \
	$(GO) test ./cmd/internal/app -run '$(KILLED)' -count=1 -v -timeout 120m

syscalls: ## Fail, fill the disk or kill at every system call of an ingest (Linux on amd64; PART=k/n)
	DOORWARD_SYSCALLS=all DOORWARD_SYSCALLS_PART=$(PART) $(GO) test ./cmd/internal/app -run TestSyscalls -count=1 -v -parallel 2 -timeout 90m

rescans: ## Scan 100,000 documents again while queries go on (COUNT)
	DOORWARD_RESCAN=$(or $(COUNT),100000) $(GO) test ./cmd/internal/app -run TestRescanRate -count=1 -v -timeout 60m

bitflips: ## Turn 10,000 bits of the catalog: all found, or nothing stored changed; and of the index's segments: all found, and made anew (FLIPS=n)
	DOORWARD_BITFLIPS=$(or $(FLIPS),10000) $(GO) test ./retrieval/index/sqlite -run TestFlippedBitsOfSegments -count=1 -v -timeout 60m
	DOORWARD_BITFLIPS=$(or $(FLIPS),10000) $(GO) test ./cmd/internal/app -run TestBitFlips -count=1 -v -timeout 60m

policy-fuzz: ## 1,000,000 random policy decisions, four ways
	DOORWARD_FUZZ=1000000 $(GO) test -count=1 -timeout 60m -run PolicyFuzz -v ./test

policy-mutants: ## Seed mistakes into the shipped policies; their tests must notice
	DOORWARD_FUZZ=1 $(GO) test -count=1 -run Mutants -v ./policy/rego

policy-revoke: ## 10,000 revocations under 64 readers
	DOORWARD_TRIALS=10000 $(GO) test -count=1 -timeout 30m -run Revocation -v ./policy/rego

splits: ## 1,000,000 random splits of answers; planted matches with the real scanners
	DOORWARD_SPLITS=1000000 $(GO) test -timeout 60m -run ManySplits -v ./sanitize/output
	DOORWARD_SPLITS=200000 DOORWARD_PLANTED=10000 $(GO) test -timeout 60m -run Planted -v ./test

envelopes: ## 1,000,000 fuzzed prompts re-parse to their segments
	DOORWARD_ENVELOPES=1000000 $(GO) test -timeout 60m -run EveryEnvelope -v ./retrieval/prompt

reference: ## Write docs/api-reference.md and docs/problems.md anew from the API's contract
	DOORWARD_UPDATE=1 $(GO) test -count=1 -run Current ./api/contract

.PHONY: cards
cards: ## Write docs/data-card.md and docs/policy-card.md anew
	DOORWARD_UPDATE=1 $(GO) test -count=1 -run CardsAreCurrent ./cmd/doorward

drain: ## End a service under load 200 times: every accepted request is answered, every stream says how it ended
	DOORWARD_DRAINS=200 $(GO) test ./test -count=1 -run TestDrain -v -timeout 30m

soak: ## Use a service for two hours while policy, keys and certificate are replaced; growth of memory, goroutines, files (SOAK=duration RATE=requests a second)
	DOORWARD_SOAK=$(or $(SOAK),2h) DOORWARD_SOAK_RATE=$(or $(RATE),20) $(GO) test ./test -count=1 -run 'TestSoak$$' -v -timeout 30h

overload: ## Ask twice what a service can answer for ten minutes; for two with a processor of its own (OVERLOAD=duration)
	DOORWARD_OVERLOAD=$(or $(OVERLOAD),10m) $(GO) test ./test -count=1 -run 'TestOverload$$|TestOverloadApart$$' -v -timeout 60m

faults: ## A faulty network before PostgreSQL, index, embedding server, model and key management of a running service (needs PostgreSQL)
	DOORWARD_FAULTS=all $(GO) test ./test -count=1 -run 'TestFaults$$|TestKeyServiceFaults$$' -v -timeout 30m

bench-service: ## Secured queries a second over HTTP beside gin's floor; what security adds to one query (SERVICE=duration)
	DOORWARD_SERVICE=$(or $(SERVICE),60s) $(GO) test ./test -count=1 -run 'TestServiceRate$$' -v -timeout 30m
	$(GO) test ./retrieval -run '^$$' -bench SecuredQuery -benchtime 500x

.PHONY: sbom reproducible vulnerabilities cloud packaging
VERSION ?= $(shell git describe --tags --always 2>/dev/null)
RELEASE  = CGO_ENABLED=0 GOOS=linux $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -buildid= -X main.released=$(VERSION)'
release: ## Static binaries for both architectures, the same bytes wherever they are built, with a bill of materials and hashes
	for arch in amd64 arm64; do GOARCH=$$arch $(RELEASE) -o bin/doorward-linux-$$arch ./cmd/doorward || exit $$?; done
	$(MAKE) sbom
	cd bin && sha256sum doorward-linux-* > SHA256SUMS

sbom: ## The bill of materials (CycloneDX) of the program
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 app -json -licenses -noserial -main cmd/doorward -output bin/doorward-linux-sbom.cdx.json .

reproducible: ## Build the release in two places and compare the bytes
	DOORWARD_RELEASE=1 $(GO) test ./test -run ReleaseIsReproducible -count=1 -v -timeout 60m

vulnerabilities: ## Known vulnerabilities that the program can reach (govulncheck and its public database)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...

cloud: ## The program with cloud key services and buckets (-tags cloud), vetted
	$(GO) vet -tags cloud ./policy/keys/... ./ingest/source/... ./cmd/...
	CGO_ENABLED=0 $(GO) build -trimpath -tags cloud -o bin/doorward-cloud ./cmd/doorward
	@ls -l bin/doorward-cloud

packaging: ## Check the packages' files with the tools that read them, where they are installed
	$(GO) run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 .github/workflows/*.yaml
	$(GO) test ./test -run 'Packag|EmptyRoot|WorkflowIsPinned' -count=1 -v -timeout 30m

image: build ## A container image of the static binary (needs docker, podman or buildah)
	cp /etc/ssl/certs/ca-certificates.crt bin/
	tool=$$(command -v podman || command -v docker || command -v buildah) && $$tool build -f configs/packaging/Containerfile -t doorward .

renderers: ## Judge filtered answers by JavaScript renderers (needs node and npm)
	dir=$$(mktemp -d) && cp -r test/renderers/. $$dir && (cd $$dir && npm install --no-audit --no-fund) && \
	DOORWARD_RENDERERS=$$dir DOORWARD_MARKUP=100000 $(GO) test ./test -run 'Exfil|RandomMarkup' -v -timeout 60m; rm -rf $$dir

differential: ## Same findings as the gitleaks library on 50 MB of real documents, and its speed beside ours
	DOORWARD_CORPUS_MB=50 $(GO) test -run SameFindings -v -timeout 60m ./sanitize/secret
	DOORWARD_CORPUS_MB=50 $(GO) test -run '^$$' -bench AgainstLibrary -benchtime 1x -timeout 60m ./sanitize/secret

extraction: build ## How much of 10,000 documents simulated walkers get, and how many ordinary sessions the quotas trouble
	$(BIN) eval extraction

bench-ingest: ## Throughput of ingest and of pushed documents, with each step alone beside it (COUNT documents)
	DOORWARD_DATA=$(abspath $(DATA)) DOORWARD_BENCH_INGEST=$(or $(COUNT),1200) $(GO) test -count=1 -timeout 30m -run 'TestThroughput$$' -v ./cmd/internal/app

unchanged: ## Ingest 100,000 documents again, unchanged; change a mapping; restart (COUNT)
	DOORWARD_BENCH_UNCHANGED=$(or $(COUNT),100000) $(GO) test -count=1 -timeout 60m -run 'TestUnchanged$$' -v ./cmd/internal/app

restart: ## Fill an index with 100,000 chunks of ordinary size and open it again (COUNT chunks)
	DOORWARD_DATA=$(abspath $(DATA)) DOORWARD_BENCH_RESTART=$(or $(COUNT),100000) $(GO) test -count=1 -timeout 60m -run 'TestRestart$$' -v ./cmd/internal/app

million: ## Ingest 1,000,000 small documents and follow memory (COUNT)
	DOORWARD_BENCH_MILLION=$(or $(COUNT),1000000) $(GO) test -count=1 -timeout 8h -run 'TestMillion$$' -v ./cmd/internal/app

hidden: ## Every hidden-text file through the program: reported, in no chunk, nowhere on disk
	DOORWARD_HIDDEN=all $(GO) test ./test -run 'TestHiddenThroughTheProgram$$' -count=1 -v -timeout 10m

hostile: ## Hostile files through the program and against the extractors, hostile texts against the scanners
	DOORWARD_HOSTILE=10 $(GO) test ./test -run 'TestHostile(Folder|Pushes)$$' -count=1 -v -timeout 30m
	DOORWARD_HOSTILE=10 $(GO) test -timeout 10m -run TestHostileFiles ./ingest/extract
	DOORWARD_HOSTILE_MB=100 $(GO) test -timeout 2h -run HostileTextsTakeLinear ./sanitize/secret
	DOORWARD_LINEAR_MB=100 $(GO) test -timeout 60m -run Linear -v ./sanitize/pii

FUZZTIME ?= 60s
fuzz: ## Every fuzz target for FUZZTIME (default 60s)
	for f in $$(git grep -l '^func Fuzz' -- '*_test.go'); do for t in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$f); do \
	$(GO) test ./$$(dirname $$f) -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x || exit $$?; done; done

fuzz-api: ## Random requests to the HTTP API for FUZZTIME, as six kinds of callers: how many, which statuses, leaks (FuzzAPI, guided by coverage, is in `make fuzz`)
	DOORWARD_FUZZ_API=$(FUZZTIME) $(GO) test ./cmd/doorward -run 'TestDoorsAtRandom$$' -count=1 -v -timeout 5h

test-index-heavy: ## Kills, a million filter decisions and non-interference on the embedded index
	DOORWARD_TEST_KILLS=200 DOORWARD_TEST_TRIPLES=1000000 DOORWARD_TEST_ANSWERS=10000 $(GO) test -timeout 60m -v ./retrieval/index/sqlite

workers: ## 2,000 documents by several workers, one killed; throughput of two beside one (needs PostgreSQL)
	DOORWARD_WORKERS=$(or $(COUNT),2000) $(GO) test ./test -count=1 -run 'TestWorkers' -v -timeout 30m

test-qdrant: ## The index suite on a real server: DOORWARD_TEST_QDRANT=host:port (docker run qdrant/qdrant)
	$(GO) test -timeout 60m -v ./retrieval/index/qdrant

bench-index: ## 100,000 chunks in the embedded index
	DOORWARD_TEST_SCALE=100000 $(GO) test ./retrieval/index/sqlite -run Scale -v -timeout 30m

clients: ## Run OpenAI, MCP, LangChain, curl, Python and Go clients against a running service
	DOORWARD_CLIENTS=1 $(GO) test ./test/clients -count=1 -v -timeout 15m

.PHONY: rollback
rollback: ## Roll back a batch of 10,000 chunks; catalog and index as before it
	DOORWARD_ROLLBACK=10000 $(GO) test ./cmd/internal/app -run 'TestRollBack$$' -count=1 -v -timeout 30m

.PHONY: poisoning
poisoning: ## Attackers' texts through the whole service: how often they win, what the signals tell, a flood, magnets
	DOORWARD_POISONING=1 DOORWARD_DATA=$(abspath $(DATA)) $(GO) test ./cmd/internal/app -run 'TestPoisoning$$' -count=1 -v -timeout 60m
