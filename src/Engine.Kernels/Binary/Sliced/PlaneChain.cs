using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>The last steps of a channel: twice some counters added to and subtracted from one, and the result compared with a threshold a pixel or stored.</summary>
internal static unsafe class PlaneChain<TVector, TLanes> where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
{
    /// <summary>Most terms of one run.</summary>
    public const int MostTerms = 8;

    private const int Plane = BitPlanes.PlaneBytes;

    /// <summary>
    /// last + 2 · Σ ±term: terms lie <paramref name="step"/> bytes apart, their signs alternate and the last is subtracted; one term, or an even number up to <see cref="MostTerms"/>.
    /// The lowest bit is that of <paramref name="low"/>. All pointers are to this vector's lanes; <paramref name="thresholds"/> null stores the planes at <paramref name="y"/>, else one of signs.
    /// </summary>
    public static void Run(in SlicedBlock b, int lane, byte* low, byte* last, int terms, byte* first, nint step, uint* thresholds, byte* y)
    {
        switch (terms)
        {
            case 0:
                Run<Terms0>(b, lane, low, last, first, step, thresholds, y);
                break;
            case 1:
                Run<Terms1>(b, lane, low, last, first, step, thresholds, y);
                break;
            case 2:
                Run<Terms2>(b, lane, low, last, first, step, thresholds, y);
                break;
            case 4:
                Run<Terms4>(b, lane, low, last, first, step, thresholds, y);
                break;
            default:
                Run<Terms8>(b, lane, low, last, first, step, thresholds, y);
                break;
        }
    }

    private interface ITerms
    {
        static abstract int Count { get; }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TTerms>(in SlicedBlock block, int lane, byte* low, byte* last, byte* first, nint step, uint* k, byte* y) where TTerms : struct, ITerms
    {
        TVector b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        int bits = block.Bits, classes = block.Classes;
        int* ids = block.ClassIds;
        byte* masks = block.Masks + lane, t = first;
        TVector v = TLanes.Load(low), r = default;
        if (k != null) r = TLanes.And(v, Threshold(k, 0, bits, masks, ids, classes));
        else TLanes.Store(v, y);
        for (int i = 1; ; i++, t += Plane)
        {
            v = TLanes.Load(last + i * Plane);
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
            if (k == null) TLanes.Store(v, y + i * Plane);
            if (i == bits - 1) break;
            if (k != null) r = TLanes.Carry(r, v, Threshold(k, i, bits, masks, ids, classes));
        }
        // The sign of the sum of both.
        if (k != null) TLanes.Store(TLanes.Xor(r, v, Threshold(k, bits - 1, bits, masks, ids, classes)), y);
    }

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

    /// <summary>Bit i of the number that is added: that of most pixels, with what differs for each class at the border.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Threshold(uint* k, int i, int bits, byte* masks, int* ids, int classes)
    {
        var v = TLanes.Of(k[i]);
        for (int c = 0; c < classes; c++) v = TLanes.XorAnd(v, TLanes.Load(masks + c * Plane), TLanes.Of(k[ids[c] * bits + i]));
        return v;
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
