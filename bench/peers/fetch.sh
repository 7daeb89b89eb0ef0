#!/usr/bin/env bash
# Fetches the peers that benchmarks and cross-checks run against, into .peers/ (see README.md here).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/../fetch-lib.sh"
fetch_all "$here" "$root/.peers"
