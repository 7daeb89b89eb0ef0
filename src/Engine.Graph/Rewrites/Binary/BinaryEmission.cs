using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>Writes the nodes of recognized layers and signs in the place of those that they were written with.</summary>
internal sealed class BinaryEmission(ModelGraph graph, Wiring wiring, Dictionary<Value, SignPattern> signs, Dictionary<Value, HashSet<Value>> binary, Dictionary<Node, BinaryLayer> layers, Dictionary<Value, (BinaryLayer Layer, SumTable Table)> thresholds, HashSet<Value> needed)
{
    private readonly HashSet<Node> _gone = [];
    private readonly Dictionary<Node, List<Node>> _instead = [];

    public void Run()
    {
        foreach (var sign in needed)
            if (thresholds.TryGetValue(sign, out var t)) ToBits(sign, t.Layer, t.Table);
            else ToSign(sign, signs[sign]);
        foreach (var (n, layer) in layers)
            if (!_gone.Contains(n) && !_instead.ContainsKey(n)) ToSums(n, layer);
        foreach (var n in graph.Nodes)
            if (n.Op is MaxPool && !_gone.Contains(n) && binary.TryGetValue(n.Outputs[0]!, out var from) && from.All(needed.Contains)) _instead[n] = [new Node(n.Name, new BinaryMaxPool(n.Op.Attributes), n.Inputs, n.Outputs)];
        graph.Nodes = [.. graph.Nodes.Where(n => !_gone.Contains(n)).SelectMany(n => _instead.TryGetValue(n, out var made) ? made : [n])];
    }

    // The layer stands where its sign was: whatever it reads is there.
    private void ToBits(Value sign, BinaryLayer layer, SumTable table)
    {
        var last = wiring.Maker(sign)!;
        Node? pool = layer.Pool < 0 ? null : layer.Steps[layer.Pool];
        var y = pool is null ? sign : new Value($"{sign.Name}/bits");
        string name = layer.Node.Name;
        var inputs = new List<Value?> { layer.Node.Inputs[0], Weights(layer), Value.Of($"{name}/threshold", Tensor.Vector<int>(table.Thresholds)) };
        if (table.Directions.Contains((sbyte)-1)) inputs.Add(Value.Of($"{name}/direction", Tensor.Vector<sbyte>(table.Directions)));
        List<Node> made = [new Node(name, Operator(layer), inputs, [y])];
        if (pool is not null) made.Add(Pool(pool, y, sign, Directions(layer, table)));
        Replace(last, made, [layer.Node, .. layer.Steps]);
    }

    // Where the pool stands before what turns a channel's sign round, its largest value makes the smallest sign.
    private static sbyte[] Directions(BinaryLayer layer, SumTable table) => table.PoolDirections ?? [.. Enumerable.Repeat((sbyte)1, layer.Channels)];

    private static Node Pool(Node pool, Value x, Value y, sbyte[] directions) =>
        new(pool.Name, new BinaryMaxPool(pool.Op.Attributes), directions.Contains((sbyte)-1) ? [x, Value.Of($"{pool.Name}/direction", Tensor.Vector<sbyte>(directions))] : [x], [y]);

    // A max-pool in front of the sign is one behind it.
    private void ToSign(Value sign, SignPattern p)
    {
        var last = wiring.Maker(sign)!;
        var pool = wiring.Before(p.X) is { Op: MaxPool, Outputs: [not null] } found && p.Direction == 1 ? found : null;
        var y = pool is null ? sign : new Value($"{sign.Name}/bits");
        var op = new BinarySign(new Attributes(1, new Dictionary<string, object> { ["direction"] = (long)p.Direction }) { InputCount = p.Threshold == 0 ? 1 : 2 });
        var x = pool is null ? p.X : pool.Inputs[0];
        List<Node> made = [new Node(last.Name, op, p.Threshold == 0 ? [x] : [x, Value.Of($"{last.Name}/threshold", Tensor.Scalar(p.Threshold))], [y])];
        if (pool is not null) made.Add(new Node(pool.Name, new BinaryMaxPool(pool.Op.Attributes), [y], [sign]));
        Replace(last, made, pool is null ? p.Nodes : [pool, .. p.Nodes]);
    }

    // A batch normalization behind is the scale of sums; with an activation of two slopes before it, negative sums have a scale of their own.
    private void ToSums(Node n, BinaryLayer layer)
    {
        var weights = layer.Weights;
        var y = n.Outputs[0]!;
        float[] scale = [.. weights.Magnitudes], bias = layer.Bias ?? new float[layer.Channels];
        var bent = wiring.Reader(y) is { } act && layer.Slopes(act) is { } slopes && (act.Op is not Relu || Norm(n, act.Outputs[0]!, layer) is not null) ? act : null;
        float[]? below = bent is null ? null : [.. layer.Slopes(bent)!];
        if (bent is not null) y = bent.Outputs[0]!;
        var norm = Norm(n, y, layer);
        float[]? negative = below is null ? null : [.. weights.Magnitudes.Select((m, i) => m * below[i])];
        if (norm is not null)
        {
            var affine = NormAffine.Of(norm)!;
            bool exact = layer.Bias is null && weights.Magnitudes.All(IsPowerOfTwo);
            // Products by powers of two are exact: the normalization's own rounding stays.
            scale = [.. weights.Magnitudes.Select((m, i) => exact ? m * (float)affine.Factor[i] : (float)(m * affine.Factor[i]))];
            negative = below is null ? null : [.. scale.Select((s, i) => s * below[i])];
            bias = [.. affine.Shift.Select((s, i) => layer.Bias is null ? s : (float)(s + layer.Bias[i] * affine.Factor[i]))];
        }
        var inputs = new List<Value?> { n.Inputs[0], Weights(layer) };
        bool hasBias = bias.Any(b => b != 0);
        if (hasBias || negative is not null || scale.Any(s => s != 1)) inputs.Add(Value.Of($"{n.Name}/scale", Tensor.Vector<float>(scale)));
        if (hasBias || negative is not null) inputs.Add(hasBias ? Value.Of($"{n.Name}/bias", Tensor.Vector<float>(bias)) : null);
        if (negative is not null) inputs.Add(Value.Of($"{n.Name}/negative", Tensor.Vector<float>(negative)));
        var made = new Node(n.Name, Operator(layer), inputs, [norm is null ? y : norm.Outputs[0]]);
        Replace(norm ?? bent ?? n, [made], [n, .. bent is null ? (Node[])[] : [bent]]);
    }

    private Node? Norm(Node n, Value y, BinaryLayer layer) =>
        wiring.Reader(y) is { Op: BatchNormalization } next && (n.Op is not MatMul || layer.Steps.FirstOrDefault() == next) && NormAffine.Of(next) is { } a && a.Shift.Length == layer.Channels ? next : null;

    private static bool IsPowerOfTwo(float x) => float.IsNormal(x) && (BitConverter.SingleToInt32Bits(x) & 0x7fffff) == 0;

    private static BinaryConv Operator(BinaryLayer layer) => new(layer.Node.Op is Conv c ? c.Attributes : new Attributes(1));

    // What takes the place of a constant that nobody else reads keeps its name.
    private Value Weights(BinaryLayer layer) => new(wiring.Readers(layer.Node.Inputs[1]!).Count > 1 ? $"{layer.Node.Inputs[1]!.Name}/{layer.Node.Name}" : layer.Node.Inputs[1]!.Name) { Constant = layer.Weights.Signs };

    private void Replace(Node last, List<Node> made, IEnumerable<Node> others)
    {
        _instead[last] = made;
        foreach (var n in others) if (n != last) _gone.Add(n);
    }
}
