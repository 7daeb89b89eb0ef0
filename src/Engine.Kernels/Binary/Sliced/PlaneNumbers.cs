using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>A number for most pixels and others for the classes at the border, bit by bit as planes.</summary>
internal static unsafe class PlaneNumbers<TVector, TLanes> where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
{
    private const int Plane = BitPlanes.PlaneBytes;

    // Masks of so many classes stay in registers: the sides of an image, with a corner's on one end, with those on both.
    private const int Sides = 2, OneEnd = 5, Both = 8;

    /// <summary>y[i] = bit i of the number of each pixel: <paramref name="k"/> holds <paramref name="bits"/> u32 a class, the first of most pixels, then what differs from it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Make(uint* k, int bits, byte* masks, int* ids, int classes, byte* y)
    {
        byte* from = null;
        for (int done = 0; done < classes; from = y)
        {
            int count = Math.Min(classes - done, Both);
            if (count <= Sides) Make<Few>(k, bits, masks, ids, count, from, y);
            else if (count <= OneEnd) Make<Some>(k, bits, masks, ids, count, from, y);
            else Make<Many>(k, bits, masks, ids, count, from, y);
            done += count;
            masks += count * Plane;
            ids += count;
        }
    }

    private interface ICount
    {
        static abstract int Most { get; }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Make<TCount>(uint* k, int bits, byte* masks, int* ids, int count, byte* from, byte* y) where TCount : struct, ICount
    {
        TVector m0 = Mask(masks, 0, count), m1 = Mask(masks, 1, count), m2 = default, m3 = default, m4 = default, m5 = default, m6 = default, m7 = default;
        uint* k0 = Class(k, ids, 0, count, bits), k1 = Class(k, ids, 1, count, bits), k2 = k, k3 = k, k4 = k, k5 = k, k6 = k, k7 = k;
        if (TCount.Most > Sides)
        {
            (m2, m3, m4) = (Mask(masks, 2, count), Mask(masks, 3, count), Mask(masks, 4, count));
            k2 = Class(k, ids, 2, count, bits);
            k3 = Class(k, ids, 3, count, bits);
            k4 = Class(k, ids, 4, count, bits);
        }
        if (TCount.Most > OneEnd)
        {
            (m5, m6, m7) = (Mask(masks, 5, count), Mask(masks, 6, count), Mask(masks, 7, count));
            k5 = Class(k, ids, 5, count, bits);
            k6 = Class(k, ids, 6, count, bits);
            k7 = Class(k, ids, 7, count, bits);
        }
        for (int i = 0; i < bits; i++)
        {
            TVector v = from == null ? TLanes.Of(k[i]) : TLanes.Load(from + i * Plane), w = TLanes.And(m1, TLanes.Of(k1[i]));
            v = TLanes.XorAnd(v, m0, TLanes.Of(k0[i]));
            if (TCount.Most > Sides)
            {
                w = TLanes.XorAnd(w, m2, TLanes.Of(k2[i]));
                v = TLanes.XorAnd(v, m3, TLanes.Of(k3[i]));
                w = TLanes.XorAnd(w, m4, TLanes.Of(k4[i]));
            }
            if (TCount.Most > OneEnd)
            {
                v = TLanes.XorAnd(v, m5, TLanes.Of(k5[i]));
                w = TLanes.XorAnd(w, m6, TLanes.Of(k6[i]));
                v = TLanes.XorAnd(v, m7, TLanes.Of(k7[i]));
            }
            TLanes.Store(TLanes.Xor(v, w), y + i * Plane);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Mask(byte* masks, int c, int count) => c < count ? TLanes.Load(masks + c * Plane) : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint* Class(uint* k, int* ids, int c, int count, int bits) => c < count ? k + (nint)ids[c] * bits : k;

    private struct Few : ICount
    {
        public static int Most => Sides;
    }

    private struct Some : ICount
    {
        public static int Most => OneEnd;
    }

    private struct Many : ICount
    {
        public static int Most => Both;
    }
}
