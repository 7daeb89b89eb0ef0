using System.Runtime.CompilerServices;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class ConstantOfShapeCpu
{
    public static StepFn Bind(ConstantOfShape op, BindContext b)
    {
        var value = op.Value;
        var element = new byte[16];
        if (value.DType.IsPacked()) element[0] = (byte)Packed4.Get(value.Bytes, 0);
        else value.Bytes.CopyTo(element);
        return Dispatch.Width(b, b.Out(0).DType, new FillBinder(element, b.Out(0).Shape.Count));
    }
}

/// <summary>Fills output 0 with one element, given as bytes.</summary>
internal readonly unsafe struct FillBinder(byte[] element, int count) : IWidthBinder
{
    public StepFn Bind<T>() where T : unmanaged
    {
        T value = Unsafe.ReadUnaligned<T>(ref element[0]);
        int n = count;
        return (in StepContext c) => Fill.Run(c.Workers, (T*)c.OutPointer(0), n, value);
    }
}
