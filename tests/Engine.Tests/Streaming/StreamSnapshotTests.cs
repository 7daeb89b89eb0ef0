using Engine.Cpu;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Saved states as bytes that mean the same to every tier and layout of kernels.</summary>
public class StreamSnapshotTests
{
    private const int Samples = 120, SavedAt = 61;

    // A stream of "recurrent" saved after 61 samples by kernels of the tier avx512, and the results that followed there.
    private const string Saved =
        "RU5HUwIAAADCqdgRN3356D1QBVNhekn7BwAAAAAAAAAFAAAA//////////8OT2c/7KyTPhTahr5Av58+wMYrPjSblT7vVWi/ZjZePy8VML9gCXe+/Cj6PjqVOT+QUVg/iCxJvuCAB70QR6W9gLsZvPgv0T54hR2/GHymPihoMb7g2Za8iHpj" +
        "PjiFPD8Ymdy+Y84+v9psPj+UXQU/KpAiP04WST8SNwK/Kn5svyyhFz/oD+Y+NJuVPu9VaL9mNl4/AmJMP5hdBr6gmy8/XshZP2B1D75i6RA/HuAlv6rSZ7/6qEQ/ihkTP4gsSb7ggAe9EEelvQAE7L1iU9m+8kckv2CVIj8Lr2K/emigvhJv" +
        "PT8Iu4W+AJwIPSg4Dj7g2Za8iHpjPjiFPD9SDBW/JWptPn2VsL/LN/+/htncvwV9OcBiHu+/ZHz2v87GTD+pWPw9rYD8Px7Y+b3bqhG/MTcwwPeSVMAkza2/gyj7viKr6b9rGSpAKh4dQLVmKT1A25Y/DZlbP95DiT4CIoO+gckrvwvY3z+2" +
        "YEJAjW6bPXnqwL+MbM6/paytPyVqbT7LN/+/BX05wGR89r+pWPw9Htj5vTE3MMAkza2/IqvpvyoeHUBA25Y/3kOJPoHJK7+2YEJAeerAv6WsrT8wH2e/kJw/PjA8qEBCfXY/iP8YQCCSQz+a+7fAGEj7PykUe0CmbePAS52wvxoVBcACZzDA" +
        "kq+6wCx8hT9PvV9AlB4nwcpQuMAQVt3AzO+GP5ZPLcD6oLVAi2YKwCLbr0D5DzjAjvBLwLqDG0BuMS3A/2kWwF6UIkCosQ7A/peNv1i7Fj+rj7E+xtUIPg05yrxNNEk/f3ppP19SWD+msAjBpXDqJ4aCa93sleA4cTI0nw==";

    private static readonly float[] s_following = [0.259663343f, 0.480059981f, 0.060275726f, -0.685048163f, -2.7958317e-19f, 1.92738617e-06f, -0.007855298f, -0.000290826254f, 0.00968822464f, 0.0638455078f, 0.0011112775f, -4.04777634e-09f, 0.488666326f, 0.397044986f, 0.0718093216f, -0.507929444f, -3.34604633e-09f, 5.3562203e-14f, 1.95181808e-21f, -8.36646628e-24f, -1.12837172e-14f, 0.000331124786f, -5.62238029e-06f, -0.00176300027f, -0.45928055f, -0.666900277f, 0.276086807f, -0.00157556473f, -8.11483005e-08f, -2.07573861e-10f, 1.69113423e-09f, -1.11691732e-11f];

    /// <summary>Kernels that keep channels in blocks, and those that do not, read each other's states.</summary>
    [Theory]
    [InlineData("convolutions")]
    [InlineData("recurrent")]
    [InlineData("windows")]
    public void StatesDoNotDependOnTheLayoutOfKernels(string kind)
    {
        using var blocked = SensorStack.Model(kind, new() { Kernels = new KernelRegistry(CpuKernels.Standard).Prefer<Conv>(c => c.Stem.StartsWith("conv-blocked", StringComparison.Ordinal)) });
        using var plain = SensorStack.Model(kind, new() { OptimizationLevel = 1 });
        using var a = blocked.CreateSession();
        using var b = plain.CreateSession();
        float[] signal = TestData.Floats(Samples * SensorStack.Channels, 7);
        var expected = Push(a, signal, 0, Samples);
        Assert.True(KeepsBlocks(a));
        a.Reset();
        var actual = Push(a, signal, 0, 40);
        b.Restore(a.Save());
        actual.AddRange(Push(b, signal, 40, 77));
        a.Restore(b.Save());
        actual.AddRange(Push(a, signal, 77, Samples));
        Assert.False(KeepsBlocks(b));
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++) Assert.Equal(expected[i], actual[i], 1e-4f);
    }

    [Fact]
    public void StateOfAnotherTierGoesOnHere()
    {
        using var model = SensorStack.Model("recurrent");
        using var session = model.CreateSession();
        float[] signal = TestData.Floats(Samples * SensorStack.Channels, 7);
        Push(session, signal, 0, SavedAt);
        byte[] saved = session.Save();
        byte[] other = Convert.FromBase64String(Saved);
        Assert.Equal(saved.Length, other.Length);
        session.Restore(other);
        Assert.Equal(SavedAt, session.Pushed);
        var following = Push(session, signal, SavedAt, 77);
        Assert.Equal(s_following.Length, following.Count);
        for (int i = 0; i < s_following.Length; i++) Assert.Equal(s_following[i], following[i], 1e-5f);
    }

    [Fact]
    public void DamagedBytesAreRefusedAndChangeNothing()
    {
        using var model = SensorStack.Model("recurrent");
        using var session = model.CreateSession();
        using var other = model.CreateSession();
        float[] signal = TestData.Floats(Samples * SensorStack.Channels, 7);
        Push(other, signal, 0, SavedAt);
        byte[] saved = other.Save();
        var expected = Push(session, signal, 0, Samples);
        session.Reset();
        var actual = Push(session, signal, 0, 45);
        for (int i = 0; i < saved.Length; i++)
        {
            byte[] damaged = [.. saved];
            damaged[i] ^= (byte)(1 << (i % 8));
            Assert.Throws<InputException>(() => session.Restore(damaged));
            if (i % 16 == 0) Assert.Throws<InputException>(() => session.Restore(saved.AsSpan(0, i)));
        }
        Assert.Throws<InputException>(() => session.Restore([.. saved, 0]));
        actual.AddRange(Push(session, signal, 45, Samples));
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void StateOfAnotherModelIsRefused()
    {
        using var model = SensorStack.Model("recurrent");
        using var windows = SensorStack.Model("windows");
        using var a = model.CreateSession();
        using var b = windows.CreateSession();
        Assert.Throws<InputException>(() => b.Restore(a.Save()));
        a.Restore(a.Save());
        Assert.Equal(0, a.Pushed);
    }

    private static bool KeepsBlocks(StreamSession s) => s.Session.Plans.SelectMany(p => p.Steps).Any(s => s.Node is { Op: Delay } && s.OutputTypes[0]?.Encoding is BlockedEncoding);

    private static List<float> Push(StreamSession session, float[] signal, int from, int to)
    {
        var values = new List<float>();
        while (from < to)
        {
            from += session.Push(signal.AsSpan(from * SensorStack.Channels, (to - from) * SensorStack.Channels));
            while (session.TryRead(out var r))
            {
                float[] frames = new float[r.Frames * r.FrameElements];
                r.CopyTo(frames.AsSpan());
                values.AddRange(frames);
            }
        }
        return values;
    }
}
