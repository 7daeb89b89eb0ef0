using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class ResizeCpu
{
    public static IEnumerable<Candidate> Candidates(ResizeBase op, NodeTypes n)
    {
        yield return new Candidate("resize", b => Bind(op, b));
        var x = n.In(0);
        if (x.DType != DType.F32 || x.Shape.Rank is not (3 or 4) || n.Out(0).Elements == 0 || op.Coordinates == CoordinateMode.TfCropAndResize) yield break;
        var axes = op.Axes(x.Shape, i => i < n.Values.Count ? n.Values[i] : null);
        if (!Unchanged(axes[0]) || !Unchanged(axes[1])) yield break;
        double bytes = SpatialTypes.Blocked.StorageBytes(x) + SpatialTypes.Blocked.StorageBytes(n.Out(0));
        yield return new Candidate("resize-blocked", b => BindBlocked(op, axes, b)) { Accepts = [SpatialTypes.Blocked], Produces = SpatialTypes.Blocked, Nanoseconds = 2 * bytes / Rates.BytesPerNanosecond };
    }

    private static bool Unchanged(ResizeAxis a) => a.Input == a.Output && a.Scale == 1;

    private static StepFn BindBlocked(ResizeBase op, ResizeAxis[] axes, BindContext b)
    {
        var x = b.In(0).Shape;
        int planes = Checked.Int(Checked.Mul(x[0], Checked.CeilDiv(x[1], ConvBlocked.Block)));
        AxisTaps h = axes.Length == 4 ? ResizeTaps.Of(op, axes[2]) : ResizeTaps.Identity(1), w = ResizeTaps.Of(op, axes[^1]);
        return (in StepContext c) => ResizeBlocked.Run(c.Workers, planes, h, w, (float*)c.InPointer(0), (float*)c.OutPointer(0));
    }

    public static StepFn Bind(ResizeBase op, BindContext b)
    {
        var axes = op.Axes(b.In(0).Shape, i => b.Has(i) ? b.Value(i) : null);
        if (b.Out(0).Elements == 0) return (in StepContext c) => { };
        if (op.Mode == Interpolation.Nearest) return Nearest(op, axes, b);
        var passes = new List<Pass>();
        var dims = b.In(0).Shape.ToArray();
        // Axes that shrink go first: later passes then have less to do.
        foreach (int i in Enumerable.Range(0, axes.Length).OrderBy(i => axes[i].Input == 0 ? 1 : (double)axes[i].Output / axes[i].Input))
        {
            var a = axes[i];
            if (a.Input == a.Output && a.Scale == 1 && op.Coordinates != CoordinateMode.TfCropAndResize) continue;
            var before = new Shape(dims);
            dims[i] = a.Output;
            passes.Add(new Pass(ResizeTaps.Linear(op, a), before.Count(0, i), before.Count(i + 1, dims.Length), -1));
            if (passes.Count > 1) passes[^2] = passes[^2] with { Work = b.Work(Checked.Mul(before.Elements, sizeof(float))) };
        }
        if (passes.Count == 0) return (in StepContext c) => c.In<byte>(0).CopyTo(c.Out<byte>(0));
        return Dispatch.Number(b, new Binder([.. passes], op.ExtrapolationValue));
    }

    private static StepFn Nearest(ResizeBase op, ResizeAxis[] axes, BindContext b)
    {
        int[][] maps = [.. axes.Select(a => ResizeTaps.Nearest(op, a))];
        int[] strides = [.. b.In(0).Shape.Strides().Select(s => Checked.Int(s))];
        return maps.Any(m => m.Any(i => i < 0)) ? Dispatch.Number(b, new FillBinder(maps, strides, op.ExtrapolationValue)) : Dispatch.Width(b, new NearestBinder(maps, strides));
    }

    private readonly struct NearestBinder(int[][] maps, int[] strides) : IWidthBinder
    {
        public StepFn Bind<T>() where T : unmanaged
        {
            var (m, s) = (maps, strides);
            return (in StepContext c) => Resampling.Nearest(c.Workers, m, s, default, (T*)c.InPointer(0), (T*)c.OutPointer(0));
        }
    }

    private readonly struct FillBinder(int[][] maps, int[] strides, float fill) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var (m, s, f) = (maps, strides, T.CreateSaturating(fill));
            return (in StepContext c) => Resampling.Nearest(c.Workers, m, s, f, (T*)c.InPointer(0), (T*)c.OutPointer(0));
        }
    }

    /// <summary>One axis; the result goes to a workspace, or to the output where <paramref name="Work"/> is −1.</summary>
    private sealed record Pass(AxisTaps Taps, int Outer, int Inner, int Work);

    private readonly struct Binder(Pass[] passes, float fill) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var (p, f) = (passes, fill);
            return (in StepContext c) =>
            {
                if (p.Length == 1)
                {
                    Resampling.Axis(c.Workers, p[0].Taps, p[0].Outer, p[0].Inner, f, (T*)c.InPointer(0), (T*)c.OutPointer(0));
                    return;
                }
                float* from = (float*)c.WorkPointer(p[0].Work);
                Resampling.Axis(c.Workers, p[0].Taps, p[0].Outer, p[0].Inner, f, (T*)c.InPointer(0), from);
                for (int i = 1; i < p.Length - 1; i++)
                {
                    float* to = (float*)c.WorkPointer(p[i].Work);
                    Resampling.Axis(c.Workers, p[i].Taps, p[i].Outer, p[i].Inner, f, from, to);
                    from = to;
                }
                Resampling.Axis(c.Workers, p[^1].Taps, p[^1].Outer, p[^1].Inner, f, from, (T*)c.OutPointer(0));
            };
        }
    }
}
