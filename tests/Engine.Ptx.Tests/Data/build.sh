#!/usr/bin/env bash
# Compiles the test kernels; needs clang-19.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
for source in *.cu; do
  arch=80 version=74
  case $source in *.sm_75.cu) arch=75 version=70 ;; esac
  clang-19 -x cuda --cuda-device-only --cuda-gpu-arch=sm_$arch --cuda-feature=+ptx$version -nocudainc -nocudalib -nostdinc -nostdinc++ \
    -std=c++20 -O3 -ffp-contract=off -Wno-pass-failed -S -o "${source%.cu}.ptx" "$source"
done
