#!/usr/bin/env bash
# Installs Redis and PostgreSQL from Debian's packages where they are missing, and
# starts neither of them. Prints where they are, one line each:
#
#   redis-server=/usr/bin/redis-server
#   postgres=/usr/lib/postgresql/15/bin
#
# What apt-get says goes to standard error. Installing needs root; where both are
# there nothing is needed.
set -euo pipefail

# PATH of the caller may lack it.
redis() { command -v redis-server || { [[ -x /usr/bin/redis-server ]] && echo /usr/bin/redis-server; }; }

# The newest version that is installed. Debian keeps initdb out of the PATH.
postgres() {
  local dir found=
  for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
    if [[ -x $dir/initdb && -x $dir/postgres ]]; then found=$dir; fi
  done
  [[ -n $found ]] && echo "$found"
}

missing=()
redis >/dev/null || missing+=(redis-server)
postgres >/dev/null || missing+=(postgresql)

# The packages start a server of their own when they are installed. Debian asks this
# file first; where there is none, ours says no for as long as the installation takes.
policy=/usr/sbin/policy-rc.d made_policy=
cleanup() { if [[ -n $made_policy ]]; then rm -f "$policy"; fi; }
trap cleanup EXIT

if ((${#missing[@]} > 0)); then
  if ((EUID != 0)); then
    printf 'missing: %s; run as root: apt-get install %s\n' "${missing[*]}" "${missing[*]}" >&2
    exit 1
  fi
  if [[ ! -e $policy ]]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=120 update >&2
  apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${missing[@]}" >&2
fi

printf 'redis-server=%s\n' "$(redis)"
printf 'postgres=%s\n' "$(postgres)"
