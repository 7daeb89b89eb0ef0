using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>The last steps of a channel: twice some counters added to and subtracted from one, and the result stored or compared.</summary>
internal static unsafe class PlaneChain<TVector, TLanes> where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
{
    /// <summary>Most terms of one run.</summary>
    public const int MostTerms = 8;

    private const int Plane = BitPlanes.PlaneBytes;

    /// <summary>
    /// last + 2 · Σ ±term: terms lie <paramref name="step"/> bytes apart, their signs alternate and the last is subtracted; one term, or an even number up to <see cref="MostTerms"/>.
    /// The lowest bit is that of <paramref name="low"/>. Stores the planes at <paramref name="y"/>. All pointers are to this vector's lanes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Numbers(int bits, byte* low, byte* last, int terms, byte* first, nint step, byte* y) => Run<Stored>(bits, low, last, terms, first, step, null, null, 0, y);

    /// <summary>As <see cref="Numbers"/>, and then the sign of the sum with a number a pixel of a channel's <paramref name="thresholds"/>; a plane at <paramref name="y"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Signs(in SlicedBlock b, int lane, byte* low, byte* last, int terms, byte* first, nint step, uint* thresholds, byte* y)
    {
        byte* tables = b.Numbers + lane;
        if (b.UsedTables == 1) Run<OneTable>(b.Bits, low, last, terms, first, step, tables, thresholds, b.Tables, y);
        else if (b.UsedTables == 2) Run<TwoTables>(b.Bits, low, last, terms, first, step, tables, thresholds, b.Tables, y);
        else
        {
            byte* planes = b.Sums + lane;
            PlaneNumbers<TVector, TLanes>.Make(thresholds, b.Bits, b.Tables, b.UsedTables, tables, planes);
            Run<Planes>(b.Bits, low, last, terms, first, step, planes, null, 0, y);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TNumbers>(int bits, byte* low, byte* last, int terms, byte* first, nint step, byte* numbers, uint* entries, nint apart, byte* y) where TNumbers : struct
    {
        switch (terms)
        {
            case 0:
                Run<Terms0, TNumbers>(bits, low, last, first, step, numbers, entries, apart, y);
                break;
            case 1:
                Run<Terms1, TNumbers>(bits, low, last, first, step, numbers, entries, apart, y);
                break;
            case 2:
                Run<Terms2, TNumbers>(bits, low, last, first, step, numbers, entries, apart, y);
                break;
            case 4:
                Run<Terms4, TNumbers>(bits, low, last, first, step, numbers, entries, apart, y);
                break;
            default:
                Run<Terms8, TNumbers>(bits, low, last, first, step, numbers, entries, apart, y);
                break;
        }
    }

    // What a result is compared with: nothing, a plane of a table a bit, the sum of planes of two tables, planes one after the other.
    private struct Stored;

    private struct OneTable;

    private struct TwoTables;

    private struct Planes;

    private interface ITerms
    {
        static abstract int Count { get; }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TTerms, TNumbers>(int bits, byte* low, byte* last, byte* first, nint step, byte* numbers, uint* entries, nint apart, byte* y) where TTerms : struct, ITerms where TNumbers : struct
    {
        TVector b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        byte* t = first;
        TVector v = TLanes.Load(low), r = default;
        if (typeof(TNumbers) == typeof(Stored)) TLanes.Store(v, y);
        else r = TLanes.And(v, Number<TNumbers>(numbers, entries));
        for (int i = 1; ; i++, t += Plane)
        {
            v = TLanes.Load(last + i * Plane);
            if (typeof(TNumbers) == typeof(Planes)) numbers += Plane;
            else entries += apart;
            if (TTerms.Count == 1) Subtract(ref v, ref b0, t);
            if (TTerms.Count >= 2)
            {
                Add(ref v, ref b0, t);
                Subtract(ref v, ref b1, t + step);
            }
            if (TTerms.Count >= 4)
            {
                Add(ref v, ref b2, t + 2 * step);
                Subtract(ref v, ref b3, t + 3 * step);
            }
            if (TTerms.Count >= 8)
            {
                Add(ref v, ref b4, t + 4 * step);
                Subtract(ref v, ref b5, t + 5 * step);
                Add(ref v, ref b6, t + 6 * step);
                Subtract(ref v, ref b7, t + 7 * step);
            }
            if (typeof(TNumbers) == typeof(Stored)) TLanes.Store(v, y + i * Plane);
            if (i == bits - 1) break;
            if (typeof(TNumbers) != typeof(Stored)) r = TLanes.Carry(r, v, Number<TNumbers>(numbers, entries));
        }
        // The sign of the sum of both.
        if (typeof(TNumbers) != typeof(Stored)) TLanes.Store(TLanes.Xor(r, v, Number<TNumbers>(numbers, entries)), y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Number<TNumbers>(byte* numbers, uint* entries) where TNumbers : struct =>
        typeof(TNumbers) == typeof(OneTable) ? TLanes.Load(numbers + entries[0]) :
        typeof(TNumbers) == typeof(TwoTables) ? TLanes.Xor(TLanes.Load(numbers + entries[0]), TLanes.Load(numbers + entries[1])) : TLanes.Load(numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(ref TVector v, ref TVector carry, byte* term)
    {
        TVector x = TLanes.Load(term), sum = TLanes.Xor(v, x, carry);
        carry = TLanes.Carry(v, x, carry);
        v = sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Subtract(ref TVector v, ref TVector borrow, byte* term)
    {
        TVector x = TLanes.Load(term), sum = TLanes.Xor(v, x, borrow);
        borrow = TLanes.Borrow(v, x, borrow);
        v = sum;
    }

    private struct Terms0 : ITerms
    {
        public static int Count => 0;
    }

    private struct Terms1 : ITerms
    {
        public static int Count => 1;
    }

    private struct Terms2 : ITerms
    {
        public static int Count => 2;
    }

    private struct Terms4 : ITerms
    {
        public static int Count => 4;
    }

    private struct Terms8 : ITerms
    {
        public static int Count => 8;
    }
}
