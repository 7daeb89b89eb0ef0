using System.Runtime.InteropServices;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>A small float operand (scales) read as f32 at run time, widened into a workspace where it is f16 or bf16.</summary>
internal readonly struct FloatOperand
{
    private readonly int _input, _work, _count;
    private readonly DType _type;

    public FloatOperand(BindContext b, int input)
    {
        var t = b.In(input);
        (_input, _type, _count) = (input, t.DType, t.Shape.Count);
        _work = _type == DType.F32 ? -1 : b.Work(4L * _count);
    }

    public ReadOnlySpan<float> Read(in StepContext c)
    {
        if (_work < 0) return c.In<float>(_input);
        var y = c.Work<float>(_work)[.._count];
        FloatConvert.Widen(_type, c.In<byte>(_input), y);
        return y;
    }
}
