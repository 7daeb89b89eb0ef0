using System.Runtime.InteropServices;
using Engine.Cuda;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary>A result that is not what it should be.</summary>
public sealed class GpuCaseException(string message) : EngineException(message);

/// <summary>What a case needs of a device: memory with values in it, and a comparison. Disposing it frees the memory.</summary>
public sealed class GpuCaseContext(GpuKernels kernels, IGpuStream stream, int seed) : IDisposable
{
    // Kernels must not write there; the interpreter of the tests sees it at once, a device only by these bytes.
    private const int Guard = 256;
    private const byte GuardByte = 0xA5;

    private readonly List<(IGpuBuffer Buffer, long Bytes)> _outputs = [];
    private readonly List<IGpuBuffer> _buffers = [];

    /// <summary>Kernels of the device.</summary>
    public GpuKernels Kernels => kernels;

    /// <summary>The queue.</summary>
    public IGpuStream Stream => stream;

    /// <summary>Numbers that depend on the case alone.</summary>
    public Random Random { get; } = new(seed);

    /// <summary>The largest difference met so far, as a part of what is allowed.</summary>
    public double Worst { get; private set; }

    /// <summary>So many values in [low, high), rounded to a type.</summary>
    public float[] Values(long count, DType type, float low = -2, float high = 2)
    {
        float[] v = new float[count];
        for (int i = 0; i < v.Length; i++) v[i] = low + (float)Random.NextDouble() * (high - low);
        return Rounded(v, type);
    }

    /// <summary>Values as a type holds them.</summary>
    public static float[] Rounded(float[] values, DType type)
    {
        if (type == DType.F32) return values;
        byte[] bytes = Bytes(values, type);
        float[] rounded = new float[values.Length];
        FloatConvert.Widen(type, bytes, rounded);
        return rounded;
    }

    /// <summary>Values in device memory as elements of a type.</summary>
    public GpuSpan Upload(float[] values, DType type) => Upload(Bytes(values, type));

    /// <summary>Bytes in device memory; an empty span for none.</summary>
    public GpuSpan Upload(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return GpuSpan.None;
        var buffer = kernels.Device.Allocate(bytes.Length, "input of a case");
        _buffers.Add(buffer);
        stream.Upload(bytes, buffer.Span);
        return buffer.Span;
    }

    /// <summary>Device memory for a result, with a zone behind it that nothing may write.</summary>
    public GpuSpan Output(long bytes)
    {
        var buffer = kernels.Device.Allocate(bytes + Guard, "output of a case");
        _outputs.Add((buffer, bytes));
        stream.Fill(buffer.Span.Slice(bytes, Guard), GuardByte);
        return buffer.Span.Slice(0, bytes);
    }

    /// <summary>Waits and compares a result with what is expected: |actual − expected| ≤ relative · |expected| + absolute, NaN with NaN.</summary>
    public void Expect(GpuSpan actual, DType type, double[] expected, double relative, double absolute)
    {
        byte[] bytes = new byte[type.ByteCount(expected.Length)];
        stream.Download(actual, bytes);
        float[] values = new float[expected.Length];
        if (type == DType.F32) MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
        else FloatConvert.Widen(type, bytes, values);
        // What a type cannot tell apart.
        double unit = type switch { DType.F16 => Math.ScaleB(1, -11), DType.BF16 => Math.ScaleB(1, -8), _ => Math.ScaleB(1, -24) };
        // Below the smallest normal number digits go one by one.
        double least = Math.ScaleB(1, type switch { DType.F16 => -25, DType.BF16 => -134, _ => -149 });
        for (int i = 0; i < values.Length; i++)
        {
            double e = expected[i], a = values[i];
            if (double.IsNaN(e) && double.IsNaN(a) || e == a) continue;
            double allowed = Math.Abs(e) * (relative + unit) + absolute + least, difference = Math.Abs(a - e);
            if (double.IsInfinity(a) && Math.Abs(e) >= (type == DType.F16 ? 65504 : 3.38e38)) continue;
            if (!(difference <= allowed)) throw new GpuCaseException($"element {i}: expected {e:g9}, got {a:g9}, allowed a difference of {allowed:g3}");
            if (allowed > 0) Worst = Math.Max(Worst, difference / allowed);
        }
    }

    /// <summary>Waits and compares bytes.</summary>
    public void ExpectBytes(GpuSpan actual, ReadOnlySpan<byte> expected)
    {
        byte[] bytes = new byte[expected.Length];
        stream.Download(actual, bytes);
        int at = bytes.AsSpan().CommonPrefixLength(expected);
        if (at < bytes.Length) throw new GpuCaseException($"byte {at}: expected {expected[at]}, got {bytes[at]}");
    }

    /// <summary>Throws where the zone behind an output was written.</summary>
    public void ExpectGuards()
    {
        byte[] zone = new byte[Guard];
        foreach (var (buffer, bytes) in _outputs)
        {
            stream.Download(buffer.Span.Slice(bytes, Guard), zone);
            if (zone.AsSpan().IndexOfAnyExcept(GuardByte) is var at and >= 0) throw new GpuCaseException($"byte {at} behind an output of {bytes} bytes was written");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var b in _buffers) b.Dispose();
        foreach (var (b, _) in _outputs) b.Dispose();
        _buffers.Clear();
        _outputs.Clear();
    }

    private static byte[] Bytes(float[] values, DType type)
    {
        byte[] bytes = new byte[type.ByteCount(values.Length)];
        if (type == DType.F32) MemoryMarshal.AsBytes(values.AsSpan()).CopyTo(bytes);
        else FloatConvert.Narrow(type, values, bytes);
        return bytes;
    }
}
