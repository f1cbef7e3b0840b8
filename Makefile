# Needs Go, Node and make; everything else is installed by the targets themselves.
.DEFAULT_GOAL := help
.PHONY: help run build page binary test lint lint-go lint-page test-go postgres torture fuzz test-page e2e screenshots demo pictures release compiler traefik bench bench-list bench-ingest bench-backup bench-copies torture-copies dev openapi
# The steps share files (the generated types, the built page), so they run one after the other, also under make -j.
.NOTPARALLEL:

# Arguments of the program that a target runs: make run ARGS="--listen 127.0.0.1:9000".
ARGS ?=

version := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
commit  := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
# Where the program goes.
program ?= bin/tokentab
ldflags := -X tokentab/backend/command.Version=$(version) -X tokentab/backend/command.Commit=$(commit)

go_sources   := $(wildcard *.go backend bench copies demo deploy docs release)
# Folders too: they change when a file is removed.
page_sources := $(shell find frontend deploy -not -path 'frontend/dist*' -not -name '*.gen.d.ts') vite.config.ts tsconfig.json
installed    := node_modules/.package-lock.json
page         := frontend/dist/index.html

say = @printf '\n==> %s\n'

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Build everything and serve the page on http://127.0.0.1:8080; options by ARGS="--listen …".
	$(say) "Serving; Ctrl-C stops it"
	@bin/tokentab serve $(ARGS)

demo: build ## Serve a throw-away account with sixty tokens and a month of use; options by ARGS="--listen …".
	$(say) "Filling a throw-away account"
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	password=$$(od -An -N9 -tx1 /dev/urandom | tr -d ' \n') && \
	go run ./demo "$$folder" "$$password" && \
	printf '\n==> Sign in as ada@northwind.example, password %s. Ctrl-C removes everything\n' "$$password" && \
	$(program) serve --data "$$folder" $(ARGS)

build: page binary ## Build the page and the program, bin/tokentab.

page: $(page)
$(page): $(installed) $(page_sources)
	$(say) "Building the page"
	npm run build

$(installed): package.json package-lock.json .npmrc
	$(say) "Installing the packages of the page"
	npm ci
	@touch $@

binary:
	$(say) "Building $(program) $(version)"
	go build -ldflags '$(ldflags)' -o $(program) .

test: lint test-go fuzz test-page e2e ## Run every check: linters, Go tests, fuzzing, page tests and the browser tests.
	$(say) "Everything passed"

lint: lint-go lint-page ## Check the format and look for mistakes, in Go and in the page.

lint-go:
	$(say) "Checking the Go code: gofmt, go vet, staticcheck"
	@wrong=$$(gofmt -l $(go_sources)) && if [ -n "$$wrong" ]; then printf 'gofmt would change:\n%s\n' "$$wrong"; exit 1; fi
	go vet ./... && go -C deploy/envoy vet ./... && go -C deploy/traefik/ext vet ./...
	go tool staticcheck ./...

lint-page: $(installed)
	$(say) "Checking the page's code: Biome, TypeScript"
	npm run lint

# SQLite is C translated to Go, and scrypt only computes; looking for races in them as well takes most of the time of the tests.
# What go test vets, lint-go has. The race detector alone needs C.
race := CGO_ENABLED=1 go test -vet=off -race -gcflags='modernc.org/...=-race=false' -gcflags='golang.org/x/crypto/scrypt=-race=false'

# Users get a program without C and without the paths of its source. Linters and tests compile the same, so Go does it once.
export CGO_ENABLED := 0
export GOFLAGS += -trimpath

# A process with the race detector would wait a second at its end.
export GORACE := atexit_sleep_ms=0

cores := $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)

# What reaches the database through the store, the slowest first.
on_postgres := ./backend/api ./backend ./backend/store ./backend/validation ./backend/web ./backend/mail ./backend/live

# The tests of many goroutines that change and validate tokens, report spans or sign in at once.
concurrent := 'Promise1[^0-9]|AtOnce'

# The first run looks for races in all packages, but not in memory outside the Go heap; those of copies are on Postgres. What else
# differs there runs without the race detector, which takes most of the time, but for the tests of many goroutines. Tests wait for
# other programs, most of all for Postgres, so more of them than processors go on at once, and those of copies begin first. With
# many more, statements on Postgres would reach the time that the store gives them on a slow machine.
test-go: compiler postgres
	$(say) "Testing the Go code with the race detector"
	$(race) -p $$(($(cores) * 3 / 2)) -timeout 30m ./copies ./...
	go test -vet=off ./backend/memory
	$(say) "Testing what reaches the database on Postgres"
	export TOKENTAB_TEST_STORE=postgres; $(race) -p 1 -timeout 30m -run $(concurrent) $(on_postgres) & \
	go test -vet=off -p $(cores) -parallel $$(($(cores) * 2)) -timeout 30m -skip $(concurrent) $(on_postgres); others=$$?; wait $$! && exit $$others
	cd deploy/envoy && go test -count=1 ./...

# How often the program is killed at random moments.
KILLS ?= 250

torture: compiler ## Change tokens under load, and kill the program while agents report, for several minutes.
	$(say) "Testing revocation and what agents report at length"
	$(race) -count=1 -timeout 60m -run 'Promise1|EverySpan|AgentsThatReport' -v . ./backend -torture
	$(say) "Killing the program, and failing its disk, database, descriptors and statements"
	go test -count=1 -timeout 30m -run 'RandomKills|Disk|LockedDatabase|TooFewDescriptors|AFailureOfAnyStatement' -v . ./backend/store -torture -kills $(KILLS)

# How many changes of tokens the torture of copies makes.
CHANGES ?= 20000

torture-copies: ## Change and validate tokens through three copies on one Postgres while they fail, for several minutes.
	$(say) "Testing copies on one Postgres at length"
	go test -count=1 -timeout $$((20 + $(CHANGES) / 400))m -v ./copies -torture -changes $(CHANGES)

# How long each fuzz target runs.
FUZZTIME ?= 3s

# All targets are built at once, because two of a package would compile it twice, and run on as many processors as there are. With
# -fuzz, go would count what is reached in SQLite, too, which takes seven eighths of the time; only the project's own code is
# counted here. The minimum of an interesting input is worth less than more inputs: by default the engine looks for one for 60 s.
fuzz: ## Look for inputs that break what parses them; each target for 3 s, or as FUZZTIME="5m" says.
	$(say) "Fuzzing each parser for $(FUZZTIME)"
	@programs=$$(mktemp -d) && trap 'rm -rf "$$programs"' EXIT && \
	targets=$$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9]+' backend docs | sed 's|/[^/]*:func | |' | sort) && \
	go test -vet=off -c -o "$$programs/" -gcflags='tokentab/...=-d=libfuzzer' $$(printf '%s\n' "$$targets" | sed 's|^|./|; s| .*||' | uniq) && \
	export programs cache="$$(go env GOCACHE)/fuzz/tokentab" && \
	printf '%s\n' "$$targets" | xargs -P $(cores) -n 2 sh -c '\
		log=$$(cd "$$0" && "$$programs/$${0##*/}.test" -test.run "^$$" -test.fuzz "^$$1$$" -test.fuzztime $(FUZZTIME) \
			-test.fuzzminimizetime 100x -test.parallel 1 -test.fuzzcachedir "$$cache/$$0" -test.paniconexit0 2>&1) && failed=0 || failed=255; \
		printf "%s in %s:\n%s\n" "$$1" "$$0" "$$log"; \
		if [ $$failed != 0 ] && printf "%s\n" "$$log" | grep -q "^ *context deadline exceeded$$" && ! printf "%s\n" "$$log" | grep -Eq "Failing input|panic"; then \
			echo "No input failed: the engine missed its own deadline, see go.dev/issue/75804"; failed=0; \
		fi; \
		exit $$failed'

test-page: $(installed)
	$(say) "Testing the page"
	npm test

e2e: build ## Run the browser tests against bin/tokentab; some of them by ARGS="setup".
	$(say) "Testing in Chromium"
	@chromium=$$(e2e/chromium.sh) && CHROMIUM="$$chromium" npm run e2e -- $(ARGS)

screenshots: build ## Take a picture of every page and state, in e2e/screenshots.
	$(say) "Taking pictures"
	@chromium=$$(e2e/chromium.sh) && CHROMIUM="$$chromium" npm run screenshots

pictures: build ## Take the pictures of the README and docs from the demo's account.
	$(say) "Taking pictures of the demo"
	@chromium=$$(e2e/chromium.sh) && CHROMIUM="$$chromium" npm run pictures

# The time of the commit, so that building it again gives the same bytes.
epoch ?= $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null))

release: page ## Build archives for Linux, macOS and Windows in dist, with checksums, a bill of materials and the man page.
	$(say) "Building the archives of $(version)"
	go run ./release -version '$(version)' -epoch '$(epoch)' -ldflags '$(ldflags)'

postgres:
	@[ -n "$(TOKENTAB_TEST_DATABASE_URL)" ] || e2e/postgres.sh >/dev/null

compiler:
	@e2e/need.sh "$$(go env CC)" "The race detector of Go needs a C compiler." gcc libc6-dev >/dev/null

traefik: bin/traefik ## Run the shipped files in the real Traefik: the first time 1.5 GB to fetch and minutes to compile.
	$(say) "Testing traefik.yml in Traefik"
	go test ./deploy -traefik=$(CURDIR)/bin/traefik -run /Traefik

bin/traefik: $(wildcard deploy/traefik/*)
	$(say) "Building Traefik"
	deploy/traefik/build.sh $@

bench: ## Compare validation with a bare server of the same framework; options, such as an older program, by ARGS=….
	$(say) "Measuring"
	@bench/bench.sh $(ARGS)

bench-list: binary ## Measure lists of 1,000,000 tokens: each search, filter and order, and each pair of them.
	$(say) "Measuring lists"
	@go run ./bench list $(program) 1000000 20

bench-ingest: binary ## Measure what agents report, then lists and retention of 1,000,000 spans.
	$(say) "Measuring spans: as they arrive, and when there are many"
	@go run ./bench ingest $(program) 10
	@go run ./bench spans $(program) 1000000

bench-backup: binary ## Measure a backup of 1,000,000 tokens, and validations meanwhile.
	$(say) "Measuring backups"
	@go run ./bench backup $(program) 1000000 3

bench-copies: ## Compare copies on Postgres with SQLite, and with one row read for each validation.
	$(say) "Measuring copies on one Postgres"
	@e2e/need.sh wrk "The load comes from wrk." wrk >/dev/null
	@go test -count=1 -timeout 30m -run '^$$' -bench Copies -benchtime 1x ./copies

dev: $(installed) binary ## Work on the page: Vite on http://localhost:5173, with the API of a server on port 8080.
	$(say) "Serving the API on port 8080 and the page, reloaded as it changes, on port 5173"
	@bin/tokentab serve --public-url http://localhost:5173 $(ARGS) & server=$$!; \
	trap 'kill $$server; wait $$server' EXIT; npm run dev -- --port 5173 --strictPort

openapi: ## Update frontend/openapi.json after a change of the API.
	$(say) "Writing frontend/openapi.json"
	go test ./backend/api -run Document -update
