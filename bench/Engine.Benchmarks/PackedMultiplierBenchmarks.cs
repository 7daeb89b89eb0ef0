using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using BenchmarkDotNet.Attributes;

namespace Engine.Benchmarks;

/// <summary>
/// Sums of products of unsigned 4-bit codes for two outputs, weights stored two a byte: vpmaddubsw, against one 16-bit multiplication of (w0 | w1 · 2^8) by a, which holds two products
/// that do not touch. Both are exact; weights and activations lie in the first-level cache.
/// </summary>
public unsafe class PackedMultiplierBenchmarks
{
    private const int K = 4096;

    private byte* _rows, _pairs, _bytes;
    private ushort* _words;

    [GlobalSetup]
    public void Prepare()
    {
        if (!Avx2.IsSupported) throw new PlatformNotSupportedException("needs AVX2");
        // Weights of output 0, then 1, in blocks of 64: the low halves of 32 bytes are k to k + 31, the high ones the next 32. Or both outputs of a k in one byte.
        _rows = Take(K);
        _pairs = Take(K);
        _bytes = Take(K);
        _words = (ushort*)Take(2 * K);
        var random = new Random(1);
        long first = 0, second = 0;
        for (int k = 0; k < K; k++)
        {
            int w0 = random.Next(16), w1 = random.Next(16), a = random.Next(16), at = k / 64 * 32 + k % 32, shift = k % 64 / 32 * 4;
            _rows[at] |= (byte)(w0 << shift);
            _rows[K / 2 + at] |= (byte)(w1 << shift);
            _pairs[k] = (byte)(w0 | w1 << 4);
            (_bytes[k], _words[k]) = ((byte)a, (ushort)a);
            (first, second) = (first + w0 * a, second + w1 * a);
        }
        if (Maddubs() != (first, second) || Packed() != (first, second)) throw new InvalidOperationException("a sum is wrong");
    }

    private static byte* Take(int bytes)
    {
        byte* p = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        new Span<byte>(p, bytes).Clear();
        return p;
    }

    [GlobalCleanup]
    public void Release()
    {
        foreach (nint p in (nint[])[(nint)_rows, (nint)_pairs, (nint)_bytes, (nint)_words]) NativeMemory.AlignedFree((void*)p);
    }

    /// <summary>vpmaddubsw adds two products to 16 bits; 72 such sums fit.</summary>
    [Benchmark(Baseline = true)]
    public (long, long) Maddubs() => (Row(_rows), Row(_rows + K / 2));

    private long Row(byte* w)
    {
        var mask = Vector256.Create((byte)15);
        var total = Vector256<int>.Zero;
        for (int k = 0; k < K; k += 2048)
        {
            Vector256<short> even = default, odd = default;
            for (int i = k; i < k + 2048; i += 64)
            {
                var v = Vector256.Load(w + i / 2);
                even += Avx2.MultiplyAddAdjacent(v & mask, Vector256.Load((sbyte*)_bytes + i));
                odd += Avx2.MultiplyAddAdjacent((v.AsUInt16() >>> 4).AsByte() & mask, Vector256.Load((sbyte*)_bytes + i + 32));
            }
            total += Avx2.MultiplyAddAdjacent(even, Vector256.Create((short)1)) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create((short)1));
        }
        return Vector256.Sum(total);
    }

    /// <summary>vpmullw makes two products a lane, which are split before they are added; 291 such sums fit.</summary>
    [Benchmark]
    public (long, long) Packed()
    {
        Vector256<ushort> low = Vector256.Create((ushort)255), nibbles = Vector256.Create((ushort)0x0f0f), first = default, second = default;
        // 4096 / 16 lanes are 256 sums.
        for (int k = 0; k < K; k += 16)
        {
            var pair = Avx2.ConvertToVector256Int16(_pairs + k).AsUInt16();
            var product = ((pair | pair << 4) & nibbles) * Vector256.Load(_words + k);
            first += product & low;
            second += product >>> 8;
        }
        return (Sum(first), Sum(second));
    }

    private static long Sum(Vector256<ushort> x)
    {
        var (a, b) = Vector256.Widen(x);
        return Vector256.Sum(a) + (long)Vector256.Sum(b);
    }
}
