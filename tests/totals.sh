#!/usr/bin/env bash
# usage: tests/totals.sh FILE.trx...: prints the conformance count and, last, the sum of all results.
set -euo pipefail
awk '
  function field(name,   s) { if (!match($0, name "=\"[0-9]+\"")) return 0; s = substr($0, RSTART, RLENGTH); gsub(/[^0-9]/, "", s); return s + 0 }
  /<Counters / { passed += field(" passed"); failed += field(" failed") + field(" error") + field(" timeout") + field(" aborted"); skipped += field(" total") - field(" executed") }
  # A run that broke off has no result for the rest of its tests.
  /<ResultSummary outcome="/ && !/outcome="(Completed|Failed)"/ { broken++ }
  # Names of what failed, where the log above may be cut off.
  /<UnitTestResult / && /outcome="Failed"/ { match($0, / testName="[^"]*"/); name = FILENAME; sub(/.*\//, "", name); printf "FAILED (%s): %s\n", name, substr($0, RSTART + 11, RLENGTH - 12) }
  /<UnitTestResult / && /testName="Engine\.Conformance\.ConformanceTests\.Case\(/ { cases[FILENAME]++; if (/outcome="Passed"/) good[FILENAME]++ }
  END {
    for (f in cases) { name = f; sub(/.*\//, "", name); sub(/\.trx$/, "", name); printf "conformance (%s): %d of %d cases pass\n", name, good[f], cases[f] }
    printf "%d passed, %d failed, %d skipped\n", passed, failed + broken, skipped
    exit failed + broken > 0
  }' "$@"
