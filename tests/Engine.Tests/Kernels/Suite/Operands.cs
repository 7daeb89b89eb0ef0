using System.Runtime.CompilerServices;

namespace Engine.Tests;

/// <summary>What the numbers of an operand are.</summary>
internal enum Fill
{
    /// <summary>In [−1, 1).</summary>
    Plain,
    /// <summary>Mostly so; some of magnitude 1e30, 1e-30 or subnormal.</summary>
    Outliers,
    /// <summary>Infinities and NaN too.</summary>
    Anything,
}

/// <summary>Operands of one trial of a kernel, each flush with a guard page at its end or start, or misaligned by 4 to 60 bytes.</summary>
internal sealed unsafe class Operands : IDisposable
{
    private const int Capacity = 1 << 20, Margin = 256;
    private const byte Canary = 0xcd;
    private readonly List<GuardedBuffer> _buffers = [];
    private readonly List<(int Offset, int Bytes)> _used = [];

    public Random Random { get; private set; } = new(0);

    /// <summary>Begins the next trial.</summary>
    public void Next(int seed)
    {
        Random = new Random(seed);
        _used.Clear();
    }

    /// <summary>Zeroed memory for <paramref name="count"/> elements.</summary>
    public T* Take<T>(int count) where T : unmanaged
    {
        int bytes = count * sizeof(T);
        if (bytes > Capacity - 2 * Margin) throw new ArgumentOutOfRangeException(nameof(count));
        if (_used.Count == _buffers.Count) _buffers.Add(new GuardedBuffer(Capacity));
        var all = _buffers[_used.Count].Bytes;
        int offset = Random.Next(3) switch { 0 => 0, 1 => all.Length - bytes, _ => 64 + sizeof(T) * Random.Next(Math.Max(1, 4 / sizeof(T)), 60 / sizeof(T) + 1) };
        _used.Add((offset, bytes));
        Around(all, offset, bytes, static s => s.Fill(Canary));
        all.Slice(offset, bytes).Clear();
        return (T*)(_buffers[_used.Count - 1].Start + offset);
    }

    /// <summary>Floats of a kind.</summary>
    public float* Floats(int count, Fill fill = Fill.Plain)
    {
        float* x = Take<float>(count);
        for (int i = 0; i < count; i++) x[i] = Value(fill);
        return x;
    }

    /// <summary>A copy of operand <paramref name="x"/> elsewhere.</summary>
    public T* Copy<T>(T* x, int count) where T : unmanaged
    {
        T* y = Take<T>(count);
        new ReadOnlySpan<T>(x, count).CopyTo(new Span<T>(y, count));
        return y;
    }

    /// <summary>Throws where a kernel wrote beside an operand.</summary>
    public void Check()
    {
        for (int i = 0; i < _used.Count; i++)
            Around(_buffers[i].Bytes, _used[i].Offset, _used[i].Bytes, static s => Assert.True(s.IndexOfAnyExcept(Canary) < 0, "a kernel wrote beside its output"));
    }

    private float Value(Fill fill)
    {
        float v = Random.NextSingle() * 2 - 1;
        if (fill == Fill.Plain || Random.Next(16) != 0) return v;
        return Random.Next(fill == Fill.Anything ? 6 : 3) switch { 0 => v * 1e30f, 1 => v * 1e-30f, 2 => v * 1e-39f, 3 => float.NaN, 4 => float.PositiveInfinity, _ => float.NegativeInfinity };
    }

    private delegate void Visit(Span<byte> bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Around(Span<byte> all, int offset, int bytes, Visit visit)
    {
        int before = Math.Max(0, offset - Margin), after = Math.Min(all.Length, offset + bytes + Margin);
        visit(all[before..offset]);
        visit(all[(offset + bytes)..after]);
    }

    public void Dispose()
    {
        foreach (var b in _buffers) b.Dispose();
    }
}
