using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>Rows of codes, looked up and decoded where they lie: embedding tables that are never dense. Values are those of <see cref="Quantized"/>.</summary>
public static unsafe class GatherCodes
{
    private const int Chunk = 256;

    /// <summary>How a matrix of codes is read.</summary>
    /// <param name="Bits">Bits a code.</param>
    /// <param name="Signed">Codes are two's complement.</param>
    /// <param name="Layout">Which elements share a scale.</param>
    /// <param name="Columns">Codes a row: what lies behind the axis gathered along.</param>
    /// <param name="Middle">What is subtracted from a code where there is no zero point.</param>
    public sealed record Table(int Bits, bool Signed, QuantLayout Layout, int Columns, float Middle);

    /// <summary>The operands of a <see cref="Table"/>: codes, scales, zero points (one or as many as scales), minima, values of codes; 0 for what is left out.</summary>
    public readonly record struct Operands(nint Codes, int Bytes, nint Scales, nint Zeros, bool OneZero, nint Minima, nint Values);

    /// <summary>y[o, i] = the decoded row that index i names among the <paramref name="rows"/> rows of matrix o, of <paramref name="outer"/> matrices.</summary>
    public static void Run(Workers workers, Table table, Operands o, int outer, long rows, IndexReader indices, int count, float* y) =>
        workers.For(Tensors.Checked.Int((long)outer * count), Math.Max(1, 8192 / Math.Max(1, table.Columns)), new Body(table, o, rows, indices, count, y));

    private readonly struct Body(Table table, Operands o, long rows, IndexReader indices, int count, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++) Row((i / count * rows + indices.At(i % count, rows)) * table.Columns, y + (nint)i * table.Columns);
        }

        private void Row(long at, float* to)
        {
            float* scales = (float*)o.Scales, zeros = (float*)o.Zeros, minima = (float*)o.Minima, values = (float*)o.Values;
            Span<byte> q = stackalloc byte[Chunk];
            for (long end = at + table.Columns; at < end;)
            {
                var (k, run) = table.Layout.Segment(at, out int step);
                int n = (int)Math.Min(Math.Min(run, end - at), Chunk), i = 0, unused = 32 - table.Bits;
                BitStream.Unpack(new((byte*)o.Codes, o.Bytes), at, q[..n], table.Bits);
                if (step == 0 && values == null && !table.Signed) i = Affine(q[..n], scales[k], zeros == null ? table.Middle : zeros[o.OneZero ? 0 : k], minima == null ? 0 : minima[k], to);
                for (k += i * step; i < n; i++, k += step)
                {
                    float v = values != null ? values[q[i]] : (table.Signed ? q[i] << unused >> unused : q[i]) - (zeros == null ? table.Middle : zeros[o.OneZero ? 0 : k]);
                    v *= scales[k];
                    to[i] = minima == null ? v : v + minima[k];
                }
                at += n;
                to += n;
            }
        }

        // As many codes of one scale as fill vectors; their number.
        private static int Affine(ReadOnlySpan<byte> q, float scale, float zero, float minimum, float* to)
        {
            int i = 0;
            var (s, z, m) = (new Vector<float>(scale), new Vector<float>(zero), new Vector<float>(minimum));
            for (; i <= q.Length - Vector<byte>.Count; i += Vector<byte>.Count)
            {
                Vector.Widen(new Vector<byte>(q[i..]), out var low, out var high);
                Words(low, s, z, m, to + i);
                Words(high, s, z, m, to + i + Vector<ushort>.Count);
            }
            return i;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Words(Vector<ushort> q, Vector<float> s, Vector<float> z, Vector<float> m, float* to)
        {
            Vector.Widen(q, out var low, out var high);
            ((Vector.ConvertToSingle(Vector.AsVectorInt32(low)) - z) * s + m).Store(to);
            ((Vector.ConvertToSingle(Vector.AsVectorInt32(high)) - z) * s + m).Store(to + Vector<float>.Count);
        }
    }
}
