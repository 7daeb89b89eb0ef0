using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Counters of one width, a counter a pixel: bit i of all of them is one vector. Adding 32 planes is 31 full adders and a carry that ripples through the higher bits.
/// Counts wrap: a counter is its value modulo 2 to the number of its bits.
/// </summary>
internal static unsafe class PlaneCounters<TVector, TLanes> where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
{
    /// <summary>Fewest and most bits.</summary>
    public const int LeastBits = 7, MostBits = 14;

    /// <summary>
    /// Runs <paramref name="count"/> lists one after the other on the same counters, from those at <paramref name="from"/>, or from zero, and stores them behind each:
    /// <paramref name="bits"/> planes at <paramref name="to"/>, <paramref name="step"/> bytes further for the next list. The result is the end of the lists.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ushort* Run(int bits, byte* planes, ushort* lists, int count, byte* from, byte* to, nint step) => bits switch
    {
        <= 7 => Run<Bits7>(planes, planes, lists, count, from, to, step),
        8 => Run<Bits8>(planes, planes, lists, count, from, to, step),
        9 => Run<Bits9>(planes, planes, lists, count, from, to, step),
        10 => Run<Bits10>(planes, planes, lists, count, from, to, step),
        11 => Run<Bits11>(planes, planes, lists, count, from, to, step),
        12 => Run<Bits12>(planes, planes, lists, count, from, to, step),
        13 => Run<Bits13>(planes, planes, lists, count, from, to, step),
        _ => Run<Bits14>(planes, planes, lists, count, from, to, step),
    };

    private interface IBits
    {
        static abstract int Count { get; }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ushort* Run<TBits>(byte* planes, byte* again, ushort* list, int count, byte* from, byte* to, nint step) where TBits : struct, IBits
    {
        TVector c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default, c8 = default, c9 = default, c10 = default, c11 = default, c12 = default, c13 = default;
        if (from != null)
        {
            c0 = Plane(from, 0);
            c1 = Plane(from, 1);
            c2 = Plane(from, 2);
            c3 = Plane(from, 3);
            c4 = Plane(from, 4);
            c5 = Plane(from, 5);
            c6 = Plane(from, 6);
            if (TBits.Count > 7) c7 = Plane(from, 7);
            if (TBits.Count > 8) c8 = Plane(from, 8);
            if (TBits.Count > 9) c9 = Plane(from, 9);
            if (TBits.Count > 10) c10 = Plane(from, 10);
            if (TBits.Count > 11) c11 = Plane(from, 11);
            if (TBits.Count > 12) c12 = Plane(from, 12);
            if (TBits.Count > 13) c13 = Plane(from, 13);
        }
        for (; count > 0; count--)
        {
            ushort* head = list;
            list += PlaneLists.Header;
            for (uint n = head[0]; n != 0; n--)
            {
                TVector x = EightOfBoth(planes, again, list, ref c0, ref c1, ref c2), y = EightOfBoth(planes, again, list + 8, ref c0, ref c1, ref c2);
                x = Count(ref c3, x, y);
                y = EightOfBoth(planes, again, list + 16, ref c0, ref c1, ref c2);
                TVector z = EightMasked(planes, list + 24, ref c0, ref c1, ref c2);
                y = Count(ref c3, y, z);
                x = Count(ref c4, x, y);
                x = Count(ref c5, x);
                x = Count(ref c6, x);
                if (TBits.Count > 7) x = Count(ref c7, x);
                if (TBits.Count > 8) x = Count(ref c8, x);
                if (TBits.Count > 9) x = Count(ref c9, x);
                if (TBits.Count > 10) x = Count(ref c10, x);
                if (TBits.Count > 11) x = Count(ref c11, x);
                if (TBits.Count > 12) x = Count(ref c12, x);
                if (TBits.Count > 13) Count(ref c13, x);
                list += PlaneLists.LongEntries;
            }
            for (uint n = head[1]; n != 0; n--)
            {
                var x = EightMasked(planes, list, ref c0, ref c1, ref c2);
                x = Count(ref c3, x);
                x = Count(ref c4, x);
                x = Count(ref c5, x);
                x = Count(ref c6, x);
                if (TBits.Count > 7) x = Count(ref c7, x);
                if (TBits.Count > 8) x = Count(ref c8, x);
                if (TBits.Count > 9) x = Count(ref c9, x);
                if (TBits.Count > 10) x = Count(ref c10, x);
                if (TBits.Count > 11) x = Count(ref c11, x);
                if (TBits.Count > 12) x = Count(ref c12, x);
                if (TBits.Count > 13) Count(ref c13, x);
                list += PlaneLists.ShortEntries;
            }
            TLanes.Store(c0, to);
            TLanes.Store(c1, to + BitPlanes.PlaneBytes);
            TLanes.Store(c2, to + 2 * BitPlanes.PlaneBytes);
            TLanes.Store(c3, to + 3 * BitPlanes.PlaneBytes);
            TLanes.Store(c4, to + 4 * BitPlanes.PlaneBytes);
            TLanes.Store(c5, to + 5 * BitPlanes.PlaneBytes);
            TLanes.Store(c6, to + 6 * BitPlanes.PlaneBytes);
            if (TBits.Count > 7) TLanes.Store(c7, to + 7 * BitPlanes.PlaneBytes);
            if (TBits.Count > 8) TLanes.Store(c8, to + 8 * BitPlanes.PlaneBytes);
            if (TBits.Count > 9) TLanes.Store(c9, to + 9 * BitPlanes.PlaneBytes);
            if (TBits.Count > 10) TLanes.Store(c10, to + 10 * BitPlanes.PlaneBytes);
            if (TBits.Count > 11) TLanes.Store(c11, to + 11 * BitPlanes.PlaneBytes);
            if (TBits.Count > 12) TLanes.Store(c12, to + 12 * BitPlanes.PlaneBytes);
            if (TBits.Count > 13) TLanes.Store(c13, to + 13 * BitPlanes.PlaneBytes);
            to += step;
        }
        return list;
    }

    /// <summary>Adds half of eight planes and subtracts the others, as <see cref="PlaneLists"/> tells, and counts one too many for each of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector EightOfBoth(byte* planes, byte* again, ushort* list, ref TVector c0, ref TVector c1, ref TVector c2)
    {
        ulong first = *(ulong*)list, second = *(ulong*)(list + 4);
        TVector a = At(planes, first), b = At(planes, first >> 16), c;
        TVector twoA = TLanes.CarryNot(a, b, At(planes, first >> 32));
        a = TLanes.Xor(a, b, At(again, first >> 32));
        b = At(planes, first >> 48);
        c = At(planes, second);
        var twoB = TLanes.CarryNot(b, c, At(planes, second >> 16));
        b = TLanes.Xor(b, c, At(again, second >> 16));
        c = At(planes, second >> 32);
        var d = At(planes, second >> 48);
        var twoC = TLanes.Carry(a, c, d);
        a = TLanes.Xor(a, c, d);
        return Reduce(a, b, twoA, twoB, twoC, ref c0, ref c1, ref c2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector EightMasked(byte* planes, ushort* list, ref TVector c0, ref TVector c1, ref TVector c2)
    {
        ulong first = *(ulong*)list, second = *(ulong*)(list + 4);
        uint* masks = (uint*)(list + 8);
        TVector a = At(planes, first, masks[0]), b = At(planes, first >> 16, masks[1]), c = At(planes, first >> 32, masks[2]);
        TVector twoA = TLanes.Carry(a, b, c);
        a = TLanes.Xor(a, b, c);
        b = At(planes, first >> 48, masks[3]);
        c = At(planes, second, masks[4]);
        var d = At(planes, second >> 16, masks[5]);
        var twoB = TLanes.Carry(b, c, d);
        b = TLanes.Xor(b, c, d);
        c = At(planes, second >> 32, masks[6]);
        d = At(planes, second >> 48, masks[7]);
        var twoC = TLanes.Carry(a, c, d);
        a = TLanes.Xor(a, c, d);
        return Reduce(a, b, twoA, twoB, twoC, ref c0, ref c1, ref c2);
    }

    /// <summary>Two ones and three twos more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Reduce(TVector a, TVector b, TVector twoA, TVector twoB, TVector twoC, ref TVector c0, ref TVector c1, ref TVector c2)
    {
        var two = Count(ref c0, a, b);
        var four = TLanes.Carry(twoA, twoB, twoC);
        return Count(ref c2, four, Count(ref c1, two, TLanes.Xor(twoA, twoB, twoC)));
    }

    /// <summary>c + a + b; the result is the carry.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Count(ref TVector c, TVector a, TVector b)
    {
        var carry = TLanes.Carry(c, a, b);
        c = TLanes.Xor(c, a, b);
        return carry;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Count(ref TVector c, TVector a)
    {
        var carry = TLanes.And(c, a);
        c = TLanes.Xor(c, a);
        return carry;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector At(byte* planes, ulong offset) => TLanes.Load(planes + 8 * (ulong)(ushort)offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector At(byte* planes, ulong offset, uint mask) => TLanes.Xor(At(planes, offset), TLanes.Of(mask));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Plane(byte* planes, int i) => TLanes.Load(planes + i * BitPlanes.PlaneBytes);

    private struct Bits7 : IBits
    {
        public static int Count => 7;
    }

    private struct Bits8 : IBits
    {
        public static int Count => 8;
    }

    private struct Bits9 : IBits
    {
        public static int Count => 9;
    }

    private struct Bits10 : IBits
    {
        public static int Count => 10;
    }

    private struct Bits11 : IBits
    {
        public static int Count => 11;
    }

    private struct Bits12 : IBits
    {
        public static int Count => 12;
    }

    private struct Bits13 : IBits
    {
        public static int Count => 13;
    }

    private struct Bits14 : IBits
    {
        public static int Count => 14;
    }
}
