using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class StftCpu
{
    public static StepFn Bind(Stft op, BindContext b)
    {
        Shape x = b.In(0).Shape, y = b.Out(0).Shape;
        var (step, length) = Stft.Form(b.Value(1)!.ToLongs(), b.Value(3)?.ToLongs(), b.Has(2) ? b.In(2).Shape : null);
        bool complex = x.Rank == 3 && x[2] == 2;
        var fourier = new Fourier(Checked.Int(length));
        var form = new FourierForm(fourier, false, fourier.Length, y.Int(2), 1, complex);
        return Dispatch.Float(b, new Binder(form, x.Int(0), x.Int(1), y.Int(1), step, FourierForm.Reserve(fourier, b)));
    }

    private readonly struct Binder(FourierForm form, int batch, int samples, int frames, long step, int work) : IFloatBinder
    {
        public unsafe StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (f, groups, n, scratch) = (form, batch, frames, work);
            nint group = (nint)samples * form.Width, frame = (nint)Math.Min(step, samples) * form.Width;
            return (in StepContext c) => f.Run(c.Workers, groups, (T*)c.InPointer(0), (T*)c.InPointer(2), group, n, (T*)c.OutPointer(0), scratch < 0 ? null : (Complex*)c.WorkPointer(scratch), frame);
        }
    }
}
