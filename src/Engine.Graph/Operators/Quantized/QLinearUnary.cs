using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>com.microsoft operators over (x, x_scale, x_zero?, y_scale, y_zero?): 8-bit codes, one grid in and one out, shape kept.</summary>
public abstract class QLinearUnary(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        QuantRules.CodesWithGrid(c, 0, 1, 2);
        QuantRules.Grid(c, 3, 4, c.DType(0));
        c.Set(0, c.DType(0), Output(c.Shape(0)));
    }

    /// <summary>The output's shape.</summary>
    public virtual Shape Output(Shape x) => x;
}

/// <summary>com.microsoft QLinearLeakyRelu: x, or <c>alpha</c> · x below zero.</summary>
public sealed class QLinearLeakyRelu(Attributes a) : QLinearUnary(a)
{
    /// <inheritdoc/>
    public override string Name => "QLinearLeakyRelu";

    /// <summary>Slope below zero.</summary>
    public float Alpha { get; } = a.Float("alpha", 0.01f);
}

/// <summary>com.microsoft QLinearSigmoid: 1 / (1 + e⁻ˣ).</summary>
public sealed class QLinearSigmoid(Attributes a) : QLinearUnary(a)
{
    /// <inheritdoc/>
    public override string Name => "QLinearSigmoid";
}

/// <summary>com.microsoft QLinearSoftmax along <c>axis</c>; with <c>opset</c> below 13 over all axes from it on.</summary>
public sealed class QLinearSoftmax(Attributes a) : QLinearUnary(a)
{
    private readonly long _axis = a.Int("axis", -1), _opset = a.Int("opset", 13);

    /// <inheritdoc/>
    public override string Name => "QLinearSoftmax";

    /// <summary>Rows of a softmax: outer, length, inner.</summary>
    public (int Outer, int Length, int Inner) Rows(Shape x)
    {
        int axis = x.Axis(_axis), end = _opset < 13 ? x.Rank : Math.Min(axis + 1, x.Rank);
        return (Checked.Int(x.Product(0, axis)), Checked.Int(x.Product(axis, end)), Checked.Int(x.Product(end, x.Rank)));
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        Rows(c.Shape(0));
        base.Infer(c);
    }
}

/// <summary>com.microsoft QLinearGlobalAveragePool: the mean of each channel; <c>channels_last</c> says [N, …, C].</summary>
public sealed class QLinearGlobalAveragePool(Attributes a) : QLinearUnary(a)
{
    /// <inheritdoc/>
    public override string Name => "QLinearGlobalAveragePool";

    /// <summary>Channels are the last axis.</summary>
    public bool ChannelsLast { get; } = a.Bool("channels_last");

    /// <inheritdoc/>
    public override Shape Output(Shape x)
    {
        if (x.Rank < 3) throw new OperatorException($"input 0 has shape {x}, expected batch, channels and spatial axes");
        var d = x.ToArray();
        d.AsSpan(ChannelsLast ? 1 : 2, x.Rank - 2).Fill(1);
        return new Shape(d);
    }
}

/// <summary>com.microsoft QLinearAveragePool: the mean of each window; <c>channels_last</c> says [N, …, C].</summary>
public sealed class QLinearAveragePool(Attributes a) : QLinearUnary(a)
{
    /// <inheritdoc/>
    public override string Name => "QLinearAveragePool";

    /// <summary>Window attributes.</summary>
    public WindowAttributes Window { get; } = new(a);

    /// <summary>Padding counts in the divisor.</summary>
    public bool CountIncludePad { get; } = a.Bool("count_include_pad");

    /// <summary>Channels are the last axis.</summary>
    public bool ChannelsLast { get; } = a.Bool("channels_last");

    /// <inheritdoc/>
    public override Shape Output(Shape x) => ChannelOrder.Output(x, ChannelsLast, Window);
}

/// <summary>com.microsoft NhwcMaxPool(x): the largest 8-bit code of each window over [N, …, C].</summary>
public sealed class NhwcMaxPool(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "NhwcMaxPool";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>Window attributes.</summary>
    public WindowAttributes Window { get; } = new(a);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.U8, DType.I8);
        c.Set(0, c.DType(0), ChannelOrder.Output(c.Shape(0), true, Window));
    }
}

/// <summary>Shapes with channels second or last.</summary>
public static class ChannelOrder
{
    /// <summary>[N, …, C] as [N, C, …].</summary>
    public static Shape ChannelsFirst(Shape x)
    {
        if (x.Rank < 3) throw new OperatorException($"input 0 has shape {x}, expected batch, channels and at least one spatial axis");
        return new Shape([x[0], x[-1], .. x.Dims[1..^1]]);
    }

    /// <summary>The output of a pool.</summary>
    public static Shape Output(Shape x, bool channelsLast, WindowAttributes window)
    {
        if (window.Kernel is null) throw new OperatorException("attribute 'kernel_shape' is missing");
        var first = channelsLast ? ChannelsFirst(x) : x;
        var y = WindowAttributes.OutputShape(first, first.Rank > 1 ? first[1] : 0, window.Resolve(first, []));
        return channelsLast ? new Shape([y[0], .. y.Dims[2..], y[1]]) : y;
    }
}
