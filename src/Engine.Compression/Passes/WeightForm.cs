using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Coded matrices as weights of the graph, and the node that reads them.</summary>
internal static class WeightForm
{
    /// <summary>
    /// The expression that stands for the layer's weight. A static layer keeps the model's order of axes; a layer with coded weights alone
    /// has rows first, the form that kernels of few bits read.
    /// </summary>
    public static Quantized Of(Layer layer, CodedMatrix coded)
    {
        var scheme = coded.Scheme;
        bool columnsFirst = layer.IsTransposed && scheme.IsStatic, signed = scheme is { Bits: 8, IsAsymmetric: false, Group: 0 };
        int bits = scheme.Bits, group = layer.EffectiveGroup(scheme), shift = signed ? -128 : 0;
        var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(coded.Codes.LongLength, bits)));
        for (int r = 0; r < layer.Rows; r++)
            for (int k = 0; k < layer.Columns; k++)
                BitStream.Set(codes.Bytes, columnsFirst ? (long)k * layer.Rows + r : (long)r * layer.Columns + k, bits, coded.Codes[(long)r * layer.Columns + k] + shift);
        var shape = layer.IsTransposed && !columnsFirst ? new Shape(layer.Rows, layer.Columns) : layer.Weight.Shape;
        // Rows of recurrent weights are two axes: one group as long as the row stands for a scale a row.
        var granularity = group > 0 || layer.Kind == LayerKind.Recurrent ? Granularity.Group : Granularity.Channel;
        int axis = layer.Kind == LayerKind.Recurrent ? 2 : granularity == Granularity.Group || columnsFirst ? 1 : 0;
        var zeros = scheme.IsAsymmetric ? new Dense(Tensor.From(new Shape(coded.Zeros.Length), coded.Zeros)) : null;
        return new Quantized(shape, bits, codes, granularity, Scales(coded), zeros, signed, axis, granularity == Granularity.Group ? group > 0 ? group : layer.Columns : 0, scheme.Table);
    }

    /// <summary>The layer's node reading <paramref name="weight"/> and, where given, another bias.</summary>
    public static Node Node(Layer layer, Node node, Scheme scheme, Weight weight, Value? bias, bool dynamicActivations)
    {
        var inputs = node.Inputs.ToList();
        inputs[layer.Input] = new Value(node.Inputs[layer.Input]!.Name) { Constant = weight };
        if (bias is not null)
        {
            if (inputs.Count == 2) inputs.Add(bias);
            else inputs[2] = bias;
        }
        var op = node.Op;
        if (!scheme.IsStatic && layer.Kind is LayerKind.MatMul or LayerKind.Gemm)
        {
            var a = op.Attributes;
            if (layer.IsTransposed)
            {
                // FusedMatMul has versions of its own.
                var values = layer.Kind == LayerKind.Gemm ? a.Values : new Dictionary<string, object>();
                a = new Attributes(layer.Kind == LayerKind.Gemm ? a.Opset : 1, values) { InputCount = inputs.Count, OutputCount = 1 }.With("transB", 1L);
            }
            if (dynamicActivations && AllowsDynamic(layer, scheme)) a = a.With("accuracy_level", 4L);
            op = layer.Kind == LayerKind.Gemm ? new Gemm(a) : new FusedMatMul(a);
        }
        return new Node(node.Name, op, inputs, node.Outputs);
    }

    /// <summary>True where activations may be rounded at run time: groups as MatMulNBits has them.</summary>
    public static bool AllowsDynamic(Layer layer, Scheme scheme) => layer.Kind is LayerKind.MatMul or LayerKind.Gemm && !scheme.IsStatic && scheme.Table is null && layer.EffectiveGroup(scheme) is >= 16 and var g && (g & (g - 1)) == 0;

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
