using Xunit.Abstractions;
using Xunit.Sdk;

namespace Engine.Conformance;

/// <summary>A theory over case names, which reports those of skips.txt as skipped with the reason given there.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Engine.Conformance.CaseTheoryDiscoverer", "Engine.Conformance")]
public sealed class CaseTheoryAttribute : TheoryAttribute;

/// <summary>Makes a skipped test of a row that is to be skipped.</summary>
public sealed class CaseTheoryDiscoverer(IMessageSink diagnostics) : TheoryDiscoverer(diagnostics)
{
    protected override IEnumerable<IXunitTestCase> CreateTestCasesForDataRow(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute, object[] dataRow) =>
        ConformanceData.Skips.GetValueOrDefault((string)dataRow[0]) is { } reason
            ? [new XunitSkippedDataRowTestCase(DiagnosticMessageSink, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod, reason, dataRow)]
            : base.CreateTestCasesForDataRow(discoveryOptions, testMethod, theoryAttribute, dataRow);
}
