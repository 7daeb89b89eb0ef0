using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// C[m, n] = Σk A[m, k]·B[k, n] of u8 and s8, exact in 32 bits, for a B of which any entries are zero and for few rows: only entries are read. Columns of B lie in the lanes, <see cref="Lanes"/>
/// of them, four entries of each a record; a record's entries lie among <see cref="Window"/> rows of B, so that their activations are one permutation of two registers.
/// <para>A record is positions in the window u8 [<see cref="Lanes"/>, 4], then values s8 [<see cref="Lanes"/>, 4]; columns that have fewer entries there have zeros. Windows begin at the first entry that is
/// left of any of the columns.</para>
/// </summary>
public static unsafe partial class GemvCsrU8S8
{
    /// <summary>Columns of a record, and rows of B that its entries lie in.</summary>
    public const int Lanes = 16, Window = 128;

    /// <summary>Bytes of a record, and of the positions at its begin.</summary>
    internal const int RecordBytes = 8 * Lanes, PositionBytes = 4 * Lanes;

    /// <summary>A row of A by the records of <see cref="Lanes"/> columns: record r meets the <see cref="Window"/> bytes from windows[r] on, which are all read; sums begin with <paramref name="start"/>.</summary>
    public delegate void Fn(byte* a, int* windows, byte* records, int count, int* start, int* c);

    /// <summary>Best first: vpermi2b; eight byte shuffles; two lookups of 64 bytes.</summary>
    public static KernelTable<Fn> Table { get; } = new("gemv-csr-u8s8",
        new("avx512", Avx512Vbmi.IsSupported, RunAvx512),
        new("avx2", Avx2.IsSupported, RunAvx2),
        new("advsimd", Dp.IsSupported, RunArm),
        new("scalar", true, Scalar));

    private static void RunAvx512(byte* a, int* windows, byte* records, int count, int* start, int* c)
    {
        if (AvxVnni.IsSupported) Vnni(a, windows, records, count, start, c);
        else Widened(a, windows, records, count, start, c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Gather(byte* window, byte* positions) => Avx512Vbmi.PermuteVar64x8x2(Vector512.Load(window), Vector512.Load(positions), Vector512.Load(window + Window / 2));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Vnni(byte* a, int* windows, byte* records, int count, int* start, int* c)
    {
        Vector256<int> x = Vector256.Load(start), y = Vector256.Load(start + 8), u = default, v = default;
        int r = 0;
        for (; r < count - 1; r += 2, records += 2 * RecordBytes)
        {
            var g = Gather(a + windows[r], records);
            var h = Gather(a + windows[r + 1], records + RecordBytes);
            x = AvxVnni.MultiplyWideningAndAdd(x, g.GetLower(), Vector256.Load((sbyte*)records + PositionBytes));
            y = AvxVnni.MultiplyWideningAndAdd(y, g.GetUpper(), Vector256.Load((sbyte*)records + PositionBytes + 32));
            u = AvxVnni.MultiplyWideningAndAdd(u, h.GetLower(), Vector256.Load((sbyte*)records + RecordBytes + PositionBytes));
            v = AvxVnni.MultiplyWideningAndAdd(v, h.GetUpper(), Vector256.Load((sbyte*)records + RecordBytes + PositionBytes + 32));
        }
        if (r < count)
        {
            var g = Gather(a + windows[r], records);
            x = AvxVnni.MultiplyWideningAndAdd(x, g.GetLower(), Vector256.Load((sbyte*)records + PositionBytes));
            y = AvxVnni.MultiplyWideningAndAdd(y, g.GetUpper(), Vector256.Load((sbyte*)records + PositionBytes + 32));
        }
        (x + u).Store(c);
        (y + v).Store(c + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Widened(byte* a, int* windows, byte* records, int count, int* start, int* c)
    {
        var sum = Vector512.Load(start);
        for (int r = 0; r < count; r++, records += RecordBytes)
            sum = DotAvx512.Add(sum, DotAvx512.Unsigned(Gather(a + windows[r], records).AsUInt16()), DotAvx512.Columns((sbyte*)records + PositionBytes));
        sum.Store(c);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAvx2(byte* a, int* windows, byte* records, int count, int* start, int* c)
    {
        Vector256<int> x = Vector256.Load(start), y = Vector256.Load(start + 8);
        for (int r = 0; r < count; r++, records += RecordBytes)
        {
            byte* p = a + windows[r];
            Vector256<byte> at = Vector256.Load(records), to = Vector256.Load(records + 32), g = default, h = default;
            // A shuffle gives zero for what has its highest bit: 112 more, kept from turning over, leaves it to positions beyond sixteen.
            for (int i = 0; i < Window; i += 16)
            {
                var bytes = Avx2.BroadcastVector128ToVector256(p + i);
                g |= Avx2.Shuffle(bytes, Avx2.AddSaturate(at, Vector256.Create((byte)112)));
                h |= Avx2.Shuffle(bytes, Avx2.AddSaturate(to, Vector256.Create((byte)112)));
                at -= Vector256.Create((byte)16);
                to -= Vector256.Create((byte)16);
            }
            x = DotAvx2.Add(x, DotAvx2.Unsigned(g.AsUInt16()), DotAvx2.Columns((sbyte*)records + PositionBytes));
            y = DotAvx2.Add(y, DotAvx2.Unsigned(h.AsUInt16()), DotAvx2.Columns((sbyte*)records + PositionBytes + 32));
        }
        x.Store(c);
        y.Store(c + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunArm(byte* a, int* windows, byte* records, int count, int* start, int* c)
    {
        Pair<Vector128<int>> s0 = DotArm.Load(start), s1 = DotArm.Load(start + 4), s2 = DotArm.Load(start + 8), s3 = DotArm.Load(start + 12);
        for (int r = 0; r < count; r++, records += RecordBytes)
        {
            byte* p = a + windows[r];
            var low = (Vector128.Load(p), Vector128.Load(p + 16), Vector128.Load(p + 32), Vector128.Load(p + 48));
            var high = (Vector128.Load(p + 64), Vector128.Load(p + 80), Vector128.Load(p + 96), Vector128.Load(p + 112));
            sbyte* values = (sbyte*)records + PositionBytes;
            s0 = DotArm.Add(s0, Lookup(low, high, records), Vector128.Load(values));
            s1 = DotArm.Add(s1, Lookup(low, high, records + 16), Vector128.Load(values + 16));
            s2 = DotArm.Add(s2, Lookup(low, high, records + 32), Vector128.Load(values + 32));
            s3 = DotArm.Add(s3, Lookup(low, high, records + 48), Vector128.Load(values + 48));
        }
        DotArm.Store(s0, c);
        DotArm.Store(s1, c + 4);
        DotArm.Store(s2, c + 8);
        DotArm.Store(s3, c + 12);
    }

    // A lookup beyond its table gives zero. Signed codes, as sdot takes them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Lookup((Vector128<byte>, Vector128<byte>, Vector128<byte>, Vector128<byte>) low, (Vector128<byte>, Vector128<byte>, Vector128<byte>, Vector128<byte>) high, byte* positions)
    {
        var at = Vector128.Load(positions);
        return ((AdvSimd.Arm64.VectorTableLookup(low, at) | AdvSimd.Arm64.VectorTableLookup(high, at - Vector128.Create((byte)64))) ^ Vector128.Create((byte)0x80)).AsSByte();
    }

    private static void Scalar(byte* a, int* windows, byte* records, int count, int* start, int* c)
    {
        for (int j = 0; j < Lanes; j++)
        {
            int sum = start[j];
            for (int r = 0; r < count; r++)
                for (int i = 4 * j; i < 4 * j + 4; i++)
                    sum = unchecked(sum + a[windows[r] + records[(nint)r * RecordBytes + i]] * (sbyte)records[(nint)r * RecordBytes + PositionBytes + i]);
            c[j] = sum;
        }
    }
}
