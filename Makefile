# Every target sets up what it needs by itself. On a fresh machine: make run, make test.

CARGO ?= cargo
HOIST := target/debug/hoist
COMPAT := ../shared/compat
RUNS ?= 100000
TIERS ?= core,node,hard,reject

.PHONY: run test test-live soak compat paths bench deps v8 build fmt lint docs deny ready clean

# Builds hoist and runs an example that imports npm packages.
run: deps
	$(CARGO) run --quiet --bin hoist -- run examples/agent.ts

# Every offline test: the crates' own, and the scenarios against a registry that they start themselves.
test: deps
	$(CARGO) test --workspace --lib --bins --tests

# Real packages from the configured npm registry, and graphs beside npm's own.
test-live: deps build
	$(CARGO) test --test tests -- --ignored live
	node scripts/conformance/run.mjs $(HOIST) $(ONLY)

# Very many runs on one service: what it holds stays flat, and nothing is drawn twice. RUNS=1000 makes it shorter.
soak: deps
	HOIST_SOAK_RUNS=$(RUNS) $(CARGO) test --release --test tests -- --ignored soak --nocapture --test-threads 1

# Real packages and Node's answers, beside the checkout.
compat: build
	@test -d $(COMPAT) || { echo "no $(COMPAT) beside this checkout"; exit 1; }
	node $(COMPAT)/run-compat.mjs --cmd '$(CURDIR)/$(HOIST) run {file} --manifest {deps}' \
		--jobs 2 --timeout 60 --tier $(TIERS) --out target/compat.json $(if $(ONLY),--only $(ONLY))

# Bundles beside esbuild's and rolldown's own command lines, installs beside npm, pnpm and bun, runs beside workerd, bun, deno,
# isolated-vm and node:vm; see BENCHMARKS.md.
bench: deps
	$(CARGO) build --release --bin hoist
	@failed=0; \
	node scripts/bench/run.mjs $(BENCH) || failed=1; \
	node scripts/bench/install.mjs $(BENCH_INSTALL) || failed=1; \
	node scripts/bench/peers.mjs $(BENCH_PEERS) || failed=1; \
	node scripts/bench/once.mjs --corpus $(COMPAT) $(BENCH_ONCE) || failed=1; \
	exit $$failed

# The same programs twice, on a layer of their packages and as whole bundles: both must answer the same.
paths: build
	@test -d $(COMPAT) || { echo "no $(COMPAT) beside this checkout"; exit 1; }
	node scripts/compat/paths.mjs $(COMPAT) $(HOIST) $(ONLY)

# V8's library and libclang; after this a plain cargo build works too.
deps:
	@sh scripts/deps.sh

# V8's library from the v8 crate's source, kept in the user's cache folder; make deps does it where nothing else gives one.
v8:
	@python3 scripts/v8/build.py build

build: deps
	$(CARGO) build --bin hoist

fmt:
	$(CARGO) fmt --all -- --check

lint: deps
	$(CARGO) clippy --workspace --all-targets -- -D warnings

docs: deps
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items

deny:
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; else echo "cargo deny is not installed: skipped"; fi

# What must be green before a change is handed over.
ready: fmt lint test docs

clean:
	$(CARGO) clean
