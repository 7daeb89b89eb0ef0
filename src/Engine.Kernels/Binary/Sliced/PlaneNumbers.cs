using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>A number a pixel, bit by bit as planes, where more tables make it than <see cref="PlaneChain{TVector, TLanes}"/> adds up by itself.</summary>
internal static unsafe class PlaneNumbers<TVector, TLanes> where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
{
    /// <summary>y[bit] = the sum, modulo 2, of the planes that <paramref name="entries"/> [bit, table] point at, in the first <paramref name="used"/> of the tables.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Make(uint* entries, int bits, int tables, int used, byte* planes, byte* y)
    {
        for (int i = 0; i < bits; i++, entries += tables, y += BitPlanes.PlaneBytes)
        {
            TVector v = TLanes.Xor(TLanes.Load(planes + entries[0]), TLanes.Load(planes + entries[1]));
            for (int t = 2; t < used; t++) v = TLanes.Xor(v, TLanes.Load(planes + entries[t]));
            TLanes.Store(v, y);
        }
    }
}
