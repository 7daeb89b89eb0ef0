namespace Engine.Bench;

/// <summary>The one list of kernels that <c>engine-bench kernels</c> measures. A kernel is added with one entry in a file of this folder.</summary>
internal static class KernelCases
{
    public static IReadOnlyList<KernelFamily> All { get; } = [.. ProductCases.All, .. ConvCases.All, .. MaskedCases.All, .. CodeCases.All, .. WinogradCases.All, .. ResizeCases.All, .. RowCases.All, .. RecurrentCases.All, .. ElementCases.All, .. QuantizedCases.All, .. ShiftCases.All, .. LowBitCases.All, .. SparseCases.All, .. SparseCodeCases.All, .. LowRankCases.All, .. BinaryCases.All, .. SlicedCases.All];
}
