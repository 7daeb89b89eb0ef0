using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Conv: X [N, C, …], W [M, C / group, …], optional bias [M].</summary>
public sealed class Conv(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Conv";

    /// <summary>Window attributes.</summary>
    public WindowAttributes Window { get; } = new(a);

    /// <summary>Number of channel groups.</summary>
    public int Group { get; } = a.Int("group", 1) is var g and > 0 and <= int.MaxValue ? (int)g : throw new OperatorException($"group is {a.Int("group")}, expected at least 1");

    /// <summary>The windows for concrete shapes.</summary>
    public WindowAxis[] Windows(Shape x, Shape w) => Window.Resolve(x, w.Dims[2..]);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var (x, w) = (c.Shape(0), c.Shape(1));
        c.RequireSame(0, 1);
        c.RequireSame(0, 2);
        if (x.Rank < 3 || w.Rank != x.Rank) throw new OperatorException($"input {x} and weights {w} must have one rank of at least 3");
        if (x[1] % Group != 0 || w[1] != x[1] / Group) throw new OperatorException($"weights {w} do not fit the channels of {x} in {Group} groups");
        if (w[0] % Group != 0) throw new OperatorException($"{w[0]} output channels cannot be split in {Group} groups");
        if (c.Has(2) && (c.Shape(2).Rank != 1 || c.Shape(2)[0] != w[0])) throw new OperatorException($"bias {c.Shape(2)} does not fit {w[0]} output channels");
        c.Set(0, c.DType(0), WindowAttributes.OutputShape(x, w[0], Windows(x, w)));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c)
    {
        var w = c.Shape(1);
        return new(2 * c.OutputElements * (w[0] == 0 ? 0 : (double)w.Elements / w[0]), c.TotalBytes);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Windows(c, Window, c.Type(1).Shape.Dims[2..], 0, a => new Conv(a));
}
