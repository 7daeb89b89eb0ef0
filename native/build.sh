#!/usr/bin/env bash
# Compiles the optional library of kernels to artifacts/native/RID: for this machine, or with the compiler $CC for the RID given.
# usage: native/build.sh [RID]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
cc=${CC:-cc}
if ! command -v "$cc" >/dev/null; then
  echo "native kernels: no C compiler ($cc), so they are left out; everything runs without them, slower for int8 and bf16" >&2
  exit 0
fi

case $(uname -s)-$(uname -m) in
  Linux-x86_64) rid=linux-x64 ;;
  Linux-aarch64) rid=linux-arm64 ;;
  Darwin-x86_64) rid=osx-x64 ;;
  Darwin-arm64) rid=osx-arm64 ;;
  MINGW*-x86_64 | MSYS*-x86_64) rid=win-x64 ;;
  *) rid='' ;;
esac
# A C library other than glibc has a RID of its own.
[ "$rid" = "" ] || [ ! -e /lib/ld-musl-"$(uname -m)".so.1 ] || [ -e /lib64/ld-linux-x86-64.so.2 ] || [ -e /lib/ld-linux-aarch64.so.1 ] || rid=${rid/linux-/linux-musl-}
rid=${1:-$rid}
case $rid in
  *-x64)
    gemm_u8s8=(-mavx512f -mavx512bw -mavx512vl -mavx512vnni)
    gemm_bf16=(-mavx512f -mavx512bw -mavx512vl -mavx512bf16)
    ;;
  *-arm64)
    gemm_u8s8=(-march=armv8.2-a+dotprod+i8mm)
    gemm_bf16=(-march=armv8.2-a+bf16)
    ;;
  *) echo "native kernels: none for this system" >&2; exit 0 ;;
esac
case $rid in
  win-*) file=engine-kernels.dll ;;
  osx-*) file=libengine-kernels.dylib ;;
  *) file=libengine-kernels.so ;;
esac

out=../artifacts/native/$rid
mkdir -p "$out"
if [ -e "$out/$file" ] && [ -z "$(find . -name '*.[ch]' -newer "$out/$file" -o -name build.sh -newer "$out/$file")" ]; then exit 0; fi
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
compile() { # FILE [FLAG...]: one stem, with the instructions that it alone may use
  local name=$1
  shift
  "$cc" -std=c11 -O3 -Wall -Wextra -Werror -fPIC -fvisibility=hidden "$@" -c "$name.c" -o "$objects/$name.o"
}
compile engine-kernels
compile limits
compile gemm-u8s8 "${gemm_u8s8[@]}"
compile gemm-nm-u8s8 "${gemm_u8s8[@]}"
compile gemm-bf16 "${gemm_bf16[@]}"
case $rid in
  *-x64)
    compile gemm-binary -mavx512f -mavx512bw -mavx512vl -mavx512vpopcntdq
    compile lowbit-gemv "${gemm_u8s8[@]}"
    compile lowbit-tile "${gemm_u8s8[@]}"
    compile spmm-u8s8 "${gemm_u8s8[@]}"
    ;;
esac
# Beside its place and renamed: another build may be reading the old one.
"$cc" -shared -o "$out/$file.new" "$objects"/*.o
mv -f "$out/$file.new" "$out/$file"
echo "native kernels: artifacts/native/$rid/$file" >&2
