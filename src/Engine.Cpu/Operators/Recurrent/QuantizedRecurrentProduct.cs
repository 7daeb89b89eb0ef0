using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// 8-bit weights [directions, k, columns] with scales and zero points a direction or a column, times rows that are quantized to u8 as a
/// whole in every product. Weights are packed once when they and their zero points are constant, else in every run.
/// </summary>
internal sealed unsafe class QuantizedRecurrentProduct : RecurrentProduct
{
    private readonly int _input, _scale, _zero, _k, _columns, _codes, _factors, _scaleCount, _zeroCount, _zeros = -1, _work = -1;
    private readonly long _panel;
    private readonly DType _type;
    private readonly Tensor? _packed;

    /// <summary>Binds weights whose scale is input <paramref name="scale"/> and zero point the one after it, for products of at most <paramref name="rows"/> rows.</summary>
    public QuantizedRecurrentProduct(BindContext b, int input, int scale, int directions, int k, int columns, long rows)
    {
        (_input, _scale, _zero, _k, _columns, _type) = (input, scale, scale + 1, k, columns, b.In(input).DType);
        _scaleCount = b.In(scale).Shape.Rank == 1 ? 1 : columns;
        _zeroCount = !b.Has(_zero) ? 0 : b.In(_zero).Shape.Rank == 1 ? 1 : columns;
        _codes = b.Work(Checked.Int(Checked.Mul(rows, k)));
        _factors = b.Work(Checked.Mul(_scaleCount, sizeof(float)));
        _panel = GemmU8S8.PackedLength(k, columns);
        if (b.Weight(input) is not null && (_zeroCount == 0 || b.Value(_zero) is not null))
        {
            var zeros = new int[directions * _zeroCount];
            if (_zeroCount > 0) ReadZeros(b.Value(_zero)!.Bytes, 0, zeros);
            string key = zeros.Distinct().Count() <= 1 ? $"{zeros.FirstOrDefault()}" : string.Join(',', zeros);
            long length = Checked.Mul(directions, _panel);
            var layout = new PackedLayout("gemm-u8s8", 1, $"recurrent {directions}x{k}x{columns} zeros {key}", DType.U8, length) { IsStored = false };
            _packed = b.Pack(input, layout, (w, to, _) =>
            {
                var dense = w.Decode();
                for (int d = 0; d < directions; d++) Pack(dense.Bytes, zeros.AsSpan(d * _zeroCount, _zeroCount), d, to.Bytes.Slice((int)(d * _panel), (int)_panel));
                GC.KeepAlive(dense);
            });
            return;
        }
        _zeros = b.Work(Checked.Mul(_zeroCount, sizeof(int)));
        _work = b.Work(_panel);
    }

    public override void Prepare(in StepContext c, int d)
    {
        if (_packed is not null) return;
        var zeros = c.Work<int>(_zeros)[.._zeroCount];
        ReadZeros(c.In<byte>(_zero), d * _zeroCount, zeros);
        Pack(c.In<byte>(_input), zeros, d, c.Work<byte>(_work));
    }

    public override void Run(in StepContext c, int d, int piece, int rows, float* a, float* bias, float* y, int stride)
    {
        int count = rows * _k;
        var values = new ReadOnlySpan<float>(a, count);
        var (scale, zero) = DynamicRange.U8(values);
        QuantizeF32.Table.Best(values, scale, zero, 0, 255, c.Work<byte>(_codes)[..count]);
        float* factors = (float*)c.WorkPointer(_factors);
        var scales = c.In<float>(_scale).Slice(d * _scaleCount, _scaleCount);
        for (int i = 0; i < scales.Length; i++) factors[i] = scale * scales[i];
        byte* b = _packed is null ? c.WorkPointer(_work) : _packed.Pointer + d * _panel;
        var store = new FloatStore(y, stride, new(factors, 0, _scaleCount == 1 ? 0 : 1), default, new(bias, 0, 1));
        GemmU8S8.Run(c.Workers, rows, _columns, _k, new GemmU8S8.Rows(c.WorkPointer(_codes), false, zero, _k, 1), b, store);
    }

    private void ReadZeros(ReadOnlySpan<byte> codes, int first, Span<int> zeros)
    {
        for (int i = 0; i < zeros.Length; i++) zeros[i] = QuantCodes.Read(_type, codes, first + i);
    }

    private void Pack(ReadOnlySpan<byte> weights, ReadOnlySpan<int> zeros, int d, Span<byte> packed)
    {
        int size = _k * _columns;
        GemmU8S8.PackB(weights.Slice(d * size, size), _type == DType.I8, zeros, _k, _columns, _columns, 1, packed);
    }
}
