using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// DequantizeLinear of constants becomes a constant: 4- and 8-bit codes a <see cref="Quantized"/> weight, others dense. Where
/// <paramref name="wires"/> is set, QuantizeLinear → DequantizeLinear with one constant 8-bit grid a tensor disappears too: the f32 wire
/// itself gets the grid (<see cref="Value.Quantization"/>), and kernels may then hold it as codes.
/// </summary>
public sealed class QdqLowering(bool wires) : Rewrite
{
    /// <inheritdoc/>
    public override string Name => "quantization lowering";

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context)
    {
        int before = graph.Nodes.Count;
        graph.Nodes = [.. graph.Nodes.Where(n => !IsConstant(n, context))];
        int places = before - graph.Nodes.Count;
        return wires ? places + new WireLowering(graph).Run() : places;
    }

    private static bool IsConstant(Node n, RewriteContext context)
    {
        if (n.Op is not DequantizeLinear op || n.Outputs is not [{ } y, ..] || n.Input(0)?.ConstantTensor is not { } codes || n.Input(1)?.ConstantTensor is not { } scale) return false;
        if (n.Input(2) is not null and not { Constant: Dense }) return false;
        var zero = n.Input(2)?.ConstantTensor;
        try
        {
            y.Constant = codes.DType is DType.U8 or DType.I8 or DType.U4 or DType.I4 && codes.Shape.Rank > 0 && scale.DType == DType.F32 ? Weight(op, codes, scale, zero)
                : context.Evaluator.Evaluate(n, [codes, scale, zero]) is [Tensor t] ? new Dense(t) : null;
        }
        catch (EngineException)
        {
            // Left for planning, which reports it where it is really run.
            return false;
        }
        return y.Constant is not null;
    }

    private static Quantized Weight(DequantizeLinear op, Tensor codes, Tensor scale, Tensor? zero)
    {
        new Node("", op, [], []).Op.Infer(new InferContext([codes.Type, scale.Type, zero?.Type], [], 1));
        var layout = op.Layout(codes.Shape, scale.Shape);
        bool signed = codes.DType is DType.I8 or DType.I4;
        Dense? zeros = null;
        if (zero is not null || !signed)
        {
            var t = Tensor.Allocate(DType.F32, scale.Shape);
            for (int i = 0; i < scale.Shape.Count; i++) t.Span<float>()[i] = zero is null ? 0 : QuantCodes.Read(zero.DType, zero.Bytes, i);
            zeros = new Dense(t);
        }
        var granularity = layout == QuantLayout.PerTensor(codes.Shape.Elements) ? Granularity.Tensor : layout.Block == 0 ? Granularity.Channel : Granularity.Group;
        return new Quantized(codes.Shape, codes.DType.BitWidth(), codes, granularity, new Dense(scale), zeros, signed, granularity == Granularity.Tensor ? 0 : op.Axis(codes.Shape), Checked.Int(layout.Block));
    }

    /// <summary>One pass over a graph that moves pairs onto their wires.</summary>
    private sealed class WireLowering
    {
        private static readonly Value s_zeroU8 = Value.Of("zero", Tensor.Scalar((byte)0)), s_zeroI8 = Value.Of("zero", Tensor.Scalar((sbyte)0));

        private readonly ModelGraph _graph;
        private readonly Dictionary<Value, List<Node>> _readers = [];
        private readonly HashSet<Value> _captured = [], _outputs, _f32 = [];
        private readonly Dictionary<Value, Value> _replaced = [];
        private readonly HashSet<Value> _inputs;
        private readonly HashSet<Node> _gone = [];

        public WireLowering(ModelGraph graph)
        {
            _graph = graph;
            (_outputs, _inputs) = ([.. graph.Outputs], [.. graph.Inputs]);
            foreach (var v in graph.Inputs) Learn(v, false);
            foreach (var n in graph.Nodes)
            {
                foreach (var v in n.Inputs)
                    if (v is not null) (_readers.TryGetValue(v, out var list) ? list : _readers[v] = []).Add(n);
                foreach (var g in n.Op.Subgraphs) _captured.UnionWith(g.Captures());
                foreach (var v in n.Outputs) if (v is not null) Learn(v, v == n.Outputs[0] && IsF32(n));
            }
        }

        public int Run()
        {
            int places = Begin();
            foreach (var n in _graph.Nodes) if (n.Op is QuantizeLinear q && Lower(n, q)) places++;
            if (places == 0) return 0;
            _graph.Nodes = [.. _graph.Nodes.Where(n => !_gone.Contains(n))];
            foreach (var n in _graph.Nodes)
            {
                n.Inputs = [.. n.Inputs.Select(v => v is null ? null : Resolve(v))];
                n.Outputs = [.. n.Outputs.Select(v => v is null ? null : Resolve(v))];
            }
            for (int i = 0; i < _graph.Outputs.Count; i++) _graph.Outputs[i] = Resolve(_graph.Outputs[i]);
            Spread();
            return places;
        }

        // What only sees a wire under another shape is on its grid too: its readers need not meet f32.
        private void Spread()
        {
            foreach (var n in _graph.Nodes)
                if (n.Op.Kind == OperatorKind.View && n.Input(0)?.Quantization is { } grid && n.Outputs is [{ Quantization: null } y, ..] && _f32.Contains(y) && !_captured.Contains(y) && !_graph.Outputs.Contains(y))
                    y.Quantization = grid;
        }

        private bool Lower(Node quantize, QuantizeLinear op)
        {
            if (quantize.Input(0) is not { Constant: null } source || quantize.Outputs is not [{ } codes, ..] || !_f32.Contains(source)) return false;
            if (Grid(quantize, op.Attributes.Int("output_dtype", 0)) is not { } grid) return false;
            var readers = _readers.TryGetValue(codes, out var list) ? list : [];
            List<Node> back = [.. readers.Where(n => IsBack(n, codes, grid))];
            // Whoever takes the codes themselves gets them from the wire.
            bool keep = back.Count < readers.Count || _outputs.Contains(codes) || _captured.Contains(codes);
            var named = back.Select(n => n.Outputs[0]!).Where(_outputs.Contains).ToList();
            var wire = Resolve(source);
            if (wire.Quantization is null)
            {
                // The wire takes the grid, so nobody else may read it unrounded.
                if (_readers[source].Count > 1 || _captured.Contains(source) || _outputs.Contains(source) || named.Count > 1 || named.Count == 1 && _inputs.Contains(source)) return false;
                if (back.Count == 0 && (_inputs.Contains(source) || !keep)) return false;
            }
            else if (wire.Quantization != grid || named.Count > 0 || back.Count == 0) return false;
            if (named.Count == 1) _replaced[wire] = named[0];
            var kept = Resolve(wire);
            kept.Quantization = grid;
            foreach (var n in back)
                if (n.Outputs[0] != kept) _replaced[n.Outputs[0]!] = kept;
            if (!keep) _gone.Add(quantize);
            _gone.UnionWith(back);
            return true;
        }

        private bool IsBack(Node n, Value codes, WireQuantization grid) =>
            n.Op is DequantizeLinear d && n.Inputs[0] == codes && d.Attributes.Int("output_dtype", 1) is 0 or 1 && n.Outputs is [{ } y, ..] && !_captured.Contains(y) && Grid(n, (long)grid.Code) == grid;

        // Codes that no QuantizeLinear here makes, those of an input or of an operator on codes: their values are on the grid too.
        private int Begin()
        {
            var rounded = new HashSet<Value>(_graph.Nodes.Where(n => n.Op is QuantizeLinear).SelectMany(n => n.Outputs.Take(1)).OfType<Value>());
            int places = 0;
            foreach (var n in _graph.Nodes)
                if (n.Op is DequantizeLinear && IsF32(n) && n.Input(0) is { Constant: null } codes && !rounded.Contains(codes) && n.Outputs is [{ Quantization: null } y, ..] && !_outputs.Contains(y) && !_captured.Contains(y) && Grid(n, -1) is { } grid)
                {
                    y.Quantization = grid;
                    places++;
                }
            return places;
        }

        // The grid of a node with constant scale and zero point a tensor, 8-bit; null for any other.
        private static WireQuantization? Grid(Node n, long fallback)
        {
            if (n.Input(1) is not { } scale) return null;
            if (n.Input(2) is { } zero) return WireQuantization.Of(scale, zero);
            // Left out, it is 0.
            return fallback is 0 or (long)DType.U8 ? WireQuantization.Of(scale, s_zeroU8) : fallback == (long)DType.I8 ? WireQuantization.Of(scale, s_zeroI8) : null;
        }

        private Value Resolve(Value v)
        {
            while (_replaced.TryGetValue(v, out var r)) v = r;
            return v;
        }

        private void Learn(Value v, bool derived)
        {
            if (v.Declared is DeclaredType.Tensor t ? t.DType == DType.F32 : derived) _f32.Add(v);
        }

        // QuantizeLinear takes i32 too; without declared types, f32 is known from the operators that keep their input's type.
        private bool IsF32(Node n)
        {
            if (n.Op is DequantizeLinear) return n.Input(1)?.ConstantTensor is { DType: DType.F32 } && n.Op.Attributes.Int("output_dtype", 1) is 0 or 1;
            if (n.Op.Domain.Length != 0 && n.Op is not FusedMatMul || n.Input(0) is not { } x || !(_f32.Contains(x) || x.Constant is { DType: DType.F32 })) return false;
            return n.Op.Name is "Conv" or "ConvTranspose" or "MatMul" or "FusedMatMul" or "Gemm" or "Relu" or "LeakyRelu" or "Clip" or "Sigmoid" or "HardSigmoid" or "HardSwish" or "Tanh" or "Softmax" or "Gelu"
                or "Add" or "Sub" or "Mul" or "Div" or "MaxPool" or "AveragePool" or "GlobalAveragePool" or "GlobalMaxPool" or "BatchNormalization" or "InstanceNormalization" or "LayerNormalization"
                or "Concat" or "Reshape" or "Flatten" or "Transpose" or "Squeeze" or "Unsqueeze" or "Slice" or "Split" or "Pad" or "Resize" or "Upsample" or "Identity" or "Expand" or "Gather"
                or "ReduceMean" or "ReduceSum" or "ReduceMax" or "Elu" or "Selu" or "PRelu" or "Sqrt" or "Erf" or "Pow" or "Exp";
        }
    }
}
