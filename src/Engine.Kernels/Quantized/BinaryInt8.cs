using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>The grid of 8-bit codes.</summary>
/// <param name="Signed">Codes are i8, else u8.</param>
/// <param name="Scale">Distance between values.</param>
/// <param name="Zero">Code of 0.</param>
public readonly record struct CodeGrid(bool Signed, float Scale, int Zero)
{
    /// <summary>Smallest code.</summary>
    public int Min => Signed ? -128 : 0;

    /// <summary>Largest code.</summary>
    public int Max => Signed ? 127 : 255;

    /// <summary>The value of a code, given as a byte.</summary>
    public float Decode(byte code) => ((Signed ? (sbyte)code : code) - Zero) * Scale;

    /// <summary>The code nearest to a value, as a byte.</summary>
    public byte Encode(float x) => (byte)QuantizeF32.Code(x, Scale, Zero, Min, Max);

    /// <summary>The codes of this grid for every code of another: what a function of one element is on codes.</summary>
    public void Table(CodeGrid from, Activation f, Span<byte> table)
    {
        Span<float> values = stackalloc float[256];
        for (int i = 0; i < 256; i++) values[i] = from.Decode((byte)i);
        f.Apply(values);
        for (int i = 0; i < 256; i++) table[i] = Encode(values[i]);
    }
}

/// <summary>x ← f(x, z) over spans.</summary>
public interface IBinaryF32
{
    /// <summary>Combines a piece.</summary>
    static abstract void Apply(Span<float> x, ReadOnlySpan<float> z);
}

/// <summary>Sum.</summary>
public readonly struct AddF32 : IBinaryF32
{
    /// <inheritdoc/>
    public static void Apply(Span<float> x, ReadOnlySpan<float> z)
    {
        for (int i = 0; i < x.Length; i++) x[i] += z[i];
    }
}

/// <summary>Product.</summary>
public readonly struct MulF32 : IBinaryF32
{
    /// <inheritdoc/>
    public static void Apply(Span<float> x, ReadOnlySpan<float> z)
    {
        for (int i = 0; i < x.Length; i++) x[i] *= z[i];
    }
}

/// <summary>A function of two code tensors of different grids: each step in binary32, as dequantize, compute and quantize would give.</summary>
public static unsafe class BinaryInt8
{
    private const int Chunk = 256;

    /// <summary>y = quantize(f(a, b)), codes no smaller than <paramref name="min"/>; y may be a or b.</summary>
    public static void Run<TOp>(Workers workers, CodeGrid a, ReadOnlySpan<byte> x, CodeGrid b, ReadOnlySpan<byte> z, CodeGrid to, int min, Span<byte> y) where TOp : struct, IBinaryF32
    {
        fixed (byte* px = x, pz = z, py = y)
            workers.For((int)Checked.CeilDiv(y.Length, Chunk), 32, new Body<TOp>(a, px, b, pz, to, min, py, y.Length));
    }

    private readonly struct Body<TOp>(CodeGrid a, byte* x, CodeGrid b, byte* z, CodeGrid to, int min, byte* y, int length) : IParallelBody where TOp : struct, IBinaryF32
    {
        public void Run(int start, int end)
        {
            Span<float> left = stackalloc float[Chunk], right = stackalloc float[Chunk];
            for (long at = (long)start * Chunk; at < length && at < (long)end * Chunk; at += Chunk)
            {
                int n = (int)Math.Min(Chunk, length - at);
                Dequantize8.Table.Best(new(x + at, n), a.Signed, a.Scale, a.Zero, left[..n]);
                Dequantize8.Table.Best(new(z + at, n), b.Signed, b.Scale, b.Zero, right[..n]);
                TOp.Apply(left[..n], right[..n]);
                QuantizeF32.Table.Best(left[..n], to.Scale, to.Zero, min, to.Max, new(y + at, n));
            }
        }
    }
}
