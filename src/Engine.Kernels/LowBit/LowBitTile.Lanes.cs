using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

public static unsafe partial class LowBitTile
{
    /// <summary>Dot products of four unsigned by four signed bytes in every 32-bit lane.</summary>
    private interface IDot<V> where V : struct
    {
        /// <summary>sum + codes · x.</summary>
        static abstract V Add(V sum, byte* codes, V x);
    }

    /// <summary>32-bit lanes, integers or floats.</summary>
    private interface ILanes<V> where V : struct
    {
        static abstract int Count { get; }
        static abstract V Of(int v);
        static abstract V Load(float* p);
        static abstract void Store(V v, float* p);
        static abstract V Subtract(V a, V b);
        static abstract V ToSingle(V a);
        static abstract V Multiply(V a, V b);

        /// <summary>a · b + c, rounded once.</summary>
        static abstract V MultiplyAdd(V a, V b, V c);
    }

    /// <summary>One row of activations against two vectors of rows of the weight.</summary>
    private struct Pair<V, L, D> where V : struct where L : struct, ILanes<V> where D : struct, IDot<V>
    {
        private V _s0, _s1, _y0, _y1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Begin(float* y, bool accumulate) => (_y0, _y1) = accumulate ? (L.Load(y), L.Load(y + L.Count)) : default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Clear() => (_s0, _s1) = (default, default);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(byte* w, sbyte* x)
        {
            var v = L.Of(*(int*)x);
            _s0 = D.Add(_s0, w, v);
            _s1 = D.Add(_s1, w + 4 * L.Count, v);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Combine(int sum, float scale, float* scales, float* offsets, bool zeros, bool minima)
        {
            V factor = Of(scale), v0, v1;
            if (zeros)
            {
                var less = Of(-(float)sum);
                v0 = L.MultiplyAdd(L.Load(offsets), less, L.ToSingle(_s0));
                v1 = L.MultiplyAdd(L.Load(offsets + L.Count), less, L.ToSingle(_s1));
            }
            else
            {
                var less = L.Of(minima ? 0 : sum);
                v0 = L.ToSingle(L.Subtract(_s0, less));
                v1 = L.ToSingle(L.Subtract(_s1, less));
            }
            _y0 = L.MultiplyAdd(v0, L.Multiply(L.Load(scales), factor), _y0);
            _y1 = L.MultiplyAdd(v1, L.Multiply(L.Load(scales + L.Count), factor), _y1);
            if (!minima) return;
            factor = Of(scale * sum);
            _y0 = L.MultiplyAdd(L.Load(offsets), factor, _y0);
            _y1 = L.MultiplyAdd(L.Load(offsets + L.Count), factor, _y1);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Of(float v) => L.Of(BitConverter.SingleToInt32Bits(v));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* y)
        {
            L.Store(_y0, y);
            L.Store(_y1, y + L.Count);
        }
    }

    private static void Lanes<V, L, D>(in Tile t) where V : struct where L : struct, ILanes<V> where D : struct, IDot<V>
    {
        for (int first = 0; first < t.Rows; first += Rows)
        {
            var one = t.At(first);
            for (int column = 0; column < LowBitLayout.PanelRows; column += 2 * L.Count)
                for (int row = 0; row < one.Rows; row += 3) Strip<V, L, D>(one, row, column);
        }
    }

    // Three rows: six sums, six results and what feeds them fill 16 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Strip<V, L, D>(in Tile t, int row, int column) where V : struct where L : struct, ILanes<V> where D : struct, IDot<V>
    {
        Pair<V, L, D> r0 = default, r1 = default, r2 = default;
        int quads = t.Quads, pitch = t.Pitch;
        // Where one row stands alone, it is also read as the others.
        int second = pitch == 1 ? 0 : 1, third = pitch == 1 ? 0 : 2;
        float* scales = (float*)t.Chunk.Scales + column, offsets = (float*)t.Chunk.Offsets + column, xs = t.X.Scales + row;
        int* sums = t.X.Sums + row;
        bool zeros = t.HasZeros, minima = t.HasMinima;
        r0.Begin(t.Row(row) + column, t.Accumulate);
        r1.Begin(t.Row(row + 1) + column, t.Accumulate);
        r2.Begin(t.Row(row + 2) + column, t.Accumulate);
        sbyte* x = t.X.Codes + 4 * row;
        byte* w = (byte*)t.Chunk.Codes + 4 * column;
        for (int b = t.Blocks; b > 0; b--, scales += LowBitLayout.PanelRows, offsets += LowBitLayout.PanelRows, sums += pitch, xs += pitch)
        {
            r0.Clear();
            r1.Clear();
            r2.Clear();
            for (int q = quads; q > 0; q--, w += 128, x += 4 * pitch)
            {
                r0.Add(w, x);
                r1.Add(w, x + 4 * second);
                r2.Add(w, x + 4 * third);
            }
            r0.Combine(*sums, *xs, scales, offsets, zeros, minima);
            r1.Combine(sums[second], xs[second], scales, offsets, zeros, minima);
            r2.Combine(sums[third], xs[third], scales, offsets, zeros, minima);
        }
        // Missing rows are stored where the last one is stored after them.
        r2.Store(t.Row(row + 2) + column);
        r1.Store(t.Row(row + 1) + column);
        r0.Store(t.Row(row) + column);
    }

    private readonly struct Lanes256 : ILanes<Vector256<int>>
    {
        public static int Count => Vector256<int>.Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Of(int v) => Vector256.Create(v);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Load(float* p) => Vector256.Load((int*)p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Subtract(Vector256<int> a, Vector256<int> b) => a - b;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> ToSingle(Vector256<int> a) => Vector256.ConvertToSingle(a).AsInt32();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Multiply(Vector256<int> a, Vector256<int> b) => (a.AsSingle() * b.AsSingle()).AsInt32();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> MultiplyAdd(Vector256<int> a, Vector256<int> b, Vector256<int> c) => Fma.MultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).AsInt32();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector256<int> v, float* p) => v.Store((int*)p);
    }

    private readonly struct Lanes128 : ILanes<Vector128<int>>
    {
        public static int Count => Vector128<int>.Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Of(int v) => Vector128.Create(v);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Load(float* p) => Vector128.Load((int*)p);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Subtract(Vector128<int> a, Vector128<int> b) => a - b;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> ToSingle(Vector128<int> a) => Vector128.ConvertToSingle(a).AsInt32();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Multiply(Vector128<int> a, Vector128<int> b) => (a.AsSingle() * b.AsSingle()).AsInt32();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> MultiplyAdd(Vector128<int> a, Vector128<int> b, Vector128<int> c) => Vector128.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).AsInt32();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector128<int> v, float* p) => v.Store((int*)p);
    }

    private readonly struct DotVnni : IDot<Vector256<int>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Add(Vector256<int> sum, byte* codes, Vector256<int> x) => AvxVnni.MultiplyWideningAndAdd(sum, Vector256.Load(codes), x.AsSByte());
    }

    private readonly struct Dot256 : IDot<Vector256<int>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Add(Vector256<int> sum, byte* codes, Vector256<int> x) => sum + Products(Vector256.Load(codes), x, 1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Products(Vector256<byte> codes, Vector256<int> x, short factor) => Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(codes, x.AsSByte()), Vector256.Create(factor));
    }

    // Products of 8 by 8 bits do not fit the 16 bits of vpmaddubsw: four bits at a time.
    private readonly struct Dot256Wide : IDot<Vector256<int>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Add(Vector256<int> sum, byte* codes, Vector256<int> x)
        {
            var (c, mask) = (Vector256.Load(codes), Vector256.Create((byte)15));
            return sum + Dot256.Products(c & mask, x, 1) + Dot256.Products(Vector256.ShiftRightLogical(c.AsUInt16(), 4).AsByte() & mask, x, 16);
        }
    }

    private readonly struct DotDp : IDot<Vector128<int>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Add(Vector128<int> sum, byte* codes, Vector128<int> x) => Dp.DotProduct(sum, Vector128.Load((sbyte*)codes), x.AsSByte());
    }

    // A signed product: the high bit of a code counts apart.
    private readonly struct DotDpWide : IDot<Vector128<int>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Add(Vector128<int> sum, byte* codes, Vector128<int> x)
        {
            var c = Vector128.Load(codes);
            sum = Dp.DotProduct(sum, (c & Vector128.Create((byte)127)).AsSByte(), x.AsSByte());
            return sum + (Dp.DotProduct(Vector128<int>.Zero, Vector128.ShiftRightLogical(c, 7).AsSByte(), x.AsSByte()) << 7);
        }
    }

    private readonly struct Dot128 : IDot<Vector128<int>>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Add(Vector128<int> sum, byte* codes, Vector128<int> x)
        {
            var c = Vector128.Load(codes).AsInt32();
            var mask = Vector128.Create(255);
            sum += (c & mask) * (x << 24 >> 24);
            sum += (c >> 8 & mask) * (x << 16 >> 24);
            sum += (c >> 16 & mask) * (x << 8 >> 24);
            return sum + (c >>> 24) * (x >> 24);
        }
    }
}
