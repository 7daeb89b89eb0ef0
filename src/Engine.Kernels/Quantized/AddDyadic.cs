using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// Sum of two rows of u8 codes of different grids in integers alone, a multiplier a branch and one shift:
/// y = clamp(⌊((a − zeroA) · multiplierA + (b − zeroB) · multiplierB + 2^(shift − 1)) / 2^shift⌋ + zero, min, max).
/// </summary>
public static unsafe class AddDyadic
{
    // 255 · 2 · 2^21 stays within 31 bits.
    private const int MultiplierBits = 21, MostShift = 30;

    /// <summary>The grids of the operands and of the sum; codes of i8 grids are taken as u8 ones, 128 more.</summary>
    public readonly record struct Grids(int MultiplierA, int ZeroA, int MultiplierB, int ZeroB, int Shift, int Zero, int Min, int Max)
    {
        /// <summary>Multipliers and the shift for branches of which a step is <paramref name="a"/> and <paramref name="b"/> steps of the sum; false where they are too large.</summary>
        public static bool TryOf(double a, int zeroA, double b, int zeroB, int zero, int min, int max, out Grids grids)
        {
            grids = default;
            double largest = Math.Max(a, b);
            if (!(a >= 0 && b >= 0) || largest >= 1 << (MultiplierBits - 1)) return false;
            int shift = Math.Min(MostShift, MultiplierBits - 1 - (largest == 0 ? 0 : Math.ILogB(largest)));
            grids = new((int)Math.Round(Math.ScaleB(a, shift)), zeroA, (int)Math.Round(Math.ScaleB(b, shift)), zeroB, shift, zero, min, max);
            return shift > 0;
        }
    }

    /// <summary>y may be a or b.</summary>
    public delegate void Fn(byte* a, byte* b, byte* y, int count, in Grids g);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("add-dyadic-u8",
        new("avx512", Avx512BW.IsSupported, RunAvx512),
        new("scalar", true, RunScalar));

    /// <summary>Whole tensors.</summary>
    public static void Run(Workers workers, byte* a, byte* b, byte* y, long count, in Grids g) => workers.For(Tensors.Checked.Int((count + Body.Chunk - 1) / Body.Chunk), 16, new Body(a, b, y, count, g));

    private readonly struct Body(byte* a, byte* b, byte* y, long count, Grids g) : IParallelBody
    {
        public const int Chunk = 4096;

        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++)
            {
                long at = (long)i * Chunk;
                Table.Best(a + at, b + at, y + at, (int)Math.Min(Chunk, count - at), g);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAvx512(byte* a, byte* b, byte* y, int count, in Grids g)
    {
        Vector512<int> za = Vector512.Create(g.ZeroA), zb = Vector512.Create(g.ZeroB), ma = Vector512.Create(g.MultiplierA), mb = Vector512.Create(g.MultiplierB);
        Vector512<int> half = Vector512.Create(1 << (g.Shift - 1)), low = Vector512.Create(g.Min - g.Zero), high = Vector512.Create(g.Max - g.Zero), zero = Vector512.Create(g.Zero);
        int i = 0, shift = g.Shift;
        for (; i <= count - 16; i += 16)
        {
            var sum = (Avx512F.ConvertToVector512Int32(Vector128.Load(a + i)) - za) * ma + (Avx512F.ConvertToVector512Int32(Vector128.Load(b + i)) - zb) * mb + half;
            Avx512F.ConvertToVector128Byte(Avx512F.Min(Avx512F.Max(sum >> shift, low), high) + zero).Store(y + i);
        }
        RunScalar(a + i, b + i, y + i, count - i, g);
    }

    private static void RunScalar(byte* a, byte* b, byte* y, int count, in Grids g)
    {
        for (int i = 0; i < count; i++)
        {
            int q = ((a[i] - g.ZeroA) * g.MultiplierA + (b[i] - g.ZeroB) * g.MultiplierB + (1 << (g.Shift - 1))) >> g.Shift;
            y[i] = (byte)(Math.Clamp(q, g.Min - g.Zero, g.Max - g.Zero) + g.Zero);
        }
    }
}
