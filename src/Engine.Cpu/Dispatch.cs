using System.Numerics;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Makes a step for a numeric element type.</summary>
internal interface INumberBinder
{
    /// <summary>The step for elements of <typeparamref name="T"/>.</summary>
    StepFn Bind<T>() where T : unmanaged, INumber<T>;
}

/// <summary>Makes a step for a binary floating-point element type.</summary>
internal interface IFloatBinder
{
    /// <summary>The step for elements of <typeparamref name="T"/>.</summary>
    StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>;
}

/// <summary>Makes a step for a binary integer element type.</summary>
internal interface IIntegerBinder
{
    /// <summary>The step for elements of <typeparamref name="T"/>.</summary>
    StepFn Bind<T>() where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>;
}

/// <summary>Makes a step that moves elements of a width, whatever they mean.</summary>
internal interface IWidthBinder
{
    /// <summary>The step for elements as wide as <typeparamref name="T"/>.</summary>
    StepFn Bind<T>() where T : unmanaged;
}

/// <summary>
/// From an element type to a generic kernel. A type not listed throws <see cref="UnsupportedException"/>; for f16, bf16 and 8-bit floats
/// the binder then runs the kernel through f32.
/// </summary>
internal static class Dispatch
{
    public static StepFn Number<TBinder>(BindContext b, TBinder binder, int input = 0) where TBinder : INumberBinder => Number(b.In(input).DType, binder) ?? throw b.Unsupported(input);

    /// <summary>By the element type of output 0, where no input has it.</summary>
    public static StepFn NumberOut<TBinder>(BindContext b, TBinder binder) where TBinder : INumberBinder =>
        Number(b.Out(0).DType, binder) ?? throw new UnsupportedException($"{b.Node.Describe()}: output type {b.Out(0).DType.Display()} is not supported");

    private static StepFn? Number<TBinder>(DType type, TBinder binder) where TBinder : INumberBinder => type switch
    {
        DType.F32 => binder.Bind<float>(),
        DType.F64 => binder.Bind<double>(),
        DType.I8 => binder.Bind<sbyte>(),
        DType.U8 => binder.Bind<byte>(),
        DType.I16 => binder.Bind<short>(),
        DType.U16 => binder.Bind<ushort>(),
        DType.I32 => binder.Bind<int>(),
        DType.U32 => binder.Bind<uint>(),
        DType.I64 => binder.Bind<long>(),
        DType.U64 => binder.Bind<ulong>(),
        _ => null,
    };

    public static StepFn Float<TBinder>(BindContext b, TBinder binder, int input = 0) where TBinder : IFloatBinder => b.In(input).DType switch
    {
        DType.F32 => binder.Bind<float>(),
        DType.F64 => binder.Bind<double>(),
        _ => throw b.Unsupported(input),
    };

    public static StepFn Integer<TBinder>(BindContext b, TBinder binder, int input = 0) where TBinder : IIntegerBinder => b.In(input).DType switch
    {
        DType.I8 => binder.Bind<sbyte>(),
        DType.U8 => binder.Bind<byte>(),
        DType.I16 => binder.Bind<short>(),
        DType.U16 => binder.Bind<ushort>(),
        DType.I32 => binder.Bind<int>(),
        DType.U32 => binder.Bind<uint>(),
        DType.I64 => binder.Bind<long>(),
        DType.U64 => binder.Bind<ulong>(),
        _ => throw b.Unsupported(input),
    };

    /// <summary>By element width: 1, 2, 4, 8 or 16 bytes. Packed 4-bit types throw, and are then run as bytes.</summary>
    public static StepFn Width<TBinder>(BindContext b, TBinder binder, int input = 0) where TBinder : IWidthBinder => Width(b, b.In(input).DType, binder);

    /// <summary>As above, for an element type that no input has.</summary>
    public static StepFn Width<TBinder>(BindContext b, DType type, TBinder binder) where TBinder : IWidthBinder => Bytes(b, type) switch
    {
        1 => binder.Bind<byte>(),
        2 => binder.Bind<ushort>(),
        4 => binder.Bind<uint>(),
        8 => binder.Bind<ulong>(),
        _ => binder.Bind<Complex>(),
    };

    /// <summary>Bytes an element of <paramref name="type"/> takes. Packed 4-bit types throw, and are then run as bytes.</summary>
    public static int Bytes(BindContext b, DType type) =>
        type.BitWidth() is var w && w >= 8 ? w / 8 : throw new UnsupportedException($"{b.Node.Describe()}: element type {type.Display()} is not supported");
}
