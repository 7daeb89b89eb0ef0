using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Whole-tensor quantization between float types (f32, f16, bf16, and i32 as a source) and codes (4, 8, 16 bits, i32 as a source,
/// small floats) with scales a tensor, an axis or a block. Computed in binary32.
/// </summary>
public static unsafe class QuantizeTensor
{
    // Elements a chunk; also the unit of the partition, so that no two threads share a byte of packed codes.
    private const int Chunk = 256;

    /// <summary>Codes of x. <paramref name="zeros"/> is empty for zero points of 0; small floats have none.</summary>
    public static void Quantize(Workers workers, in QuantLayout layout, DType from, ReadOnlySpan<byte> x, ReadOnlySpan<float> scales, ReadOnlySpan<byte> zeros, DType to, Span<byte> y, bool saturate)
    {
        fixed (byte* px = x, py = y, pz = zeros)
        fixed (float* ps = scales)
            workers.For((int)((layout.Elements + Chunk - 1) / Chunk), 32, new QuantizeBody(layout, from, px, x.Length, ps, scales.Length, pz, zeros.Length, to, py, y.Length, saturate));
    }

    /// <summary>Values of codes, in f32, f16 or bf16.</summary>
    public static void Dequantize(Workers workers, in QuantLayout layout, DType from, ReadOnlySpan<byte> x, ReadOnlySpan<float> scales, ReadOnlySpan<byte> zeros, DType to, Span<byte> y)
    {
        fixed (byte* px = x, py = y, pz = zeros)
        fixed (float* ps = scales)
            workers.For((int)((layout.Elements + Chunk - 1) / Chunk), 32, new DequantizeBody(layout, from, px, x.Length, ps, scales.Length, pz, zeros.Length, to, py, y.Length));
    }

    private readonly struct QuantizeBody(QuantLayout layout, DType from, byte* x, int xLength, float* scales, int scaleCount, byte* zeros, int zeroLength, DType to, byte* y, int yLength, bool saturate) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var source = new ReadOnlySpan<byte>(x, xLength);
            var target = new Span<byte>(y, yLength);
            var s = new ReadOnlySpan<float>(scales, scaleCount);
            var z = new ReadOnlySpan<byte>(zeros, zeroLength);
            Span<float> buffer = stackalloc float[Chunk];
            long last = Math.Min(layout.Elements, (long)end * Chunk);
            for (long at = (long)start * Chunk; at < last;)
            {
                var (scale, run) = layout.Segment(at, out int step);
                int n = (int)Math.Min(Math.Min(run, Chunk), last - at);
                var values = buffer[..n];
                Load(source, at, values);
                if (to.IsSmallFloat()) Small(values, s, scale, step, target, at);
                else if (step == 0 && to.BitWidth() == 8)
                {
                    var (min, max) = QuantCodes.Range(to);
                    QuantizeF32.Table.Best(values, s[(int)scale], QuantCodes.Read(to, z, scale), min, max, target.Slice((int)at, n));
                }
                else
                {
                    var (min, max) = QuantCodes.Range(to);
                    for (int i = 0; i < n; i++, scale += step)
                        QuantCodes.Write(to, target, at + i, QuantizeF32.Code(values[i], s[(int)scale], QuantCodes.Read(to, z, scale), min, max));
                }
                at += n;
            }
        }

        private void Small(Span<float> values, ReadOnlySpan<float> s, long scale, int step, Span<byte> target, long at)
        {
            var codec = SmallFloat.Of(to);
            for (int i = 0; i < values.Length; i++, scale += step)
            {
                byte code = codec.Encode(values[i] / s[(int)scale], saturate);
                if (to.IsPacked()) Packed4.Set(target, at + i, code);
                else target[(int)at + i] = code;
            }
        }

        private void Load(ReadOnlySpan<byte> source, long at, Span<float> values)
        {
            int width = from.BitWidth() / 8;
            var bytes = source.Slice((int)at * width, values.Length * width);
            if (from == DType.F32) MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
            else if (from == DType.I32)
            {
                var ints = MemoryMarshal.Cast<byte, int>(bytes);
                for (int i = 0; i < values.Length; i++) values[i] = ints[i];
            }
            else FloatConvert.Widen(from, bytes, values);
        }
    }

    private readonly struct DequantizeBody(QuantLayout layout, DType from, byte* x, int xLength, float* scales, int scaleCount, byte* zeros, int zeroLength, DType to, byte* y, int yLength) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var source = new ReadOnlySpan<byte>(x, xLength);
            var target = new Span<byte>(y, yLength);
            var s = new ReadOnlySpan<float>(scales, scaleCount);
            var z = new ReadOnlySpan<byte>(zeros, zeroLength);
            Span<float> buffer = stackalloc float[Chunk];
            var small = from.IsSmallFloat() ? SmallFloat.Of(from) : null;
            int width = to.BitWidth() / 8;
            long last = Math.Min(layout.Elements, (long)end * Chunk);
            for (long at = (long)start * Chunk; at < last;)
            {
                var (scale, run) = layout.Segment(at, out int step);
                int n = (int)Math.Min(Math.Min(run, Chunk), last - at);
                var values = buffer[..n];
                if (small is not null)
                    for (int i = 0; i < n; i++, scale += step)
                        values[i] = small.Decode((byte)(from.IsPacked() ? Packed4.Get(source, at + i) : source[(int)at + i])) * s[(int)scale];
                else if (step == 0 && from.BitWidth() == 8)
                    Dequantize8.Table.Best(source.Slice((int)at, n), from == DType.I8, s[(int)scale], QuantCodes.Read(from, z, scale), values);
                else
                    for (int i = 0; i < n; i++, scale += step)
                        values[i] = unchecked(QuantCodes.Read(from, source, at + i) - QuantCodes.Read(from, z, scale)) * s[(int)scale];
                var bytes = target.Slice((int)at * width, n * width);
                if (to == DType.F32) MemoryMarshal.Cast<float, byte>(values).CopyTo(bytes);
                else FloatConvert.Narrow(to, values, bytes);
                at += n;
            }
        }
    }
}
