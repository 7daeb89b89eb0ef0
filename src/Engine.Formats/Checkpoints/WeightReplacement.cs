using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Formats.Checkpoints;

/// <summary>Which weight a constant takes.</summary>
/// <param name="Constant">Name of the constant in the model.</param>
/// <param name="Weight">Name of the weight in the checkpoint.</param>
/// <param name="Transposed">The constant holds the weight's transpose, as the right operand of a MatMul does.</param>
public sealed record WeightAssignment(string Constant, string Weight, bool Transposed = false);

/// <summary>Puts the weights of a checkpoint in place of a model's constants.</summary>
public static class WeightReplacement
{
    /// <summary>One assignment a constant whose name a weight has too.</summary>
    public static IReadOnlyList<WeightAssignment> ByName(ModelDefinition model, Checkpoint weights)
    {
        var constants = Constants(model.Graph).Select(v => v.Name).ToHashSet(StringComparer.Ordinal);
        return [.. weights.Names.Where(constants.Contains).Select(n => new WeightAssignment(n, n))];
    }

    /// <summary>
    /// Replaces the constants. Shapes must be equal, or each other's transpose where the assignment says so; a weight that is not dense is then read
    /// transposed by the products that use it. Throws <see cref="InputException"/> for an unknown constant and for what does not fit.
    /// </summary>
    public static void Apply(ModelDefinition model, Checkpoint weights, IEnumerable<WeightAssignment> assignments)
    {
        var all = Constants(model.Graph).ToLookup(v => v.Name, StringComparer.Ordinal);
        foreach (var a in assignments)
        {
            var values = all[a.Constant].ToList();
            if (values.Count == 0) throw new InputException($"the model has no constant '{a.Constant}'", a.Constant);
            foreach (var v in values) Replace(model.Graph, v, a, weights);
        }
    }

    private static void Replace(ModelGraph graph, Value value, WeightAssignment a, Checkpoint weights)
    {
        var old = value.Constant!;
        var w = weights.Read(a.Weight, old.DType is DType.F16 or DType.BF16 ? old.DType : DType.F32);
        var shape = a.Transposed && w.Shape.Rank == 2 ? new Shape(w.Shape[1], w.Shape[0]) : w.Shape;
        if (shape != old.Shape)
        {
            bool transposed = old.Shape.Rank == 2 && w.Shape.Rank == 2 && old.Shape[0] == w.Shape[1] && old.Shape[1] == w.Shape[0];
            throw new InputException($"constant '{a.Constant}' has shape {old.Shape}, weight '{a.Weight}' {w.Shape}{(transposed && !a.Transposed ? ": assign the transpose" : "")}", a.Constant);
        }
        w = OfType(w, old.DType) ?? throw new InputException($"constant '{a.Constant}' has element type {old.DType.Display()}, weight '{a.Weight}' {w.DType.Display()}", a.Constant);
        if (!a.Transposed)
        {
            value.Constant = w;
            if (w is not Dense) SkipTranspose(graph, value);
        }
        else if (w is Dense d)
        {
            value.Constant = new Dense(d.Values.Transposed());
        }
        else
        {
            Flip(graph, value, a.Constant);
            value.Constant = w;
        }
    }

    /// <summary>The weight in an element type that holds it exactly, or null.</summary>
    private static Weight? OfType(Weight w, DType dtype)
    {
        if (w.DType == dtype) return w;
        if (w is Dense && dtype == DType.F32 && w.DType is DType.F16 or DType.BF16) return new Dense(w.ToF32());
        // What sparse weights hold is widened where it is packed.
        return w is SparseNM { Values: Dense } s && dtype == DType.F32 ? new SparseNM(s.Shape, s.N, s.M, s.Positions, s.Values, s.Taps, dtype) : null;
    }

    // W → Transpose → product: the product reads W transposed, so that it sees the weight and not a copy decoded for Transpose.
    private static void SkipTranspose(ModelGraph graph, Value value)
    {
        foreach (var t in graph.Nodes.Where(n => n.Op is Transpose && n.Inputs[0] == value).ToList())
        {
            if (t.Outputs[0] is not { } y || value.Constant!.Shape.Rank != 2 || t.Op.Attributes.Ints("perm") is not (null or [1, 0]) || !OnlyProducts(graph, y)) continue;
            foreach (var n in Readers(graph, y)) Turn(n, y, value);
            graph.Nodes.Remove(t);
        }
    }

    private static void Flip(ModelGraph graph, Value value, string name)
    {
        if (!OnlyProducts(graph, value)) throw new InputException($"constant '{name}' is read by more than matrix products of the main graph: its transpose cannot be put in place", name);
        foreach (var n in Readers(graph, value)) Turn(n, value, value);
    }

    private static List<Node> Readers(ModelGraph graph, Value value) => [.. graph.Nodes.Where(n => n.Inputs.Contains(value))];

    private static bool OnlyProducts(ModelGraph graph, Value value) =>
        !graph.Outputs.Contains(value)
        && Readers(graph, value).All(n => n.Op is MatMul or FusedMatMul or Gemm && n.Inputs.Count(v => v == value) == 1 && n.Inputs[1] == value)
        && !graph.Nodes.SelectMany(n => n.Op.Subgraphs).Any(g => Reads(g, value));

    private static bool Reads(ModelGraph graph, Value value) =>
        graph.Outputs.Contains(value) || graph.Nodes.Any(n => n.Inputs.Contains(value) || n.Op.Subgraphs.Any(g => Reads(g, value)));

    // The product with its right operand read the other way round.
    private static void Turn(Node n, Value from, Value to)
    {
        var a = n.Op.Attributes;
        n.Op = n.Op switch
        {
            MatMul => new FusedMatMul(new Attributes(1, new Dictionary<string, object> { ["transB"] = 1L }) { InputCount = a.InputCount }),
            FusedMatMul => new FusedMatMul(a.With("transB", a.Bool("transB") ? 0L : 1L)),
            _ => new Gemm(a.With("transB", a.Bool("transB") ? 0L : 1L)),
        };
        n.Inputs = [.. n.Inputs.Select(v => v == from ? to : v)];
    }

    private static IEnumerable<Value> Constants(ModelGraph graph) => graph.Constants.Concat(graph.Nodes.SelectMany(n => n.Op.Subgraphs).SelectMany(Constants)).Distinct();
}
