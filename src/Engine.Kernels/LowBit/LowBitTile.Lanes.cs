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
        public void Combine(int sum, float scale, float* scales, float* zeros, bool hasZeros)
        {
            V less = L.Of(sum), factor = L.Of(BitConverter.SingleToInt32Bits(scale)), v0, v1;
            if (hasZeros)
            {
                less = L.Of(BitConverter.SingleToInt32Bits(-(float)sum));
                v0 = L.MultiplyAdd(L.Load(zeros), less, L.ToSingle(_s0));
                v1 = L.MultiplyAdd(L.Load(zeros + L.Count), less, L.ToSingle(_s1));
            }
            else
            {
                v0 = L.ToSingle(L.Subtract(_s0, less));
                v1 = L.ToSingle(L.Subtract(_s1, less));
            }
            _y0 = L.MultiplyAdd(v0, L.Multiply(L.Load(scales), factor), _y0);
            _y1 = L.MultiplyAdd(v1, L.Multiply(L.Load(scales + L.Count), factor), _y1);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* y)
        {
            L.Store(_y0, y);
            L.Store(_y1, y + L.Count);
        }
    }

    private static void Lanes<V, L, D>(in Tile t) where V : struct where L : struct, ILanes<V> where D : struct, IDot<V>
    {
        for (int column = 0; column < LowBitLayout.PanelRows; column += 2 * L.Count)
            for (int row = 0; row < t.Rows; row += 3) Strip<V, L, D>(t, row, column);
    }

    // Three rows: six sums, six results and what feeds them fill 16 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Strip<V, L, D>(in Tile t, int row, int column) where V : struct where L : struct, ILanes<V> where D : struct, IDot<V>
    {
        Pair<V, L, D> r0 = default, r1 = default, r2 = default;
        int second = t.Row(row + 1), third = t.Row(row + 2), quads = t.Quads;
        float* y = t.Y + column, scales = (float*)t.Chunk.Scales + column, zeros = (float*)t.Chunk.Zeros + column;
        bool hasZeros = t.HasZeros;
        r0.Begin(y + row * t.Stride, t.Accumulate);
        r1.Begin(y + second * t.Stride, t.Accumulate);
        r2.Begin(y + third * t.Stride, t.Accumulate);
        sbyte* x0 = t.Codes + row * t.CodeStride, x1 = t.Codes + second * t.CodeStride, x2 = t.Codes + third * t.CodeStride;
        nint b0 = row * t.BlockStride, b1 = second * t.BlockStride, b2 = third * t.BlockStride;
        byte* w = (byte*)t.Chunk.Codes + 4 * column;
        for (int b = 0; b < t.Blocks; b++, scales += LowBitLayout.PanelRows, zeros += LowBitLayout.PanelRows)
        {
            r0.Clear();
            r1.Clear();
            r2.Clear();
            for (int q = quads; q > 0; q--, w += 128, x0 += 4, x1 += 4, x2 += 4)
            {
                r0.Add(w, x0);
                r1.Add(w, x1);
                r2.Add(w, x2);
            }
            r0.Combine(t.Sums[b0 + b], t.Scales[b0 + b], scales, zeros, hasZeros);
            r1.Combine(t.Sums[b1 + b], t.Scales[b1 + b], scales, zeros, hasZeros);
            r2.Combine(t.Sums[b2 + b], t.Scales[b2 + b], scales, zeros, hasZeros);
        }
        r2.Store(y + third * t.Stride);
        r1.Store(y + second * t.Stride);
        r0.Store(y + row * t.Stride);
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
