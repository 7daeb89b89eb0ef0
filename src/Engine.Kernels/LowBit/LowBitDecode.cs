using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Blocks of a low-bit panel as f32 [columns, 32]: scale · (code − zero) or scale · table[code], rounded, or minimum plus scale · code, rounded twice. All tiers give the same bits.</summary>
public static unsafe class LowBitDecode
{
    /// <summary>Decodes blocks [first, first + blocks); <paramref name="head"/> is the table before the first panel.</summary>
    public delegate void Fn(in LowBitLayout layout, float* head, byte* panel, int first, int blocks, float* to);

    /// <summary>Best first.</summary>
    public static KernelTable<Fn> Table { get; } = new("lowbit-decode",
        new("avx512", Avx512F.IsSupported, static (in LowBitLayout l, float* head, byte* panel, int first, int blocks, float* to) => Blocks<Vector512<float>, Lookup512>(l, head, panel, first, blocks, to)),
        new("avx2", Avx2.IsSupported, static (in LowBitLayout l, float* head, byte* panel, int first, int blocks, float* to) => Blocks<Vector256<float>, Lookup256>(l, head, panel, first, blocks, to)),
        new("vector", Vector128.IsHardwareAccelerated, static (in LowBitLayout l, float* head, byte* panel, int first, int blocks, float* to) => Blocks<Vector128<float>, Lookup128>(l, head, panel, first, blocks, to)),
        new("scalar", true, Scalar));

    /// <summary>What codes of a layout stand for: entry i is that of field i of the first plane, entry 16 + i that of the second; fields may have bits of others above them.</summary>
    public static void FillHead(in LowBitLayout l, ReadOnlySpan<float> table, Span<float> head)
    {
        float zero = l.HasZeros || l.HasMinima ? 0 : l.Zero;
        for (int i = 0; i < 16; i++)
        {
            int low = l.Bits is 2 or 3 ? i & 3 : i;
            bool planes = l.Bits is 3 or 8;
            head[i] = planes ? low : l.IsLinear ? low - zero : low < table.Length ? table[low] : 0;
            head[16 + i] = l.Bits == 3 ? 4 * (i & 1) - zero : planes ? 16 * i - zero : 0;
        }
    }

    private static void Scalar(in LowBitLayout l, float* head, byte* panel, int first, int blocks, float* to)
    {
        int lowBits = l.Bits switch { 3 => 2, 8 => 4, _ => l.Bits };
        for (int b = first; b < first + blocks; b++)
        {
            byte* group = panel + l.GroupStart(b / l.GroupBlocks);
            for (int k = 0; k < l.Block; k++)
                for (int r = 0; r < LowBitLayout.PanelRows; r++)
                {
                    int code = l.Code(panel + l.BlockStart(b), r, k);
                    var (scale, offset) = l.Parameters(group, r);
                    if (l.Scales == LowBitScales.Row) scale = ((float*)(panel + l.PanelBytes))[r - LowBitLayout.PanelRows];
                    float value = head[code & (1 << lowBits) - 1] + head[16 + (code >> lowBits)];
                    float w = scale * (l.HasZeros ? value - offset : value);
                    *to++ = l.HasMinima ? w + offset : w;
                }
        }
    }

    /// <summary>Lookups in a table of 16 by the low four bits of every 32-bit lane.</summary>
    private interface ILookup<V> where V : struct
    {
        static abstract int Count { get; }
        static abstract V Load(void* p);
        static abstract void Store(V v, float* p);

        /// <summary>Every lane shifted right.</summary>
        static abstract V Shift(V v, int bits);

        static abstract V Find(float* table, V index);
        static abstract V Add(V a, V b);
        static abstract V Subtract(V a, V b);
        static abstract V Multiply(V a, V b);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Blocks<V, L>(in LowBitLayout l, float* head, byte* panel, int first, int blocks, float* to) where V : struct where L : struct, ILookup<V>
    {
        int lowBits = l.Bits switch { 3 => 2, 8 => 4, _ => l.Bits }, highBits = l.Bits - lowBits, lowFields = 8 / lowBits, highFields = highBits == 0 ? 1 : 8 / highBits;
        float* scales = stackalloc float[LowBitLayout.PanelRows], offsets = stackalloc float[LowBitLayout.PanelRows];
        bool zeros = l.HasZeros, minima = l.HasMinima;
        int quads = l.Block / 4;
        for (int b = first; b < first + blocks; b++)
        {
            if (b == first || b % l.GroupBlocks == 0)
            {
                LowBitParameters.Read(l, panel + l.GroupStart(b / l.GroupBlocks), scales, offsets);
                if (l.Scales == LowBitScales.Row) new ReadOnlySpan<float>((float*)(panel + l.PanelBytes) - LowBitLayout.PanelRows, LowBitLayout.PanelRows).CopyTo(new(scales, LowBitLayout.PanelRows));
            }
            byte* low = panel + l.BlockStart(b), high = low + LowBitLayout.PanelRows * l.Block * lowBits / 8;
            for (int quad = 0; quad < quads; quad++, to += 4 * LowBitLayout.PanelRows)
            {
                byte* lowPlane = low + quad / lowFields * 128, highPlane = high + quad / highFields * 128;
                int lowShift = quad % lowFields * lowBits, highShift = quad % highFields * highBits;
                for (int r = 0; r < LowBitLayout.PanelRows; r += L.Count)
                {
                    V x = L.Shift(L.Load(lowPlane + 4 * r), lowShift), scale = L.Load(scales + r), offset = L.Load(offsets + r), y = highBits == 0 ? default : L.Shift(L.Load(highPlane + 4 * r), highShift);
                    for (int k = 0; k < 4; k++)
                    {
                        V value = L.Find(head, x);
                        if (highBits > 0)
                        {
                            value = L.Add(value, L.Find(head + 16, y));
                            y = L.Shift(y, 8);
                        }
                        if (zeros) value = L.Subtract(value, offset);
                        value = L.Multiply(scale, value);
                        L.Store(minima ? L.Add(value, offset) : value, to + k * LowBitLayout.PanelRows + r);
                        x = L.Shift(x, 8);
                    }
                }
            }
        }
    }

    private readonly struct Lookup512 : ILookup<Vector512<float>>
    {
        public static int Count => 16;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Load(void* p) => Vector512.Load((float*)p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector512<float> v, float* p) => v.Store(p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Shift(Vector512<float> v, int bits) => Vector512.ShiftRightLogical(v.AsInt32(), bits).AsSingle();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Find(float* table, Vector512<float> index) => Avx512F.PermuteVar16x32(Vector512.Load(table), index.AsInt32());

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;
    }

    private readonly struct Lookup256 : ILookup<Vector256<float>>
    {
        public static int Count => 8;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Load(void* p) => Vector256.Load((float*)p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector256<float> v, float* p) => v.Store(p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Shift(Vector256<float> v, int bits) => Vector256.ShiftRightLogical(v.AsInt32(), bits).AsSingle();

        // The lookup takes three bits; the fourth chooses between two.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Find(float* table, Vector256<float> index) => Avx.BlendVariable(Avx2.PermuteVar8x32(Vector256.Load(table), index.AsInt32()),
            Avx2.PermuteVar8x32(Vector256.Load(table + 8), index.AsInt32()), (index.AsInt32() << 28).AsSingle());

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;
    }

    private readonly struct Lookup128 : ILookup<Vector128<float>>
    {
        public static int Count => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Load(void* p) => Vector128.Load((float*)p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector128<float> v, float* p) => v.Store(p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Shift(Vector128<float> v, int bits) => Vector128.ShiftRightLogical(v.AsInt32(), bits).AsSingle();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Find(float* table, Vector128<float> index)
        {
            var i = index.AsInt32() & Vector128.Create(15);
            return Vector128.Create(table[i[0]], table[i[1]], table[i[2]], table[i[3]]);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Add(Vector128<float> a, Vector128<float> b) => a + b;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Subtract(Vector128<float> a, Vector128<float> b) => a - b;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Multiply(Vector128<float> a, Vector128<float> b) => a * b;
    }
}
