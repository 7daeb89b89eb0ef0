using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// Operators on codes whose grids and weights are constants (QLinearConv, QLinearAdd, QLinearGlobalAveragePool) become those on f32 between DequantizeLinear and
/// QuantizeLinear, and MaxPool and views of such codes with them: what <see cref="QdqLowering"/> makes wires with grids of, and kernels sum in integers. Done where
/// <paramref name="wires"/> is set. Operators that no kernel for such wires computes as exactly stay as they are.
/// </summary>
public sealed class QOperatorLowering(bool wires) : Rewrite
{
    // From f32 a bias comes back as the same integer up to this size.
    private const int LargestBias = 1 << 21;

    /// <inheritdoc/>
    public override string Name => "operators on codes";

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context)
    {
        if (!wires) return 0;
        var pass = new Pass();
        int places = graph.Nodes.Count(n => !pass.Keep(n));
        graph.Nodes = pass.Nodes;
        return places;
    }

    /// <summary>A scale, a zero point and the grid that they are.</summary>
    private sealed record Grid(Value Scale, Value Zero, WireQuantization Quantization);

    private sealed class Pass
    {
        private readonly Dictionary<Value, Grid> _grids = [];
        private readonly Dictionary<(Value, WireQuantization), Value> _values = [];

        public List<Node> Nodes { get; } = [];

        /// <summary>Takes the next node, as it is (true) or lowered.</summary>
        public bool Keep(Node n)
        {
            bool lowered = n.Outputs is [{ }] && n.Op switch
            {
                QLinearConv op => Convolution(n, op),
                QLinearAdd => Sum(n),
                QLinearGlobalAveragePool { ChannelsLast: false } => Mean(n),
                MaxPool or { Kind: OperatorKind.View, Name: "Flatten" or "Reshape" or "Squeeze" or "Unsqueeze" } => Moved(n),
                _ => false,
            };
            if (lowered) return false;
            if (n.Op is QuantizeLinear && n.Outputs is [{ } codes, ..] && GridOf(n, 1) is { } grid) _grids[codes] = grid;
            Nodes.Add(n);
            return true;
        }

        private bool Convolution(Node n, QLinearConv op)
        {
            if (GridOf(n, 1) is not { } x || GridOf(n, 6) is not { } y || n.Input(0) is not { } codes || op.Attributes.Has("channels_last")) return false;
            if (n.Input(3)?.ConstantTensor is not { DType: DType.U8 or DType.I8, Shape.Rank: 3 or 4 } w || n.Input(4)?.ConstantTensor is not { DType: DType.F32 } scale || n.Input(5)?.ConstantTensor is not { } zero) return false;
            long outputs = w.Shape[0];
            if (scale.Shape.Elements != 1 && scale.Shape.Elements != outputs || zero.Shape.Elements != scale.Shape.Elements || zero.DType != w.DType || !FitsS8(w, zero) || op.Window.Pads?.Any(p => p < 0) == true) return false;
            var bias = n.Input(8);
            if (bias is not null && (bias.ConstantTensor is not { DType: DType.I32 } b || b.Span<int>().ContainsAnyExceptInRange(-LargestBias, LargestBias))) return false;
            var weight = Dequantized($"{n.Inputs[3]!.Name}/f32", n.Inputs[3]!, n.Inputs[4]!, n.Inputs[5], 0);
            if (bias is not null)
            {
                var steps = Tensor.Allocate(DType.F32, scale.Shape);
                for (int i = 0; i < steps.Shape.Count; i++) steps.Span<float>()[i] = x.Quantization.Scale * scale.Span<float>()[i];
                bias = Dequantized($"{bias.Name}/f32", bias, Value.Of($"{bias.Name}/scale", steps), null, 0);
            }
            Rounded(n, new Conv(op.Attributes), [F32(codes, x), weight, bias], y);
            return true;
        }

        private bool Sum(Node n)
        {
            if (GridOf(n, 1) is not { } a || GridOf(n, 4) is not { } b || GridOf(n, 6) is not { } y || n.Input(0) is not { } left || n.Input(3) is not { } right) return false;
            Rounded(n, new Add(Attributes.None), [F32(left, a), F32(right, b)], y);
            return true;
        }

        private bool Mean(Node n)
        {
            if (GridOf(n, 1) is not { } x || GridOf(n, 3) is not { } y || n.Input(0) is not { } codes) return false;
            Rounded(n, new GlobalAveragePool(Attributes.None), [F32(codes, x)], y);
            return true;
        }

        // What only picks codes stays on their grid.
        private bool Moved(Node n)
        {
            if (n.Input(0) is not { } codes || !_grids.TryGetValue(codes, out var grid)) return false;
            Rounded(n, n.Op, [F32(codes, grid), .. n.Inputs.Skip(1)], grid);
            return true;
        }

        private void Rounded(Node n, Operator op, IReadOnlyList<Value?> inputs, Grid grid)
        {
            var (codes, value) = (n.Outputs[0]!, new Value($"{n.Outputs[0]!.Name}/f32"));
            Nodes.Add(new Node(n.Name, op, inputs, [value]));
            Nodes.Add(new Node($"{n.Name}/codes", new QuantizeLinear(Attributes.None), [value, grid.Scale, grid.Zero], [codes]));
            _grids[codes] = grid;
        }

        private Value F32(Value codes, Grid grid)
        {
            if (_values.TryGetValue((codes, grid.Quantization), out var known)) return known;
            return _values[(codes, grid.Quantization)] = Dequantized($"{codes.Name}/value", codes, grid.Scale, grid.Zero, 1);
        }

        private Value Dequantized(string name, Value codes, Value scale, Value? zero, long axis)
        {
            var value = new Value(name);
            Nodes.Add(new Node(name, new DequantizeLinear(Attributes.None.With("axis", axis)), [codes, scale, zero], [value]));
            return value;
        }

        private static Grid? GridOf(Node n, int scale) =>
            n.Input(scale) is { } s && n.Input(scale + 1) is { } z && WireQuantization.Of(s, z) is { } q ? new(s, z, q) : null;

        private static bool FitsS8(Tensor codes, Tensor zero)
        {
            int flip = codes.DType == DType.U8 ? 128 : 0, inner = Checked.Int(codes.Shape.Product(1, codes.Shape.Rank));
            for (int c = 0; c < codes.Shape[0]; c++)
            {
                int z = QuantCodes.Read(zero.DType, zero.Bytes, zero.Shape.Elements == 1 ? 0 : c);
                for (int i = 0; z != flip && i < inner; i++)
                    if (QuantCodes.Read(codes.DType, codes.Bytes, (long)c * inner + i) - z is < sbyte.MinValue or > sbyte.MaxValue) return false;
            }
            return true;
        }
    }
}
