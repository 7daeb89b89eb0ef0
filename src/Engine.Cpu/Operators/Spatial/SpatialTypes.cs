using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>From operators' windows to kernels' windows.</summary>
internal static class SpatialTypes
{
    /// <summary>Channels in blocks of 16: what the convolutions and pools of f32 like best.</summary>
    public static Encoding Blocked { get; } = new BlockedEncoding(1, ConvBlocked.Block);

    public static WindowDim Dim(WindowAxis w) => new(w.Input, w.Output, w.Kernel, w.Stride, w.Dilation, w.PadBegin, w.PadEnd);

    /// <summary>Up to three axes, missing ones in front.</summary>
    public static Window3 Window(WindowAxis[] axes) => axes.Length switch
    {
        1 => new(WindowDim.One, WindowDim.One, Dim(axes[0])),
        2 => new(WindowDim.One, Dim(axes[0]), Dim(axes[1])),
        3 => new(Dim(axes[0]), Dim(axes[1]), Dim(axes[2])),
        _ => throw new UnsupportedException($"windows over {axes.Length} spatial axes are not supported"),
    };

    /// <summary>Product of the dimensions [from, to) as an int.</summary>
    public static int Count(this Shape s, int from, int to) => Checked.Int(s.Product(from, to));

    /// <summary>Batch times channels.</summary>
    public static int Planes(Shape x) => x.Count(0, 2);

    /// <summary>Throws unless the first element types are one of f32 and f64 and agree.</summary>
    public static void RequireSame(BindContext b, params ReadOnlySpan<int> inputs)
    {
        foreach (int i in inputs)
            if (b.Has(i) && b.In(i).DType != b.In(0).DType)
                throw b.Unsupported(i);
    }
}
