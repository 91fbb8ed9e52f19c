#!/usr/bin/env bash
# Run everything that this machine can run, and report what was skipped: `make test`.
# With arguments for pytest, run those tests only, and measure no coverage.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
skipped=()
failed=()

step() { # step NAME COMMAND…: run a command, and remember a failure
  local name=$1 began=$SECONDS
  shift
  printf '\n── %s\n' "$name"
  "$@" || failed+=("$name")
  printf '   (%s: %d s)\n' "$name" $((SECONDS - began))
}

lint_result() { # wait for `make lint`, print what it printed, and return its status
  local status=0
  wait "$lint" || status=$?
  cat "$lint_output"
  rm "$lint_output"
  return "$status"
}

find_chromium() { # print the path of a Chromium; CHROMIUM overrides it
  for candidate in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [ -n "$candidate" ] && command -v "$candidate" && return
  done
  return 1
}

marks='not aws and not long'
skipped+=('live AWS: it costs money; `make test-aws` runs it with your credentials')
skipped+=('the faults that take longest: `make test-faults` runs all of them, `make test-power-cuts` cuts the power')
skipped+=('abuse, a slow line, an archive of 1 GiB, a TTL that removes: `make test-abuse`, `make test-slow-line`, `make test-archive` and `make test-sweep` run them')
skipped+=('kills, chaos and the images of two versions on LocalStack: `make test-kills`, `make test-chaos` and `make test-versions` run them')
if found=$(find_chromium); then
  export CHROMIUM=$found
else
  marks="$marks and not browser"
  skipped+=('the page in a real browser: no Chromium found (CHROMIUM=/path/to/one)')
fi
if docker info >/dev/null 2>&1; then
  export TESTCONTAINERS_RYUK_DISABLED=true
else
  marks="$marks and not localstack"
  skipped+=('LocalStack in containers: no Docker engine answers here')
fi

# Each takes one processor for most of its time.
lint_output=$(mktemp)
make --no-print-directory lint >"$lint_output" 2>&1 &
lint=$!
step 'the page: units' bash -c 'cd frontend && npm test --silent'
step 'formatting, types, import rules' lint_result
if [ $# -gt 0 ]; then
  step 'the tests that were asked for' "$bin/pytest" -m "$marks" "$@"
else
  # Coverage counts what runs in this process; the whole system runs in processes of its own.
  system='(stack or browser or localstack)'
  # A failed test runs once more, and is named: see docs/decisions/0020.
  again=(--reruns "${RERUNS:-1}" --max-suite-reruns 5 --rerun-show-tracebacks -raR)
  "$bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' && export COVERAGE_CORE=sysmon
  # Which tests stay together in one process: see `tests/conftest.py`.
  step 'core, services, engine' "$bin/pytest" -m "$marks and not $system" "${again[@]}" --cov -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
  # These run processes of their own, and wait much of their time: more of them than processors.
  step 'the whole system' "$bin/pytest" -m "$marks and $system" "${again[@]}" -n 3 --dist loadfile --no-loadscope-reorder
  printf '\nLines of libs and services that tests run: %s %%\n' "$("$bin/coverage" report --format=total --fail-under=0)"
fi

printf '\nSkipped here:\n'
printf '  - %s\n' "${skipped[@]}"
if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFailed: %s\n' "${failed[@]}"
  exit 1
fi
printf '\nAll of the rest passed.\n'
