using System.Numerics;
using System.Runtime.InteropServices;
using Engine.Kernels;

namespace Engine.Compression;

/// <summary>
/// Rows of weights walked column by column: each weight is rounded, or becomes zero, or stays, and what that loses goes to the columns still to come, along the factor U of H⁻¹ = Uᵀ·U. Where
/// runs keep a number of weights, those stay whose loss would be largest: w² / [H⁻¹]ⱼⱼ among the columns still to come, which is w² / U[j, j]² (Frantar and Alistarh, SparseGPT, 2023).
/// </summary>
internal readonly struct CompensatedRows : IParallelBody
{
    private const int Block = 128;

    /// <summary>The weights [rows, columns].</summary>
    public required float[] Weights { get; init; }

    /// <summary>U, in the order of columns.</summary>
    public required float[] Factor { get; init; }

    public required ColumnOrder Order { get; init; }

    /// <summary>The row that index 0 stands for.</summary>
    public required int First { get; init; }

    /// <summary>Takes codes, with scales that it has; null where weights are not rounded.</summary>
    public CodedMatrix? Coded { get; init; }

    /// <summary>Takes values [rows, columns]; null where they are not wanted.</summary>
    public float[]? Values { get; init; }

    /// <summary>Weights that a run keeps; 0 for all.</summary>
    public int Keep { get; init; }

    /// <summary>Which weights [rows, columns] stay; null for all, or where runs keep a number.</summary>
    public bool[]? Mask { get; init; }

    /// <summary>Runs keep as many weights as the mask has in them, but those of the largest loss when they are reached.</summary>
    public bool Adapts { get; init; }

    public void Run(int start, int end)
    {
        int n = Order.Columns.Length;
        var book = Coded is null ? null : new CodeBook(Coded.Scheme);
        var rest = new float[(long)(end - start) * n];
        bool[] kept = new bool[rest.Length];
        for (int r = start; r < end; r++)
            for (int i = 0; i < n; i++)
            {
                long at = (long)(First + r) * n + Order.Columns[i], to = (long)(r - start) * n + i;
                rest[to] = Weights[at];
                kept[to] = Mask is null || Mask[at];
            }
        Span<float> errors = stackalloc float[Block];
        for (int from = 0, to; from < n; from = to)
        {
            to = Order.BlockEnd(from, Block);
            for (int r = start; r < end; r++)
            {
                var row = rest.AsSpan((r - start) * n, n);
                var keptRow = kept.AsSpan((r - start) * n, n);
                for (int i = from; i < to; i++)
                {
                    if ((Keep > 0 || Adapts) && Order.Begins(i)) Choose(row, keptRow, i);
                    float error = (row[i] - Take(First + r, Order.Columns[i], row[i], keptRow[i], book)) / Factor[(long)i * n + i];
                    errors[i - from] = error;
                    if (error != 0) Subtract(error, MemoryMarshal.CreateReadOnlySpan(ref Factor[(long)i * n + i], to - i)[1..], row[(i + 1)..to]);
                }
                for (int i = from; i < to && to < n; i += 4) SubtractFour(errors[(i - from)..Math.Min(to - from, i - from + 4)], Factor, i, n, to, row);
            }
        }
    }

    // What the weight becomes.
    private float Take(int r, int k, float w, bool isKept, CodeBook? book)
    {
        long at = (long)r * Order.Columns.Length + k;
        float value = isKept ? w : 0;
        if (book is not null)
        {
            int g = r * Coded!.Groups.Groups + Coded.Groups.GroupOf[k];
            int code = isKept ? book.Encode(w / Coded.Scales[g], Coded.Zeros[g]) : Coded.Zeros[g];
            Coded.Codes[at] = (byte)code;
            value = Coded.Scales[g] * book.Value(code, Coded.Zeros[g]);
        }
        if (Values is not null) Values[at] = value;
        return value;
    }

    private void Choose(ReadOnlySpan<float> row, Span<bool> kept, int first)
    {
        int n = row.Length, end = Order.RunEnd(first);
        Span<float> loss = stackalloc float[end - first];
        for (int i = first; i < end; i++)
        {
            float x = row[i] / Factor[(long)i * n + i];
            loss[i - first] = x * x;
        }
        var run = kept[first..end];
        SparsityMask.Largest(loss, Adapts ? run.Count(true) : Keep, run);
    }

    // Not fused and in order, so that every vector width gives the same bits.
    private static void Subtract(float error, ReadOnlySpan<float> u, Span<float> y)
    {
        int i = 0, width = Vector<float>.Count, whole = Vectors64.Whole<float>(u.Length);
        var e = new Vector<float>(error);
        ref float x = ref MemoryMarshal.GetReference(u), r = ref MemoryMarshal.GetReference(y);
        for (; i < whole; i += width) (Vector.LoadUnsafe(ref r, (nuint)i) - e * Vector.LoadUnsafe(ref x, (nuint)i)).StoreUnsafe(ref r, (nuint)i);
        for (; i < u.Length; i++) y[i] -= error * u[i];
    }

    // Up to four rows of the factor, from row `first`, in one pass over columns [to, n).
    private static void SubtractFour(ReadOnlySpan<float> errors, float[] factor, int first, int n, int to, Span<float> row)
    {
        if (errors.Length < 4)
        {
            for (int i = 0; i < errors.Length; i++) Subtract(errors[i], MemoryMarshal.CreateReadOnlySpan(ref factor[(long)(first + i) * n + to], n - to), row[to..]);
            return;
        }
        int width = Vector<float>.Count, c = to, whole = to + Vectors64.Whole<float>(n - to);
        Vector<float> e0 = new(errors[0]), e1 = new(errors[1]), e2 = new(errors[2]), e3 = new(errors[3]);
        ref float u = ref factor[(long)first * n], r = ref MemoryMarshal.GetReference(row);
        for (; c < whole; c += width)
        {
            nuint at = (nuint)c, pitch = (nuint)n;
            var v = Vector.LoadUnsafe(ref r, at) - e0 * Vector.LoadUnsafe(ref u, at) - e1 * Vector.LoadUnsafe(ref u, at + pitch);
            (v - e2 * Vector.LoadUnsafe(ref u, at + 2 * pitch) - e3 * Vector.LoadUnsafe(ref u, at + 3 * pitch)).StoreUnsafe(ref r, at);
        }
        for (; c < n; c++) row[c] = row[c] - errors[0] * factor[(long)first * n + c] - errors[1] * factor[(long)(first + 1) * n + c] - errors[2] * factor[(long)(first + 2) * n + c] - errors[3] * factor[(long)(first + 3) * n + c];
    }
}
