using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class DftCpu
{
    public static StepFn Bind(Dft op, BindContext b)
    {
        var x = b.In(0).Shape;
        var (axis, length) = op.Form(x, b.Value(1)?.ToLongs(), b.Value(2)?.ToLongs());
        var y = b.Out(0).Shape;
        var fourier = new Fourier(Checked.Int(length));
        var form = new FourierForm(fourier, op.IsInverse, x.Int(axis), y.Int(axis), Checked.Int(x.Product(axis + 1, x.Rank - 1)), x[-1] == 2);
        return Dispatch.Float(b, new Binder(form, Checked.Int(x.Product(0, axis)), FourierForm.Reserve(fourier, b)));
    }

    private readonly struct Binder(FourierForm form, int outer, int work) : IFloatBinder
    {
        public unsafe StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (f, n, scratch) = (form, outer, work);
            return (in StepContext c) => f.Run(c.Workers, n, (T*)c.InPointer(0), null, (nint)f.Points * f.Inner * f.Width, 1, (T*)c.OutPointer(0), scratch < 0 ? null : (Complex*)c.WorkPointer(scratch));
        }
    }
}

/// <summary>Transforms of signals that lie <paramref name="inner"/> elements apart, real or complex, cut or padded to the transform's length.</summary>
internal sealed unsafe class FourierForm(Fourier fourier, bool inverse, int points, int bins, int inner, bool complex)
{
    // A transform this short has its scratch on the stack, and transforms run side by side.
    private const int StackScratch = 4096;

    /// <summary>Points of a signal.</summary>
    public int Points => points;

    /// <summary>Signals side by side.</summary>
    public int Inner => inner;

    /// <summary>Numbers of a point.</summary>
    public int Width => complex ? 2 : 1;

    /// <summary>The workspace that <see cref="Run"/> takes, −1 for none.</summary>
    public static int Reserve(Fourier fourier, BindContext b) => fourier.Scratch <= StackScratch ? -1 : b.Work(Checked.Mul(fourier.Scratch, sizeof(Complex)));

    /// <summary>
    /// Runs groups · <paramref name="frames"/> · inner transforms; frame f of group g starts at g·groupStride + f·frameStride numbers,
    /// and <paramref name="window"/> (or null) multiplies its points.
    /// </summary>
    public void Run<T>(Workers workers, int groups, T* x, T* window, nint groupStride, int frames, T* y, Complex* scratch, nint frameStride = 0) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int count = Checked.Int((long)groups * frames * inner);
        if (count == 0 || bins == 0) return;
        var body = new Body<T>(this, x, window, groupStride, frames, frameStride, y, scratch);
        if (scratch == null) workers.For(count, Math.Max(1, 1024 / Math.Max(1, fourier.Length)), body);
        else body.Run(0, count);
    }

    private readonly struct Body<T>(FourierForm form, T* x, T* window, nint groupStride, int frames, nint frameStride, T* y, Complex* scratch) : IParallelBody where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run(int start, int end)
        {
            if (scratch != null) Run(start, end, new Span<Complex>(scratch, form.Scratch));
            else Run(start, end, stackalloc Complex[form.Scratch]);
        }

        private void Run(int start, int end, Span<Complex> z)
        {
            for (int i = start; i < end; i++) form.One(x + i / form.Inner / frames * groupStride + i / form.Inner % frames * frameStride, window, i % form.Inner, y + (nint)(i / form.Inner) * form.Bins * form.Inner * 2, z);
        }
    }

    private int Scratch => fourier.Scratch;

    private int Bins => bins;

    private void One<T>(T* x, T* window, int at, T* y, Span<Complex> z) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        z.Clear();
        int used = Math.Min(points, fourier.Length);
        for (int i = 0; i < used; i++)
        {
            T* p = x + ((nint)i * inner + at) * Width;
            var v = new Complex(double.CreateTruncating(p[0]), complex ? double.CreateTruncating(p[1]) : 0);
            z[i] = window == null ? v : v * double.CreateTruncating(window[i]);
        }
        fourier.Run(z, inverse);
        for (int i = 0; i < bins; i++)
        {
            T* p = y + ((nint)i * inner + at) * 2;
            (p[0], p[1]) = (T.CreateTruncating(z[i].Real), T.CreateTruncating(z[i].Imaginary));
        }
    }
}
