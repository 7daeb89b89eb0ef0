using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

/// <summary>Operators whose output is the input read with other strides: one copy serves them all.</summary>
internal static class StridedCpu
{
    public static StepFn Bind(Transpose op, BindContext b)
    {
        var x = b.In(0).Shape;
        var strides = x.Strides();
        return Copy(b, b.Out(0).Shape.ToArray(), [.. op.Permutation(x.Rank).Select(p => strides[p])]);
    }

    public static StepFn Bind(Slice op, BindContext b)
    {
        var x = b.In(0).Shape;
        var strides = x.Strides();
        var region = op.Resolve(x, b.Value(1)?.ToLongs() ?? [], b.Value(2)?.ToLongs() ?? [], b.Value(3)?.ToLongs(), b.Value(4)?.ToLongs());
        long start = 0;
        for (int i = 0; i < region.Length; i++)
        {
            start += region[i].Start * strides[i];
            // A step that is never taken may be any number.
            strides[i] = region[i].Count > 1 ? strides[i] * region[i].Step : 0;
        }
        return Copy(b, b.Out(0).Shape.ToArray(), strides, start);
    }

    public static StepFn Bind(Expand op, BindContext b)
    {
        Tensors.Shape x = b.In(0).Shape, y = b.Out(0).Shape;
        var own = x.Strides();
        var strides = new long[y.Rank];
        for (int i = 0; i < x.Rank; i++)
            if (x[i] != 1) strides[y.Rank - x.Rank + i] = own[i];
        return Copy(b, y.ToArray(), strides);
    }

    public static StepFn Bind(Tile op, BindContext b)
    {
        Tensors.Shape x = b.In(0).Shape, y = b.Out(0).Shape;
        if (y.Elements == 0) return static (in StepContext _) => { };
        var own = x.Strides();
        var dims = new long[2 * x.Rank];
        var strides = new long[2 * x.Rank];
        for (int i = 0; i < x.Rank; i++)
        {
            (dims[2 * i], dims[2 * i + 1]) = (y[i] / x[i], x[i]);
            strides[2 * i + 1] = own[i];
        }
        return Copy(b, dims, strides);
    }

    public static StepFn Bind(DepthToSpace op, BindContext b)
    {
        var y = b.Out(0).Shape;
        long n = op.Block, c = y[1], h = y[2] / n, w = y[3] / n;
        long plane = h * w;
        var (channel, row, column) = op.ChannelFirst ? (n * n, n, 1L) : (1L, n * c, c);
        return Copy(b, [y[0], c, h, n, w, n], [n * n * c * plane, channel * plane, w, row * plane, 1, column * plane]);
    }

    public static StepFn Bind(SpaceToDepth op, BindContext b)
    {
        var x = b.In(0).Shape;
        long n = op.Block, h = x[2] / n, w = x[3] / n;
        return Copy(b, [x[0], n, n, x[1], h, w], [x[1] * x[2] * x[3], x[3], 1, x[2] * x[3], n * x[3], n]);
    }

    private static StepFn Copy(BindContext b, long[] dims, long[] strides, long start = 0) => Dispatch.Width(b, new Binder(dims, strides, start));

    private readonly struct Binder(long[] dims, long[] strides, long start) : IWidthBinder
    {
        public StepFn Bind<T>() where T : unmanaged
        {
            var (d, s, at) = (dims, strides, start);
            return (in StepContext c) => StridedCopy.Run(c.Workers, c.In<T>(0), at, d, s, c.Out<T>(0));
        }
    }
}
