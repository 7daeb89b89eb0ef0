using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// The 8-bit operands of a batched product, bound: zero points are read into workspaces, B is packed once when it and its zero points
/// are constant, else for every run.
/// </summary>
internal sealed unsafe class IntegerProduct
{
    private readonly int _aZero, _bInput, _bZero, _aZeros, _bZeros, _aZeroCount, _bZeroCount, _work = -1;
    private readonly DType _aType, _bType;
    private readonly long _panel;
    private readonly Tensor? _packed;

    /// <summary>Binds B and the zero points; −1 or an absent input stands for zero point 0.</summary>
    public IntegerProduct(BindContext b, MatMulGeometry g, DType aType, int aZero, int bInput, int bZero)
    {
        Geometry = g;
        (_aType, _bType, _bInput) = (aType, b.In(bInput).DType, bInput);
        (_aZero, _bZero) = (aZero >= 0 && b.Has(aZero) ? aZero : -1, bZero >= 0 && b.Has(bZero) ? bZero : -1);
        _aZeroCount = _aZero < 0 ? 0 : b.In(_aZero).Elements == 1 ? 1 : Checked.Int((long)g.M * g.Batch);
        _bZeroCount = _bZero < 0 ? 0 : b.In(_bZero).Elements == 1 ? 1 : Checked.Int((long)g.N * g.BStarts.Length);
        _aZeros = b.Work(4L * Math.Max(1, _aZeroCount));
        _bZeros = b.Work(4L * Math.Max(1, _bZeroCount));
        _panel = GemmU8S8.PackedLength(g.K, g.N);
        long length = Checked.Mul(g.BStarts.Length, _panel);
        if (b.Weight(bInput) is not null && UniformZero(b, _bZero) is { } zero)
        {
            var layout = new PackedLayout("gemm-u8s8", 1, $"{g.K}x{g.N} strides {g.BRow},{g.BColumn} at {string.Join(',', g.BStarts)} zero {zero}", DType.U8, length) { IsStored = g.BStarts.Length == 1 };
            _packed = b.Pack(bInput, layout, (w, to, _) =>
            {
                var dense = w.Decode();
                PackAll(dense.Bytes, [zero], to.Bytes);
                GC.KeepAlive(dense);
            });
        }
        else _work = b.Work(length);
    }

    /// <summary>Binds a product whose A has one zero point, set by the step with <see cref="SetZero"/>.</summary>
    public IntegerProduct(BindContext b, MatMulGeometry g, DType aType, int bInput, int bZero) : this(b, g, aType, -1, bInput, bZero) => _aZeroCount = 1;

    /// <summary>Sets A's zero point for this run.</summary>
    public void SetZero(in StepContext c, int zero) => c.Work<int>(_aZeros)[0] = zero;

    /// <summary>The product.</summary>
    public MatMulGeometry Geometry { get; }

    /// <summary>The one value of a known zero point; 0 where it is left out, null when unknown or different a column.</summary>
    public static int? UniformZero(BindContext b, int input)
    {
        if (input < 0 || !b.Has(input)) return 0;
        if (b.Value(input) is not { } t || t.Shape.Elements == 0) return null;
        int first = QuantCodes.Read(t.DType, t.Bytes, 0);
        for (int i = 1; i < t.Shape.Count; i++) if (QuantCodes.Read(t.DType, t.Bytes, i) != first) return null;
        return first;
    }

    /// <summary>Reads zero points and packs B for this run where they are not constant.</summary>
    public void Prepare(in StepContext c)
    {
        ReadZeros(c, _aZero, _aType, c.Work<int>(_aZeros)[.._aZeroCount]);
        if (_packed is not null) return;
        var zeros = c.Work<int>(_bZeros)[.._bZeroCount];
        ReadZeros(c, _bZero, _bType, zeros);
        PackAll(c.In<byte>(_bInput), zeros, c.Work<byte>(_work));
    }

    /// <summary>Batch entry <paramref name="i"/> of codes at <paramref name="a"/>.</summary>
    public void Run<TStore>(in StepContext c, int i, byte* a, in TStore store) where TStore : struct, ITileStore
    {
        var g = Geometry;
        int* zeros = (int*)c.WorkPointer(_aZeros) + (_aZeroCount > 1 ? (nint)i * g.M : 0);
        var rows = new GemmU8S8.Rows(a + g.AStarts[i], _aType == DType.I8, zeros, _aZeroCount > 1 ? g.M : _aZeroCount, (nint)g.ARow, (nint)g.AColumn);
        GemmU8S8.Run(c.Workers, g.M, g.N, g.K, rows, (_packed is null ? c.WorkPointer(_work) : _packed.Pointer) + g.BIndex[i] * _panel, store);
    }

    private static void ReadZeros(in StepContext c, int input, DType type, Span<int> zeros)
    {
        if (input < 0) return;
        var codes = c.In<byte>(input);
        for (int i = 0; i < zeros.Length; i++) zeros[i] = QuantCodes.Read(type, codes, i % codes.Length);
    }

    private void PackAll(ReadOnlySpan<byte> b, ReadOnlySpan<int> zeros, Span<byte> packed)
    {
        var g = Geometry;
        for (int i = 0; i < g.BStarts.Length; i++)
            GemmU8S8.PackB(b[(int)g.BStarts[i]..], _bType == DType.I8, zeros.Length > 1 ? zeros.Slice(i * g.N, g.N) : zeros, g.K, g.N, (nint)g.BRow, (nint)g.BColumn, packed.Slice((int)(i * _panel), (int)_panel));
    }
}

/// <summary>The factor (α · sa · sb) / sy of a product's sums: one, a column, or an element where A's scale differs a row.</summary>
internal sealed unsafe class ProductScale
{
    private readonly FloatOperand? _a, _b, _y;
    private readonly MatMulGeometry _g;
    private readonly float _alpha;
    private readonly bool _rows, _columns;
    private readonly int _work;

    /// <summary>Binds the scales; A's may be computed in the step (−1), Y's left out (−1).</summary>
    public ProductScale(BindContext b, MatMulGeometry g, int a, int bScale, int y, float alpha = 1)
    {
        (_g, _alpha) = (g, alpha);
        _a = a < 0 ? null : new(b, a);
        _b = new(b, bScale);
        _y = y < 0 || !b.Has(y) ? null : new(b, y);
        _rows = a >= 0 && b.In(a).Elements != 1;
        _columns = b.In(bScale).Elements != 1;
        _work = b.Work(Checked.Mul(4, _rows ? Checked.Mul((long)g.M * g.Batch, Math.Max(1, g.N)) : _columns ? Math.Max(1, (long)g.N * g.BStarts.Length) : 1));
    }

    /// <summary>Computes the factors; <paramref name="computed"/> is A's scale when it is no operand.</summary>
    public void Prepare(in StepContext c, float computed = 1)
    {
        var s = c.Work<float>(_work);
        var b = _b!.Value.Read(c);
        float y = _y is { } o ? o.Read(c)[0] : 1;
        if (!_rows)
        {
            float a = _a is { } operand ? operand.Read(c)[0] : computed;
            int count = _columns ? _g.N * _g.BStarts.Length : 1;
            for (int i = 0; i < count; i++) s[i] = _alpha * a * b[i % b.Length] / y;
            return;
        }
        var rows = _a!.Value.Read(c);
        for (int i = 0, at = 0; i < _g.M * _g.Batch; i++)
            for (int j = 0; j < _g.N; j++, at++) s[at] = _alpha * rows[i % rows.Length] * b[(_g.BIndex[i / _g.M] * _g.N + j) % b.Length] / y;
    }

    /// <summary>The factors of batch entry <paramref name="i"/>.</summary>
    public TileParameter<float> At(in StepContext c, int i)
    {
        float* s = (float*)c.WorkPointer(_work);
        return _rows ? new(s + (nint)i * _g.M * _g.N, _g.N, 1) : _columns ? new(s + (nint)_g.BIndex[i] * _g.N, 0, 1) : new(s, 0, 0);
    }
}
