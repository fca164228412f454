# Sourced by tests/all.sh and .ci/run: runs the steps of a script one after the other, goes on after a failure, and tells
# at the end what failed. The sourcing script has `set -euo pipefail`.

steps_log=$(mktemp)
trap 'rm -f "$steps_log"' EXIT
steps_summary=()
steps_failed=0

# say LINE...: for a human eye, loud enough to be found in a long log.
say() { printf '!! %s\n' "$@"; }

section() { printf '\n== %s [%d s]\n' "$1" "$SECONDS"; }

# step TITLE COMMAND ARG...: the command's output goes through; its status is kept for the summary and returned.
step() {
    local title=$1 from=$SECONDS verdict=ok status=0
    shift
    section "$title"
    "$@" 2>&1 | tee -a "$steps_log" || status=$?
    [ "$status" = 0 ] || { verdict=FAILED && steps_failed=$((steps_failed + 1)); }
    steps_summary+=("$(printf '%-7s %5d s  %s' "$verdict" $((SECONDS - from)) "$title")")
    return "$status"
}

# skip TITLE WHY
skip() {
    say "skipped: $1: $2"
    steps_summary+=("$(printf '%-7s %5d s  %s (%s)' skipped 0 "$1" "$2")")
}

# finish WHAT: the summary; ends the script with 1 if a step failed.
finish() {
    section "summary of $1"
    printf '   %s\n' "${steps_summary[@]}"
    if [ "$steps_failed" != 0 ]; then
        say "$1: $steps_failed step(s) FAILED"
        exit 1
    fi
    printf '   %s: all steps ok\n' "$1"
}
