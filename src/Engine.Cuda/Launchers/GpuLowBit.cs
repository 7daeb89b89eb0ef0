using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>Launches <c>lowbit-gemm</c>: y [M, N] = steps(x [M, K] w [N, K]) with w as codes of 2, 4 or 8 bits, and lays w out for it.</summary>
public static class GpuLowBit
{
    private const int Warps = 8, TileN = 16, TileK = 64, Half = 32, Lanes = 32;

    /// <summary>The least elements of K that may share a scale; groups are multiples of it.</summary>
    public const int Group = Half;

    /// <summary>Bytes of a laid-out weight.</summary>
    public static long PackedBytes(int bits, long n, long k) => Checked.Mul(Checked.CeilDiv(n, TileN) * Checked.CeilDiv(k, TileK), TileN * TileK * bits / 8);

    /// <summary>Rows of scales and zero points: N rounded up to whole tiles.</summary>
    public static long PaddedRows(long n) => Checked.AlignUp(n, TileN);

    /// <summary>Lays codes [N, K], a byte each, unsigned, out in the order in which lanes take them: tiles of 16 rows by 64 elements, K innermost. Padding is the code of the middle.</summary>
    public static byte[] Pack(int bits, long n, long k, ReadOnlySpan<byte> codes)
    {
        byte[] packed = new byte[PackedBytes(bits, n, k)];
        byte[] of = new byte[8 * bits];
        long tilesK = Checked.CeilDiv(k, TileK), at = 0;
        int vectors = (bits + 3) / 4, vectorBytes = bits >= 4 ? 16 : 8;
        for (long row = 0; row < n; row += TileN)
            for (long tile = 0; tile < tilesK; tile++, at += Lanes * vectors * vectorBytes)
                for (int lane = 0; lane < Lanes; lane++)
                {
                    Words(bits, n, k, codes, row + lane / 4, tile * TileK + lane % 4 * 8, of);
                    for (int v = 0; v < vectors; v++) of.AsSpan(v * vectorBytes, Math.Min(vectorBytes, of.Length)).CopyTo(packed.AsSpan((int)(at + (v * Lanes + lane) * vectorBytes)));
                }
        return packed;
    }

    // The words of a lane: for each half and each step of 16 elements, the pairs of rows g and g + 8, first and second.
    private static void Words(int bits, long n, long k, ReadOnlySpan<byte> codes, long g, long first, byte[] of)
    {
        Array.Clear(of);
        for (int part = 0; part < 4; part++)
            for (int i = 0; i < 4; i++)
                for (int e = 0; e < 2; e++)
                {
                    long row = g + i % 2 * 8, element = first + part / 2 * Half + part % 2 * 4 + i / 2 * 2 + e;
                    uint code = row < n && element < k ? codes[(int)(row * k + element)] : 1u << (bits - 1);
                    // 8 bits: bytes in the order of pairs. Fewer: element 0 of a pair in the lower half of a word, element 1 in the upper half.
                    var (word, shift) = bits == 8 ? (part * 2 + i / 2, i % 2 * 16 + e * 8) : bits == 4 ? (part, i * 4 + e * 16) : (part / 2, part % 2 * 8 + i * 2 + e * 16);
                    var bytes = of.AsSpan(word * 4, 4);
                    BinaryPrimitives.WriteUInt32LittleEndian(bytes, BinaryPrimitives.ReadUInt32LittleEndian(bytes) | code << shift);
                }
    }

    /// <summary>
    /// y = steps(x w). x is f16 or bf16, K a multiple of 8.
    /// </summary>
    /// <param name="kernels">Kernels of the device.</param>
    /// <param name="stream">The queue.</param>
    /// <param name="type">Element type of x, y and the steps' operands: f16 or bf16.</param>
    /// <param name="bits">Bits a code: 2, 4 or 8.</param>
    /// <param name="x">[M, K].</param>
    /// <param name="w">As <see cref="Pack"/> lays it out.</param>
    /// <param name="scales">[⌈K / group⌉, <see cref="PaddedRows"/>].</param>
    /// <param name="scaleType">f32, or <paramref name="type"/>.</param>
    /// <param name="zeros">Zero points as bytes, laid out as the scales; none for the middle of the range.</param>
    /// <param name="y">[M, N].</param>
    /// <param name="m">Rows of x.</param>
    /// <param name="n">Rows of w.</param>
    /// <param name="k">Elements summed over.</param>
    /// <param name="group">Elements of K that share a scale, a multiple of <see cref="Group"/>.</param>
    /// <param name="steps">What is done with a sum before it is stored.</param>
    public static void Run(GpuKernels kernels, IGpuStream stream, DType type, int bits, GpuSpan x, GpuSpan w, GpuSpan scales, DType scaleType, GpuSpan zeros, GpuSpan y, long m, long n, long k, long group, in GpuSteps steps)
    {
        if (type == DType.F32 || bits is not (2 or 4 or 8) || k % 8 != 0 || group % Group != 0 || scaleType != DType.F32 && scaleType != type)
            throw new UnsupportedException($"{bits}-bit codes in groups of {group}, {k} elements of {type.Display()}, scales {scaleType.Display()}: the GPU's kernel takes 2, 4 or 8 bits, groups of multiples of {Group}, f16 or bf16 in multiples of 8");
        _ = GpuTypes.Count(Checked.Mul(m, n));
        if (m == 0 || n == 0) return;
        int columns = m <= 8 ? 8 : 32;
        var kernel = kernels.Get("lowbit-gemm", $"lowbit_gemm_{GpuTypes.Suffix(type)}_{bits}_{columns}");
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(w).Add(scales).Add(zeros).Add(y).Add(m).Add(n).Add(k).Add(group).Add(scaleType == DType.F32 ? 1u : 0).AddStruct(steps);
        stream.Launch(kernel, new((uint)Checked.CeilDiv(n, TileN), (uint)Checked.CeilDiv(m, columns), 1, Warps * Lanes), arguments.Bytes);
    }
}
