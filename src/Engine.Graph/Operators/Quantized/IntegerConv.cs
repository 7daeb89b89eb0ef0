using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>A convolution of 8-bit codes x [N, C, …] with weights [M, C / group, …].</summary>
public abstract class IntegerConv(Attributes a) : Operator(a)
{
    /// <summary>Window attributes.</summary>
    public WindowAttributes Window { get; } = new(a);

    /// <summary>Number of channel groups.</summary>
    public int Group { get; } = a.Int("group", 1) is var g and > 0 and <= int.MaxValue ? (int)g : throw new OperatorException($"group is {a.Int("group")}, expected at least 1");

    /// <summary>Which input holds the weights.</summary>
    public abstract int WeightInput { get; }

    /// <summary>The windows for concrete shapes.</summary>
    public WindowAxis[] Windows(Shape x, Shape w) => Window.Resolve(x, w.Dims[2..]);

    /// <summary>Checks operands and states the output's shape.</summary>
    protected Shape Output(InferContext c)
    {
        c.Require(0, DType.U8, DType.I8);
        c.Require(WeightInput, DType.U8, DType.I8);
        var (x, w) = (c.Shape(0), c.Shape(WeightInput));
        if (x.Rank < 3 || w.Rank != x.Rank) throw new OperatorException($"input {x} and weights {w} must have one rank of at least 3");
        if (x[1] % Group != 0 || w[1] != x[1] / Group) throw new OperatorException($"weights {w} do not fit the channels of {x} in {Group} groups");
        if (w[0] % Group != 0) throw new OperatorException($"{w[0]} output channels cannot be split in {Group} groups");
        return WindowAttributes.OutputShape(x, w[0], Windows(x, w));
    }

    /// <summary>Throws unless input <paramref name="i"/>, where given, has one element or one an output channel.</summary>
    protected void RequireChannels(InferContext c, int i)
    {
        if (c.Has(i) && c.Shape(i).Elements != 1 && (c.Shape(i).Rank != 1 || c.Shape(i)[0] != c.Shape(WeightInput)[0]))
            throw new OperatorException($"input {i} of shape {c.Shape(i)} does not fit {c.Shape(WeightInput)[0]} output channels");
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c)
    {
        var w = c.Shape(WeightInput);
        return new(2 * c.OutputElements * (w[0] == 0 ? 0 : (double)w.Elements / w[0]), c.TotalBytes);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        // Padding is the zero point.
        double zero = !c.Has(2) ? 0 : c.Known(2) is { } t ? ScalarValue.ToDouble(t, "the zero point") : throw c.Refuse("its zero point is computed");
        StreamForms.Windows(c, Window, c.Type(WeightInput).Shape.Dims[2..], (float)zero, Make);
    }

    /// <summary>The operator with other attributes.</summary>
    private protected abstract Operator Make(Attributes a);
}

/// <summary>
/// ONNX ConvInteger(x, w, x_zero?, w_zero?): i32 convolution of codes less their zero points (w_zero a scalar or a channel); padding
/// counts as 0.
/// </summary>
public sealed class ConvInteger(Attributes a) : IntegerConv(a)
{
    /// <inheritdoc/>
    public override string Name => "ConvInteger";

    private protected override Operator Make(Attributes a) => new ConvInteger(a);

    /// <inheritdoc/>
    public override int WeightInput => 1;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.RequireSame(0, 2);
        c.RequireSame(1, 3);
        QuantRules.RequireOne(c, 2);
        RequireChannels(c, 3);
        c.Set(0, DType.I32, Output(c));
    }
}

/// <summary>
/// ONNX QLinearConv(x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias?): the convolution of codes less their zero points,
/// plus the i32 bias [M] at scale sx · sw, requantized: y = saturate(round(sum · (sx · sw / sy)) + zy). Scale and zero point of w are
/// scalars or a channel.
/// </summary>
public sealed class QLinearConv(Attributes a, string domain = "") : IntegerConv(a)
{
    /// <inheritdoc/>
    public override string Name => "QLinearConv";

    private protected override Operator Make(Attributes a) => new QLinearConv(a, Domain);

    /// <inheritdoc/>
    public override string Domain => domain;

    /// <inheritdoc/>
    public override int WeightInput => 3;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        QuantRules.RequireScale(c, 1);
        QuantRules.RequireOne(c, 2);
        c.RequireSame(0, 2);
        c.Require(4, DType.F32);
        RequireChannels(c, 4);
        RequireChannels(c, 5);
        c.RequireSame(3, 5);
        QuantRules.RequireScale(c, 6);
        QuantRules.RequireOne(c, 7);
        c.Require(7, DType.U8, DType.I8);
        var y = Output(c);
        if (c.Has(8))
        {
            c.Require(8, DType.I32);
            if (c.Shape(8).Rank != 1 || c.Shape(8)[0] != c.Shape(3)[0]) throw new OperatorException($"bias {c.Shape(8)} does not fit {c.Shape(3)[0]} output channels");
        }
        c.Set(0, c.DType(7), y);
    }
}
