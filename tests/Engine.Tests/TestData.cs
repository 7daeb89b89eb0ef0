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
}
