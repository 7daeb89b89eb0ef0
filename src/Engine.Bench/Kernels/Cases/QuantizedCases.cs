using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Conversions between f32 and 8-bit codes, on one thread.</summary>
internal static unsafe class QuantizedCases
{
    private static readonly string[] s_lengths = ["16384", "1048576"];

    public static IEnumerable<KernelFamily> All =>
    [
        new("quantize-f32", [QuantizeF32.Table], "n", s_lengths, d => new(null, 0, 5.0 * d[0]), (d, _) =>
        {
            Tensor x = Operand.Random(1, d[0]), y = Tensor.Allocate(DType.I8, new Shape(d[0]));
            return new(() => QuantizeF32.Table.Best(x.Span<float>(), 0.004f, 1, -128, 127, y.Bytes), () => y);
        }, Tolerance: 0, OneThread: true),
        new("sign-bits", [SignBits.Table], "n", s_lengths, d => new(null, 0, 4.125 * d[0]), (d, _) =>
        {
            Tensor x = Operand.Random(1, d[0]), y = Tensor.Allocate(DType.U64, new Shape((d[0] + 63) / 64));
            return new(() => SignBits.Table.Best((float*)x.Pointer, d[0], 0, false, (ulong*)y.Pointer), () => y);
        }, Tolerance: 0, OneThread: true),
        new("dequantize-8", [Dequantize8.Table], "n", s_lengths, d => new(null, 0, 5.0 * d[0]), (d, _) =>
        {
            Tensor x = Operand.Codes(DType.I8, 1, d[0]), y = Operand.Zeros(d[0]);
            return new(() => Dequantize8.Table.Best(x.Bytes, true, 0.004f, 1, y.Span<float>()), () => y);
        }, OneThread: true),
    ];
}
