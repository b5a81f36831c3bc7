# What people and pipelines type; each line also works by hand.
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: demo test check docs bench bench-compare bench-load bench-services bench-data fuzz fuzz-api

# The whole sample system with the proxy and traffic, in one process: make demo ARGS="--rate 50"
demo:
	@deploy/packages.sh build
	cargo run --release --locked -- $(ARGS)

test:
	@deploy/packages.sh build test
	@if cargo nextest --version >/dev/null 2>&1; then \
	  set -x; cargo nextest run --workspace --locked; \
	else \
	  set -x; cargo test --workspace --locked --lib --bins --tests; \
	fi
	cargo test --workspace --locked --doc

# Everything that can be said about the code without running it, and the shipped routes.toml.
check:
	@deploy/packages.sh build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	@if cargo deny --version >/dev/null 2>&1; then \
	  set -x; cargo deny --all-features check bans licenses sources; \
	else \
	  echo "SKIPPED: licences and banned crates, because cargo-deny is not installed" >&2; \
	fi
# The whole workspace, so that the tests find the same build of every dependency.
	cargo build --workspace --bins --locked
	$(TARGET)/debug/cutover check routes.toml
	$(TARGET)/debug/cutover check deploy/docker/routes.toml
# In containers the peers have other names, and nothing else may differ.
	diff -I '^peers = ' routes.toml deploy/docker/routes.toml

# The references that are generated from the code.
docs:
	cargo run --package cutover --bin cutover --locked -- routes-reference > docs/routes.md

bench:
	@deploy/packages.sh build
	cargo bench --package benches --package bench-compare --bench '*' --locked -- $(ARGS)

# Instructions of a comparison beside serde_json's parse and json-patch, about ten minutes; ARGS="'5 MB'"
# or ARGS=keyed picks cases.
bench-compare:
	@deploy/packages.sh build compare
	cargo build --release --locked --package bench-compare
	$(TARGET)/release/bench-compare $(ARGS)

# Against bare Pingora and nginx, about half an hour; ARGS="--help" lists shorter runs.
bench-load:
	@deploy/packages.sh build load
	cargo build --release --locked --package benches --package cutover
	$(TARGET)/release/load $(ARGS)

# Both services on one core under mixed reads and writes; ARGS="--help" lists what can be varied.
bench-services:
	@deploy/packages.sh build test
	cargo build --release --locked --package order-service
	cargo bench --locked --package invoice-service --bench modern_side -- $(ARGS)

# Moving and comparing three million rows, about half an hour; ARGS="--help" lists shorter runs.
# The peer that compares is installed below target/, the one that loads by the distribution.
PEERS := $(abspath $(TARGET))/peers
bench-data:
	@deploy/packages.sh build test data
	@[ -x $(PEERS)/bin/reladiff ] || \
	  { python3 -m venv $(PEERS) && $(PEERS)/bin/pip install --quiet 'reladiff[mysql,postgresql]==0.6.0'; }
	cargo build --release --locked --package migration-service
	cargo bench --locked --package migration-service --bench data -- \
	  --cutover-data $(abspath $(TARGET))/release/cutover-data --reladiff $(PEERS)/bin/reladiff \
	  --pgloader "$$(command -v pgloader)" $(ARGS)

# The comparator, its rules and its paths on made-up input; coverage-guided with cargo-bolero.
fuzz:
	cargo test --manifest-path fuzz/Cargo.toml --locked

# Every API against its own document, with requests that schemathesis makes up; some minutes.
FUZZ := $(abspath $(TARGET))/fuzz
fuzz-api:
	@deploy/packages.sh build test
	@[ -x $(FUZZ)/bin/schemathesis ] || \
	  { python3 -m venv $(FUZZ) && $(FUZZ)/bin/pip install --quiet schemathesis==4.32.5; }
	SCHEMATHESIS=$(FUZZ)/bin/schemathesis cargo test --locked --package invoice-service \
	  --package legacy-monolith --test modern --test api -- --ignored every_answer_of
