using System.Numerics;
using System.Runtime.InteropServices;
using Engine.Kernels;

namespace Engine.Compression;

/// <summary>How error-compensated rounding works.</summary>
/// <param name="ActOrder">Columns that inputs drive most strongly are rounded first.</param>
/// <param name="Dampening">Added to the diagonal of XᵀX, as a part of its mean: keeps the factor stable where inputs are few or alike.</param>
public sealed record GptqOptions(bool ActOrder = true, double Dampening = 0.01);

/// <summary>
/// Error-compensated rounding (Frantar et al., GPTQ, 2022): columns are rounded one after the other, and what a column loses is made up
/// for by the columns still to come, along H⁻¹ with H = XᵀX of calibration inputs. Scales are fixed beforehand, so that act-order needs no
/// permutation at run time.
/// </summary>
internal static class Gptq
{
    private const int Block = 128;

    /// <summary>
    /// Codes of w [rows, columns]. <paramref name="grams"/> holds XᵀX [columns, columns] for each of the equal parts that the rows fall in.
    /// </summary>
    public static CodedMatrix Run(float[] w, int rows, int columns, ColumnGroups groups, Scheme scheme, IReadOnlyList<float[]> grams, GptqOptions options, Workers workers)
    {
        var coded = RoundToNearest.Run(w, rows, columns, groups, scheme, [.. grams.Select(h => Diagonal(h, columns))], search: true, workers);
        int part = rows / grams.Count;
        for (int p = 0; p < grams.Count; p++)
        {
            int[] order = Order(grams[p], columns, options.ActOrder);
            // Without a factor (inputs are all zero) nothing can be compensated: nearest values stay.
            if (Factor(grams[p], columns, order, options.Dampening, workers) is not { } factor) continue;
            workers.For(part, 1, new Body(w, coded, factor, order, p * part));
        }
        return coded;
    }

    private static float[] Diagonal(float[] h, int n)
    {
        var d = new float[n];
        for (int k = 0; k < n; k++) d[k] = h[(long)k * n + k];
        // A column without input still wants a say in the scales.
        float floor = MathF.Max(d.Average() * 1e-6f, 1e-30f);
        return Array.ConvertAll(d, v => MathF.Max(v, floor));
    }

    private static int[] Order(float[] h, int n, bool byInput)
    {
        int[] order = [.. Enumerable.Range(0, n)];
        return byInput ? [.. order.OrderByDescending(k => h[(long)k * n + k])] : order;
    }

    private static float[]? Factor(float[] h, int n, int[] order, double dampening, Workers workers)
    {
        double mean = 0;
        for (int k = 0; k < n; k++) mean += h[(long)k * n + k];
        mean /= n;
        if (!(mean > 0) || !double.IsFinite(mean)) return null;
        for (double damp = Math.Max(dampening, 1e-6); damp < 100; damp *= 10)
        {
            var a = new double[h.Length];
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++) a[(long)i * n + j] = h[(long)order[i] * n + order[j]] + (i == j ? damp * mean : 0);
            if (Cholesky.InverseUpper(a, n, workers)) return Array.ConvertAll(a, v => (float)v);
        }
        return null;
    }

    private readonly struct Body(float[] w, CodedMatrix coded, float[] factor, int[] order, int first) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int n = coded.Columns, groups = coded.Groups.Groups;
            var book = new CodeBook(coded.Scheme);
            var rest = new float[(long)(end - start) * n];
            for (int r = start; r < end; r++)
                for (int i = 0; i < n; i++) rest[(long)(r - start) * n + i] = w[(long)(first + r) * n + order[i]];
            Span<float> errors = stackalloc float[Block];
            for (int from = 0; from < n; from += Block)
            {
                int to = Math.Min(n, from + Block);
                for (int r = start; r < end; r++)
                {
                    var row = rest.AsSpan((r - start) * n, n);
                    for (int i = from; i < to; i++)
                    {
                        int k = order[i], g = (first + r) * groups + coded.Groups.GroupOf[k];
                        float scale = coded.Scales[g];
                        int code = book.Encode(row[i] / scale, coded.Zeros[g]);
                        coded.Codes[(long)(first + r) * n + k] = (byte)code;
                        float error = (row[i] - scale * book.Value(code, coded.Zeros[g])) / factor[(long)i * n + i];
                        errors[i - from] = error;
                        Subtract(error, MemoryMarshal.CreateReadOnlySpan(ref factor[(long)i * n + i], to - i)[1..], row[(i + 1)..to]);
                    }
                    for (int i = from; i < to && to < n; i += 4) SubtractFour(errors[(i - from)..Math.Min(to - from, i - from + 4)], factor, i, n, to, row);
                }
            }
        }

        // Not fused and in order, so that every vector width gives the same bits.
        private static void Subtract(float error, ReadOnlySpan<float> u, Span<float> y)
        {
            int i = 0, width = Vector<float>.Count;
            var e = new Vector<float>(error);
            ref float x = ref MemoryMarshal.GetReference(u), r = ref MemoryMarshal.GetReference(y);
            for (; i + width <= u.Length; i += width) (Vector.LoadUnsafe(ref r, (nuint)i) - e * Vector.LoadUnsafe(ref x, (nuint)i)).StoreUnsafe(ref r, (nuint)i);
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
            int width = Vector<float>.Count, c = to;
            Vector<float> e0 = new(errors[0]), e1 = new(errors[1]), e2 = new(errors[2]), e3 = new(errors[3]);
            ref float u = ref factor[(long)first * n], r = ref MemoryMarshal.GetReference(row);
            for (; c + width <= n; c += width)
            {
                nuint at = (nuint)c, pitch = (nuint)n;
                var v = Vector.LoadUnsafe(ref r, at) - e0 * Vector.LoadUnsafe(ref u, at) - e1 * Vector.LoadUnsafe(ref u, at + pitch);
                (v - e2 * Vector.LoadUnsafe(ref u, at + 2 * pitch) - e3 * Vector.LoadUnsafe(ref u, at + 3 * pitch)).StoreUnsafe(ref r, at);
            }
            for (; c < n; c++) row[c] = row[c] - errors[0] * factor[(long)first * n + c] - errors[1] * factor[(long)(first + 1) * n + c] - errors[2] * factor[(long)(first + 2) * n + c] - errors[3] * factor[(long)(first + 3) * n + c];
        }
    }
}
