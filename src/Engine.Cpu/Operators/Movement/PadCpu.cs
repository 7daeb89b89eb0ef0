using System.Runtime.CompilerServices;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

internal static unsafe class PadCpu
{
    public static StepFn Bind(Pad op, BindContext b)
    {
        var x = b.In(0);
        var strides = x.Shape.Strides();
        var source = op.Mode switch
        {
            PadMode.Reflect => PadSource.Reflect,
            PadMode.Edge => PadSource.Edge,
            PadMode.Wrap => PadSource.Wrap,
            _ => PadSource.Fill,
        };
        PadAxis[] axes = [.. op.Amounts(x.Shape, b.Value(1)?.ToLongs(), b.Value(3)?.ToLongs()).Select((p, i) => PadAxis.Of(x.Shape[i], p.Before, p.After, strides[i], source))];
        // Zero is all bits clear in every element type.
        return Dispatch.Width(b, new PadBinder(axes, op.Value == 0 ? new byte[16] : ScalarValue.Encode(x.DType, op.Value), op.ValueIsInput && b.Has(2)));
    }

    public static StepFn Bind(CenterCropPad _, BindContext b)
    {
        Tensors.Shape x = b.In(0).Shape, y = b.Out(0).Shape;
        var strides = x.Strides();
        var before = CenterCropPad.Before(x, y);
        PadAxis[] axes = [.. before.Select((p, i) => PadAxis.Of(x[i], p, y[i] - x[i] - p, strides[i], PadSource.Fill))];
        return Dispatch.Width(b, new PadBinder(axes, new byte[16], false));
    }

    private readonly struct PadBinder(PadAxis[] axes, byte[] value, bool valueIsInput) : IWidthBinder
    {
        public StepFn Bind<T>() where T : unmanaged
        {
            var a = axes.Length == 0 ? [PadAxis.Of(1, 0, 0, 1, PadSource.Fill)] : axes;
            T given = Unsafe.ReadUnaligned<T>(ref value[0]);
            bool read = valueIsInput;
            return (in StepContext c) => PadCopy.Run(c.Workers, (T*)c.InPointer(0), a, read ? c.In<T>(2)[0] : given, (T*)c.OutPointer(0));
        }
    }
}
