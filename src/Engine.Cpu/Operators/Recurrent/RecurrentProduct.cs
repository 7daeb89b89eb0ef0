using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>The product of inputs or states with the weights of a direction.</summary>
internal abstract unsafe class RecurrentProduct
{
    /// <summary>Packs a direction's weights that are not constant.</summary>
    public abstract void Prepare(in StepContext c, int d);

    /// <summary>
    /// y = a · b + bias for <paramref name="rows"/> dense rows and the columns of a piece of the weights; rows of y are
    /// <paramref name="stride"/> floats apart, <paramref name="bias"/> may be null.
    /// </summary>
    public abstract void Run(in StepContext c, int d, int piece, int rows, float* a, float* bias, float* y, int stride);
}

/// <summary>f32 weights [directions, columns, k] in panels, in pieces of columns: packed once when constant, else in every run.</summary>
internal sealed unsafe class FloatRecurrentProduct : RecurrentProduct
{
    private readonly (int Start, int Count)[] _pieces;
    private readonly int _input, _k, _work = -1;
    private readonly long _columns;
    private readonly Tensor? _packed;

    public FloatRecurrentProduct(BindContext b, int input, int directions, int k, (int Start, int Count)[] pieces)
    {
        (_input, _k, _pieces) = (input, k, pieces);
        _columns = b.In(input).Shape[1];
        Size = pieces.Sum(p => GemmF32.PackedLength(k, p.Count));
        long length = Checked.Mul(directions, Size);
        if (b.Weight(input) is null) _work = b.Work(Checked.Mul(Size, sizeof(float)));
        else _packed = b.Pack(input, new PackedLayout("gemm-f32", 1, $"recurrent {directions}x{k} rows {string.Join(',', pieces.Select(p => $"{p.Start}+{p.Count}"))} of {_columns}", DType.F32, length), (w, to, workers) =>
        {
            var dense = w.Decode();
            for (int d = 0; d < directions; d++) Pack(workers, (float*)dense.Pointer, (float*)to.Pointer + d * Size, d);
            GC.KeepAlive(dense);
        });
    }

    /// <summary>Floats of a direction.</summary>
    private long Size { get; }

    public override void Prepare(in StepContext c, int d)
    {
        if (_packed is null) Pack(c.Workers, (float*)c.InPointer(_input), (float*)c.WorkPointer(_work), d);
    }

    public override void Run(in StepContext c, int d, int piece, int rows, float* a, float* bias, float* y, int stride)
    {
        float* b = (_packed is null ? (float*)c.WorkPointer(_work) : (float*)_packed.Pointer + d * Size) + (piece == 0 ? 0 : GemmF32.PackedLength(_k, _pieces[0].Count));
        int columns = _pieces[piece].Count;
        if (bias == null) GemmF32.Run(c.Workers, rows, columns, _k, a, _k, 1, b, y, stride, default(NoEpilogue));
        else GemmF32.Run(c.Workers, rows, columns, _k, a, _k, 1, b, y, stride, LinearEpilogue.Bias(bias));
    }

    private void Pack(Workers workers, float* source, float* target, int d)
    {
        source += d * _columns * _k;
        foreach (var (start, count) in _pieces)
        {
            GemmF32.Pack(workers, _k, count, source + (nint)start * _k, 1, _k, target);
            target += GemmF32.PackedLength(_k, count);
        }
    }
}
