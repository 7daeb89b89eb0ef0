using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Ptx.Machine;

namespace Engine.Ptx.Code;

internal interface IUnary<TA, TD>
{
    static abstract TD Of(TA a);
}

internal interface IBinary<TA, TB, TD>
{
    static abstract TD Of(TA a, TB b);
}

internal interface ITernary<TA, TB, TC, TD>
{
    static abstract TD Of(TA a, TB b, TC c);
}

/// <summary>d = f(a) in every lane. Types of 32 bits lie 4 bytes apart, of 64 bits 8; narrower values lie in 32 bits.</summary>
internal sealed unsafe class Unary<TFn, TA, TD>(int d, int a) : Operation
    where TFn : struct, IUnary<TA, TD>
    where TA : unmanaged
    where TD : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(Warp warp, uint mask)
    {
        TA* x = (TA*)(warp.Registers + a);
        TD* r = (TD*)(warp.Registers + d);
        if (mask == uint.MaxValue)
        {
            for (int i = 0; i < 32; i++) r[i] = TFn.Of(x[i]);
            return;
        }
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            r[i] = TFn.Of(x[i]);
        }
    }
}

/// <summary>d = f(a, b) in every lane.</summary>
internal sealed unsafe class Binary<TFn, TA, TB, TD>(int d, int a, int b) : Operation
    where TFn : struct, IBinary<TA, TB, TD>
    where TA : unmanaged
    where TB : unmanaged
    where TD : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(Warp warp, uint mask)
    {
        TA* x = (TA*)(warp.Registers + a);
        TB* y = (TB*)(warp.Registers + b);
        TD* r = (TD*)(warp.Registers + d);
        if (mask == uint.MaxValue)
        {
            for (int i = 0; i < 32; i++) r[i] = TFn.Of(x[i], y[i]);
            return;
        }
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            r[i] = TFn.Of(x[i], y[i]);
        }
    }
}

/// <summary>d = f(a, b, c) in every lane.</summary>
internal sealed unsafe class Ternary<TFn, TA, TB, TC, TD>(int d, int a, int b, int c) : Operation
    where TFn : struct, ITernary<TA, TB, TC, TD>
    where TA : unmanaged
    where TB : unmanaged
    where TC : unmanaged
    where TD : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(Warp warp, uint mask)
    {
        TA* x = (TA*)(warp.Registers + a);
        TB* y = (TB*)(warp.Registers + b);
        TC* z = (TC*)(warp.Registers + c);
        TD* r = (TD*)(warp.Registers + d);
        if (mask == uint.MaxValue)
        {
            for (int i = 0; i < 32; i++) r[i] = TFn.Of(x[i], y[i], z[i]);
            return;
        }
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            r[i] = TFn.Of(x[i], y[i], z[i]);
        }
    }
}

/// <summary>A place of 32 or 64 bits a lane.</summary>
internal readonly record struct Slot(int Offset, bool Wide);

/// <summary>d = f(a, b, c) for instructions too rare to be compiled for their types: values as bits, narrower ones without sign.</summary>
internal sealed unsafe class LaneFunction(Slot d, Slot[] sources, Func<ulong, ulong, ulong, ulong> function) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        byte* file = warp.Registers;
        Slot a = sources[0], b = sources[sources.Length > 1 ? 1 : 0], c = sources[sources.Length > 2 ? 2 : 0];
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            ulong value = function(Read(file, a, i), Read(file, b, i), Read(file, c, i));
            if (d.Wide) ((ulong*)(file + d.Offset))[i] = value;
            else ((uint*)(file + d.Offset))[i] = (uint)value;
        }
    }

    private static ulong Read(byte* file, Slot slot, int lane) =>
        slot.Wide ? ((ulong*)(file + slot.Offset))[lane] : ((uint*)(file + slot.Offset))[lane];
}
