using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Optionals: a value that is there stands for itself.</summary>
internal static class OptionalCpu
{
    public static void Make(OptionalOf _, DynamicContext c) => c.Set(0, c.Has(0) ? c.Input(0) : AbsentValue.Instance);

    public static void Get(OptionalGetElement _, DynamicContext c) => c.Set(0, c.Input(0) is AbsentValue ? throw new OperatorException("the optional has no element") : c.Input(0));

    public static void Has(OptionalHasElement _, DynamicContext c)
    {
        var y = c.Allocate(DType.Bool, Shape.Scalar);
        y.Bytes[0] = c.Has(0) && c.Input(0) is not AbsentValue ? (byte)1 : (byte)0;
        c.Set(0, y);
    }
}
