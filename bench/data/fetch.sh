#!/usr/bin/env bash
# Fetches the real models and data that tests, benchmarks and demos read, into .data/ (see README.md here).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/../fetch-lib.sh"
fetch_all "$here" "$root/.data"

# The ECG record is a zip archive that holds one NumPy array; the engine reads the array.
ecg=$root/.data/ecg
if [ ! -f "$ecg/ecg.npy" ]; then
  if command -v unzip >/dev/null 2>&1; then
    unzip -qo "$ecg/ecg.dat" ecg.npy -d "$ecg"
  else
    need python3 "or unzip, to take ecg.npy out of .data/ecg/ecg.dat"
    python3 -m zipfile -e "$ecg/ecg.dat" "$ecg"
  fi
fi
