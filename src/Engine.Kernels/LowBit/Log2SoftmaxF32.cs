using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>Softmax of one row of f32 as exponents of two: code q stands for 2^−q, so that a weighted sum is made of shifts.</summary>
public static unsafe class Log2SoftmaxF32
{
    /// <summary>The code of zero, also given where a row has a NaN or no finite value.</summary>
    public const byte Zero = 16;

    private const float Log2E = 1.44269504088896341f;

    // Codes narrowed at a time.
    private const int Block = 64;

    /// <summary>
    /// q[i] = round(−log2 p[i]) for the softmax p of <paramref name="count"/> elements, ties to even; from 16 on <see cref="Zero"/>. 2^−q lies between p/√2 and p·√2,
    /// and what becomes zero is below 2^−15.5.
    /// </summary>
    public delegate void Fn(float* x, byte* q, int count);

    /// <summary>Best first; the reference computes in double, others may round to the neighbouring code where the logarithm lies halfway.</summary>
    public static KernelTable<Fn> Table { get; } = new("log2-softmax-f32",
        new("avx512", F32x16.IsSupported, Lanes<F32x16>),
        new("avx2", F32x8.IsSupported, Lanes<F32x8>),
        new("vector", F32x4.IsSupported, Lanes<F32x4>),
        new("scalar", true, Scalar));

    /// <summary>Rows beside each other.</summary>
    public static void Run(Workers workers, int rows, int length, float* x, byte* q) => workers.For(rows, Math.Max(1, 8192 / Math.Max(1, length)), new Body(length, x, q));

    private readonly struct Body(int length, float* x, byte* q) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var row = Table.Best;
            for (nint r = start; r < end; r++) row(x + r * length, q + r * length, length);
        }
    }

    private static void Scalar(float* x, byte* q, int count)
    {
        double largest = double.NegativeInfinity, sum = 0;
        for (int i = 0; i < count; i++) largest = Math.Max(largest, x[i]);
        for (int i = 0; i < count; i++) sum += Math.Exp(x[i] - largest);
        double all = Math.Log2(sum);
        for (int i = 0; i < count; i++)
        {
            double code = Math.Round(all - (x[i] - largest) / Math.Log(2), MidpointRounding.ToEven);
            q[i] = code < Zero ? (byte)code : Zero;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lanes<TV>(float* x, byte* q, int count) where TV : unmanaged, IF32Vector<TV>
    {
        int whole = count / TV.Count * TV.Count, rest = count - whole;
        var most = TV.Of(float.NegativeInfinity);
        for (int i = 0; i < whole; i += TV.Count) most = TV.Max(most, TV.Load(x + i));
        float largest = TV.Largest(most);
        for (int i = whole; i < count; i++) largest = MathF.Max(largest, x[i]);
        TV shift = TV.Of(largest), even = TV.Of(0), odd = even;
        int at = 0;
        for (; at <= whole - 2 * TV.Count; at += 2 * TV.Count)
        {
            even += F32Math.Exp(TV.Load(x + at) - shift);
            odd += F32Math.Exp(TV.Load(x + at + TV.Count) - shift);
        }
        if (at < whole) even += F32Math.Exp(TV.Load(x + at) - shift);
        float sum = TV.Sum(even + odd);
        float* lanes = stackalloc float[Block];
        if (rest > 0)
        {
            F32Math.Exp(TV.Load(x + whole, rest) - shift).Store(lanes);
            for (int i = 0; i < rest; i++) sum += lanes[i];
        }
        TV all = TV.Of((float)Math.Log2(sum)), factor = TV.Of(Log2E), zero = TV.Of(Zero);
        for (at = 0; at < count; at += Block)
        {
            int n = Math.Min(Block, count - at);
            for (int i = 0; i < n; i += TV.Count)
            {
                var v = n - i >= TV.Count ? TV.Load(x + at + i) : TV.Load(x + at + i, n - i);
                v = TV.Round(all - (v - shift) * factor);
                // Not less, as a NaN is not, becomes zero.
                TV.Select(TV.Less(v, zero), v, zero).Store(lanes + i);
            }
            if (n == Block) Narrow(lanes, q + at);
            else for (int i = 0; i < n; i++) q[at + i] = (byte)lanes[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow(float* x, byte* q)
    {
        for (int i = 0; i < Block; i += Vector<byte>.Count, x += Vector<byte>.Count)
        {
            int n = Vector<float>.Count;
            var low = Vector.Narrow(Vector.ConvertToInt32(Vector.Load(x)), Vector.ConvertToInt32(Vector.Load(x + n)));
            var high = Vector.Narrow(Vector.ConvertToInt32(Vector.Load(x + 2 * n)), Vector.ConvertToInt32(Vector.Load(x + 3 * n)));
            Vector.Narrow(Vector.AsVectorUInt16(low), Vector.AsVectorUInt16(high)).Store(q + i);
        }
    }
}
