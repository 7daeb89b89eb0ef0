namespace Engine.Kernels;

/// <summary>Sum of two code tensors of different grids, requantized: each step in binary32, as dequantize, add and quantize would give.</summary>
public static unsafe class AddInt8
{
    private const int Chunk = 256;

    /// <summary>One operand or the result.</summary>
    /// <param name="Signed">Codes are i8, else u8.</param>
    /// <param name="Scale">Distance between values.</param>
    /// <param name="Zero">Code of 0.</param>
    public readonly record struct Grid(bool Signed, float Scale, int Zero);

    /// <summary>y = quantize(a + b), codes within [<paramref name="min"/>, <paramref name="max"/>]; y may be a or b.</summary>
    public static void Run(Workers workers, Grid a, ReadOnlySpan<byte> x, Grid b, ReadOnlySpan<byte> z, Grid to, int min, int max, Span<byte> y)
    {
        fixed (byte* px = x, pz = z, py = y)
            workers.For((y.Length + Chunk - 1) / Chunk, 32, new Body(a, px, b, pz, to, min, max, py, y.Length));
    }

    private readonly struct Body(Grid a, byte* x, Grid b, byte* z, Grid to, int min, int max, byte* y, int length) : IParallelBody
    {
        public void Run(int start, int end)
        {
            Span<float> left = stackalloc float[Chunk], right = stackalloc float[Chunk];
            for (int at = start * Chunk; at < length && at < end * Chunk; at += Chunk)
            {
                int n = Math.Min(Chunk, length - at);
                Dequantize8.Table.Best(new(x + at, n), a.Signed, a.Scale, a.Zero, left[..n]);
                Dequantize8.Table.Best(new(z + at, n), b.Signed, b.Scale, b.Zero, right[..n]);
                for (int i = 0; i < n; i++) left[i] += right[i];
                QuantizeF32.Table.Best(left[..n], to.Scale, to.Zero, min, max, new(y + at, n));
            }
        }
    }
}
