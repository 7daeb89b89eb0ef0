using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Rows of activations rounded to 8 bits with a scale each, as products of codes take them: unsigned, around <see cref="Zero"/>.</summary>
internal static unsafe class RoundedRows
{
    /// <summary>The code of 0.</summary>
    public const int Zero = 128;

    /// <summary>Activations that are rounded a nanosecond.</summary>
    public static double PerNanosecond => QuantizeRows.Table.Tier switch { "avx512" => 4, "vector" => 0.72, _ => 0.15 };

    private const int Alignment = 64;

    /// <summary>Bytes from a row of codes to the next: whole cache lines, so that vectors are whole.</summary>
    public static int Stride(int k) => Checked.Int(Checked.AlignUp(k, Alignment));

    /// <summary>Bytes of the codes and scales of rows.</summary>
    public static long Bytes(int rows, int k) => Checked.Add(Checked.Mul(rows, Stride(k)), Checked.AlignUp(4L * rows, Alignment));

    /// <summary>Where the scales lie behind the codes.</summary>
    public static float* Scales(byte* codes, int rows, int k) => (float*)(codes + (nint)rows * Stride(k));

    /// <summary>Rounds rows of <paramref name="io"/> to <paramref name="codes"/> and the scales behind them.</summary>
    public static void Run(Workers workers, int rows, int k, in LinearRows io, byte* codes) => workers.For(rows, Math.Max(1, 32768 / k), new Body(io, k, Stride(k), codes, Scales(codes, rows, k)));

    private readonly struct Body(LinearRows io, int k, int stride, byte* codes, float* scales) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var quantize = QuantizeRows.Table.Best;
            int sum;
            for (int i = start; i < end; i++)
            {
                byte* to = codes + (nint)i * stride;
                scales[i] = quantize((float*)io.X + i * io.RowStride, k, stride, stride, 1, (sbyte*)to, &sum);
                for (int j = 0; j < stride; j += sizeof(ulong)) *(ulong*)(to + j) ^= 0x8080808080808080;
            }
        }
    }
}
