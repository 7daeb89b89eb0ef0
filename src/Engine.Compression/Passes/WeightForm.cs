using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Coded matrices as weights of the graph, and the node that reads them.</summary>
internal static class WeightForm
{
    /// <summary>
    /// The expression that stands for the layer's weight. Sparse weights have forms of their own where <paramref name="sparseForms"/> is set and those are smaller, else they are stored with their zeros.
    /// </summary>
    public static Weight Of(Layer layer, Scheme scheme, CodedMatrix? coded, float[]? values, bool sparseForms)
    {
        bool turned = IsTurned(layer, scheme, sparseForms);
        Weight whole = coded is not null ? Codes(layer, coded, turned) : new Dense(Floats(layer, values!, turned));
        if (scheme.Sparsity is not { } s || !sparseForms) return whole;
        Weight sparse = s.IsGrouped ? SparseNM.From(whole, s.N, s.M, layer.Taps) : whole is Quantized q ? SparseCodes(q, s) : Anywhere(whole, s);
        return sparse.StoredBytes < whole.StoredBytes ? sparse : whole;
    }

    private static Weight Anywhere(Weight w, Sparsity s) => s.IsBlocks ? SparseBlocks.From(w, s.Height, s.Width) : SparseCsr.From(w);

    /// <summary>The codes that are not zero, and the scales of their rows.</summary>
    private static Scaled SparseCodes(Quantized q, Sparsity s)
    {
        var one = new Dense(Tensor.Vector(1f));
        Quantized Values(Weight codes)
        {
            var (from, to) = (codes.ToF32(), Tensor.Allocate(DType.I8, codes.Shape));
            for (int i = 0; i < to.Shape.Count; i++) to.Span<sbyte>()[i] = (sbyte)from.Span<float>()[i];
            return new(codes.Shape, 8, to, Granularity.Tensor, one, signed: true);
        }
        Weight form = Anywhere(new Quantized(q.Shape, 8, q.Codes, Granularity.Tensor, one, signed: true), s) switch
        {
            SparseBlocks b => new SparseBlocks(b.Shape, b.Height, b.Width, b.Starts, b.BlockColumns, Values(b.Values)),
            var w => w is SparseCsr c ? new SparseCsr(c.Shape, c.Starts, c.ColumnIndices, Values(c.Values)) : throw new InvalidOperationException(),
        };
        return new Scaled(form, row: q.Scale.ToF32());
    }

    /// <summary>
    /// Whether the weight has rows first where the model has columns first: coded weights and sparse ones have the form that kernels read, others the model's order of axes.
    /// </summary>
    private static bool IsTurned(Layer layer, Scheme scheme, bool sparseForms) => layer.IsTransposed && (scheme.Sparsity is not null && sparseForms || !scheme.IsStatic && scheme.Kind != CodeKind.Float);

    /// <summary>The codes with all their zeros; <paramref name="turned"/> has rows first where the model has columns first.</summary>
    private static Quantized Codes(Layer layer, CodedMatrix coded, bool turned)
    {
        var scheme = coded.Scheme;
        bool columnsFirst = layer.IsTransposed && !turned, signed = scheme is { Bits: 8, IsAsymmetric: false, Group: 0 };
        int bits = scheme.Bits, group = layer.EffectiveGroup(scheme), shift = signed ? -128 : 0;
        var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(coded.Codes.LongLength, bits)));
        for (int r = 0; r < layer.Rows; r++)
            for (int k = 0; k < layer.Columns; k++)
                BitStream.Set(codes.Bytes, columnsFirst ? (long)k * layer.Rows + r : (long)r * layer.Columns + k, bits, coded.Codes[(long)r * layer.Columns + k] + shift);
        var shape = turned ? new Shape(layer.Rows, layer.Columns) : layer.Weight.Shape;
        // Rows of recurrent weights are two axes: one group as long as the row stands for a scale a row.
        var granularity = group > 0 || layer.Kind == LayerKind.Recurrent ? Granularity.Group : Granularity.Channel;
        int axis = layer.Kind == LayerKind.Recurrent ? 2 : granularity == Granularity.Group || columnsFirst ? 1 : 0;
        var zeros = scheme.IsAsymmetric ? new Dense(Tensor.From(new Shape(coded.Zeros.Length), coded.Zeros)) : null;
        return new Quantized(shape, bits, codes, granularity, Scales(coded), zeros, signed, axis, granularity == Granularity.Group ? group > 0 ? group : layer.Columns : 0, scheme.Table);
    }

    private static Tensor Floats(Layer layer, float[] values, bool turned) => !layer.IsTransposed ? Tensor.From(layer.Weight.Shape, values)
        : turned ? Tensor.From(new Shape(layer.Rows, layer.Columns), values) : Tensor.From(layer.Weight.Shape, Products.Transposed(values, layer.Rows, layer.Columns));

    /// <summary>The layer's node reading <paramref name="weight"/> and, where given, another bias.</summary>
    public static Node Node(Layer layer, Node node, Scheme scheme, Weight weight, Value? bias, bool dynamicActivations, bool sparseForms)
    {
        var inputs = node.Inputs.ToList();
        inputs[layer.Input] = new Value(node.Inputs[layer.Input]!.Name) { Constant = weight };
        if (bias is not null)
        {
            if (inputs.Count == 2) inputs.Add(bias);
            else inputs[2] = bias;
        }
        var op = node.Op;
        bool turned = IsTurned(layer, scheme, sparseForms), dynamic = dynamicActivations && AllowsDynamic(layer, scheme, sparseForms);
        if (turned || dynamic || !scheme.IsStatic && layer.Kind == LayerKind.Gemm)
        {
            var a = op.Attributes;
            if (turned)
            {
                // FusedMatMul has versions of its own.
                var values = layer.Kind == LayerKind.Gemm ? a.Values : new Dictionary<string, object>();
                a = new Attributes(layer.Kind == LayerKind.Gemm ? a.Opset : 1, values) { InputCount = inputs.Count, OutputCount = 1 }.With("transB", 1L);
            }
            if (dynamic) a = a.With("accuracy_level", 4L);
            op = layer.Kind == LayerKind.Gemm ? new Gemm(a) : new FusedMatMul(a);
        }
        return new Node(node.Name, op, inputs, node.Outputs);
    }

    /// <summary>True where activations may be rounded at run time: groups as MatMulNBits has them, or sparse codes.</summary>
    public static bool AllowsDynamic(Layer layer, Scheme scheme, bool sparseForms) => layer.Kind is LayerKind.MatMul or LayerKind.Gemm && !scheme.IsStatic && scheme.Kind != CodeKind.Float && scheme.Table is null
        && (scheme.Sparsity is not null && sparseForms || layer.EffectiveGroup(scheme) is >= 16 and var g && (g & (g - 1)) == 0);

    private static Weight Scales(CodedMatrix coded)
    {
        if (coded.Scheme.Kind == CodeKind.Microscaling)
            return new PowersOfTwo(Tensor.From(new Shape(coded.Scales.Length), Array.ConvertAll(coded.Scales, s => (byte)((int)MathF.Log2(s) + 127))));
        // Rounded when they were chosen, where they are many.
        return (coded.Scheme.Group > 0 || coded.Scheme.Bits < 8) && Array.TrueForAll(coded.Scales, s => (float)(Half)s == s)
            ? new Dense(Tensor.From(new Shape(coded.Scales.Length), Array.ConvertAll(coded.Scales, s => (Half)s)))
            : new Dense(Tensor.From(new Shape(coded.Scales.Length), coded.Scales));
    }
}
