#!/usr/bin/env bash
# The checks of this repository, one function a step. Both .ci/run and
# Taskfile.yml call them here, so that there is one definition of each.
#
#   bash .ci/steps.sh            lists the steps in the order .ci/run takes them
#   bash .ci/steps.sh STEP...    runs them, ending at the first that fails
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

STEPS=(test format build tidy docs lint race disk sim fuzz examples demo failover partition tasks bench)

LINT_VERSION=2.15.0
CACHE=${HA_CI_CACHE:-$PWD/.cache}
FUZZ_TIME=${FUZZ_TIME:-10000x} # per target: a time (1m) or a number of inputs (10000x)

# show prints a command, on standard error, and runs it.
show() { printf '+ %s\n' "$*" >&2; "$@"; }

step_test() { show go test ./...; }

# The race detector, where goroutines share something: the pure packages that take long have none, as purity_test.go
# checks, of the simulation some worlds are enough, and the proofs are about other processes.
step_race() {
  show go test -race -timeout 10m $(go list ./... | grep -Ev '/dispatcher/internal/(core|share|sim)$|/proof/')
  show go test -race -run '^TestWorld$' ./dispatcher/internal/sim
}

step_format() {
  local files
  files=$(gofmt -l $(git ls-files --cached --others --exclude-standard '*.go'))
  if [[ -n $files ]]; then
    printf 'not formatted (gofmt -w):\n%s\n' "$files"
    return 1
  fi
  echo 'all files are formatted'
}

step_build() {
  show go build ./...
  show go vet ./...
}

step_tidy() {
  show go mod tidy -diff
  show go mod verify
}

# Links in the Markdown files resolve, and every error code is documented.
step_docs() { show go test -count=1 -run '^TestDocs' .; }

# linter prints where the pinned linter is, installing it first (two minutes) where it is not.
linter() {
  local bin=$CACHE/bin/golangci-lint
  if ! "$bin" version 2>/dev/null | grep -q "version v\?$LINT_VERSION "; then
    printf 'installing golangci-lint %s into %s\n' "$LINT_VERSION" "$CACHE/bin" >&2
    GOBIN=$CACHE/bin GOFLAGS= go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$LINT_VERSION" >&2
  fi
  printf '%s\n' "$bin"
}

step_lint() {
  local bin
  bin=$(linter)
  show "$bin" config verify
  show "$bin" run --timeout 10m ./...
}

# What happens on a full disk, aloud: where no small file system can be mounted, the tests
# skip, and "go test ./..." does not show that.
step_disk() { show go test -count=1 -v -run '^TestFullDisk$' ./embedded ./dispatcher; }

# Thousands of simulated worlds: dispatchers, workers and clients over a faulty
# network, and members that fight over the log; and half a million histories of the
# selection. "go test" runs some of each.
step_sim() {
  HA_HISTORIES=500000 show go test -count=1 -run '^TestHistories' ./dispatcher/internal/share
  HA_SIM_SEEDS=1500 show go test -count=1 -run '^TestWorld$' ./dispatcher/internal/sim
  HA_SIM_SEEDS=1500 show go test -count=1 -run '^TestMembers$' ./dispatcher/internal/journal
}

# Every fuzz target for a few seconds: enough to find what is plainly wrong.
step_fuzz() {
  local package target found=0
  while read -r package; do
    for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
      found=$((found + 1))
      show go test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZ_TIME" -fuzzminimizetime 10x "$package"
    done
  done < <(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | grep .)
  if ((found == 0)); then
    echo 'no fuzz targets found'
    return 1
  fi
  echo "$found fuzz targets"
}

step_examples() { show go test -count=1 ./examples/...; }

# The demo gives each worker its share, and standard output is the JSON alone.
step_demo() {
  local dir rc=0
  dir=$(mktemp -d)
  show go run ./cmd/ha demo --weights 1,2,3,10 --duration 10s \
    --activate-every 5ms --work-min 1ms --work-max 3ms --json >"$dir/out" || rc=$?
  ((rc != 0)) || show go run .ci/check_demo.go -tolerance 0.01 -weights 1,2,3,10 "$dir/out" || rc=$?
  if ((rc != 0)); then
    printf 'standard output was:\n'
    head -c 4000 "$dir/out"
  fi
  rm -rf "$dir"
  return "$rc"
}

# Real processes killed, stopped and frozen: a few of each, to see that it works.
# The figures come from "task failover" and "task soak" on a machine that does
# nothing else; the slack is for one that does.
step_failover() {
  show go run ./proof/failover -kills 2 -node-kills 1 -pause 3s -slack 2
  show go run ./proof/soak -for 5s -slack 2
  show go run ./proof/upgrade -slack 2
  show go run ./proof/linear -duration 6s
  # It says "not run" where no power can be cut: that takes Linux, root, FUSE and loop devices.
  show go run ./proof/power -cuts 2 -scenario one,unsynced
}

# One cut between hosts, to see that it works. It says "not run" where there are no network
# namespaces: that takes Linux and root. The figures come from "task partition".
step_partition() {
  show go run ./proof/partition -optional -scenario two-way -cuts 1 -hold 5s -watch 10s -slack 2
}

# Tasks on real processes that are killed: few of them, to see that it works. More:
# "task tasks".
step_tasks() { show go run ./proof/tasks -tasks 3000 -scenario alone,apart,cluster -takeovers 2 -slack 3; }

# The comparison with other systems, at a size that says nothing about speed: its
# module builds, and every scenario runs to its end. The figures come from
# "task bench:compare" on a machine that does nothing else.
step_bench() {
  (
    cd bench
    show go vet ./...
    show go test -count=1 ./...
    show go run ./compare -small
  )
}

if (($# == 0)); then
  printf '%s\n' "${STEPS[@]}"
fi
for step in "$@"; do
  if [[ $(type -t "step_$step") != function ]]; then
    printf 'no step %q; the steps are: %s\n' "$step" "${STEPS[*]}" >&2
    exit 2
  fi
  "step_$step"
done
