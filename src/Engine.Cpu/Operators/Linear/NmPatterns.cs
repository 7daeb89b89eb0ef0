using System.Runtime.CompilerServices;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// The N:M form that a weight is of along the sums of its product, whether it is stored so or has the zeros: masked training leaves plain tensors. Found once a weight.
/// </summary>
internal static class NmPatterns
{
    private sealed class Found
    {
        public Dictionary<int, NmForm?> ByTaps { get; } = [];
    }

    private static readonly ConditionalWeakTable<Weight, Found> s_found = [];

    private static readonly ConditionalWeakTable<SparseNM, StrongBox<Quantized?>> s_dense = [];

    /// <summary>The form of the rows of a matrix [outputs, inputs], or of its columns where it is transposed; null where it has none.</summary>
    public static NmForm? Of(Weight w, bool transposed) => Cached(w, transposed ? -1 : 1, () => transposed
        ? Scan(w, w.Shape.Int(1), 1, w.Shape.Int(0), 1, w.Shape.Int(1))
        : Scan(w, w.Shape.Int(0), 1, w.Shape.Int(1), w.Shape.Int(1), 1));

    /// <summary>The form of a convolution's weight [outputs, channels, taps…] along input channels.</summary>
    public static NmForm? OfChannels(Weight w)
    {
        int channels = w.Shape.Int(1), taps = Checked.Int(w.Shape.Product(2, w.Shape.Rank));
        return Cached(w, taps, () => Scan(w, w.Shape.Int(0), taps, channels, channels * taps, taps));
    }

    /// <summary>8-bit codes of a weight with one scale, or one a row; null for any other.</summary>
    public static Quantized? Codes(Weight? w) => (w is SparseNM s ? s.Values : w) is Quantized { Bits: 8, Table: null, Minimum: null, DType: DType.F32 } q && (q.Granularity == Granularity.Tensor || q.Granularity == Granularity.Channel && q.Axis == 0) ? q : null;

    /// <summary>The codes with those that were pruned.</summary>
    public static Quantized AllCodes(Weight w) => w is SparseNM s ? s.ToQuantized()! : w as Quantized ?? SparseMatrix.Of(w)!.ToQuantized();

    /// <summary>The codes of a sparse weight with those that were pruned, one object a weight, so that it is packed once; null where they are none of one zero point a tensor or row.</summary>
    public static Quantized? DenseCodes(SparseNM w) => s_dense.GetValue(w, static s => new(s.ToQuantized())).Value;

    private static NmForm? Cached(Weight w, int taps, Func<NmForm?> find)
    {
        var found = s_found.GetOrCreateValue(w);
        lock (found)
            return found.ByTaps.TryGetValue(taps, out var form) ? form : found.ByTaps[taps] = find();
    }

    private static NmForm? Scan(Weight w, int outputs, int taps, int length, int outputStride, int stride)
    {
        if (w is SparseNM s)
        {
            var stored = new NmForm(s.N, s.M);
            // Rows of a matrix, or channels tap by tap.
            bool along = s.Shape.Rank == 2 ? stride == 1 : s.Taps == taps;
            return along && stored.IsSupported ? stored : null;
        }
        return w switch
        {
            Dense { Values.DType: DType.F32 } d => Scan(d.Values.Span<float>(), 0f, outputs, taps, length, outputStride, stride),
            Quantized { Bits: 8, Table: null, Minimum: null } q when QuantizedZeros.Of(q) is var z && z.All(v => v == z[0]) => Scan(q.Codes.Bytes, (byte)z[0], outputs, taps, length, outputStride, stride),
            _ => null,
        };
    }

    private static NmForm? Scan<T>(ReadOnlySpan<T> x, T zero, int outputs, int taps, int length, int outputStride, int stride) where T : IEquatable<T>
    {
        foreach (var form in NmForm.All)
            if (Fits(form, x, zero, outputs, taps, length, outputStride, stride)) return form;
        return null;
    }

    private static bool Fits<T>(NmForm form, ReadOnlySpan<T> x, T zero, int outputs, int taps, int length, int outputStride, int stride) where T : IEquatable<T>
    {
        if (length < form.M) return false;
        for (int o = 0; o < outputs; o++)
            for (int t = 0; t < taps; t++)
                for (int i = 0, kept = 0; i < length; i++)
                {
                    if (i % form.M == 0) kept = 0;
                    if (!x[(int)((long)o * outputStride + t + (long)i * stride)].Equals(zero) && ++kept > form.N) return false;
                }
        return true;
    }
}
