namespace Engine.Compression;

/// <summary>splitmix64: a sequence that no runtime version changes.</summary>
internal struct SplitMix(ulong seed)
{
    private ulong _state = seed ^ 0x9E3779B97F4A7C15;

    /// <summary>64 bits.</summary>
    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong z = _state;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }

    /// <summary>In [0, 1).</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1ul << 53));
}
