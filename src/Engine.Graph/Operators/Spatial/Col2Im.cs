using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Col2Im: columns [N, C · Π block, L] summed back into images [N, C, image…]; the inverse order of im2col.</summary>
public sealed class Col2Im(Attributes a) : Operator(a)
{
    private readonly Attributes _a = a;

    /// <inheritdoc/>
    public override string Name => "Col2Im";

    /// <summary>The windows over the image, from the values of image_shape and block_shape.</summary>
    public WindowAxis[] Windows(long[] image, long[] block)
    {
        if (image.Length == 0 || image.Length != block.Length) throw new OperatorException($"image_shape [{string.Join(',', image)}] and block_shape [{string.Join(',', block)}] do not fit");
        foreach (long b in block) if (b < 1) throw new OperatorException($"block_shape holds {b}, expected at least 1");
        return new WindowAttributes(new Attributes(_a.Opset, _a.Values)).Resolve(new Shape([1, 1, .. image]), block);
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (!c.TryLongs(1, out var image) | !c.TryLongs(2, out var block)) return;
        c.RequireRank(0, 3);
        var windows = Windows(image, block);
        long taps = 1, positions = 1;
        foreach (var w in windows)
        {
            taps = Checked.Mul(taps, w.Kernel);
            positions = Checked.Mul(positions, w.Output);
        }
        var x = c.Shape(0);
        if (x[1] % taps != 0 || x[2] != positions) throw new OperatorException($"input {x} does not fit {taps} taps at {positions} positions");
        c.Set(0, c.DType(0), new Shape([x[0], x[1] / taps, .. image]));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(c.In(0).Elements, c.TotalBytes);
}
