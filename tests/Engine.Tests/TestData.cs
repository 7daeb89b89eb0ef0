using Engine.Compression;
using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Seeded inputs.</summary>
internal static class TestData
{
    /// <summary>Floats in [−1, 1).</summary>
    public static float[] Floats(int count, int seed)
    {
        var r = new Random(seed);
        var v = new float[count];
        for (int i = 0; i < count; i++) v[i] = r.NextSingle() * 2 - 1;
        return v;
    }

    /// <summary>Inputs [rows, columns] that depend on each other, as activations do: there is something to make up with.</summary>
    public static float[] Correlated(int rows, int columns, int seed)
    {
        float[] few = Floats(rows * 12, seed), mix = Floats(12 * columns, seed + 1), noise = Floats(rows * columns, seed + 2);
        var x = Products.Times(few, rows, mix, columns, 12, Workers.Single);
        for (int i = 0; i < x.Length; i++) x[i] += 0.3f * noise[i];
        return x;
    }
}
