using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

/// <summary>Makes a step for an element type and a way to join elements.</summary>
internal interface IJoinBinder
{
    /// <summary>The step for elements of <typeparamref name="T"/> joined by <typeparamref name="TJoin"/>.</summary>
    StepFn Bind<T, TJoin>() where T : unmanaged where TJoin : struct, IScatterJoin<T>;
}

/// <summary>From a reduction to its join: replacing serves every element type, arithmetic the numbers.</summary>
internal static class ScatterReductions
{
    public static StepFn Bind<TBinder>(BindContext b, ScatterReduction reduction, TBinder binder) where TBinder : struct, IJoinBinder => reduction switch
    {
        ScatterReduction.None => Dispatch.Width(b, new Replace<TBinder>(binder)),
        _ => Dispatch.Number(b, new Arithmetic<TBinder>(reduction, binder)),
    };

    private readonly struct Replace<TBinder>(TBinder binder) : IWidthBinder where TBinder : struct, IJoinBinder
    {
        public StepFn Bind<T>() where T : unmanaged => binder.Bind<T, ReplaceJoin<T>>();
    }

    private readonly struct Arithmetic<TBinder>(ScatterReduction reduction, TBinder binder) : INumberBinder where TBinder : struct, IJoinBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T> => reduction switch
        {
            ScatterReduction.Add => binder.Bind<T, AddJoin<T>>(),
            ScatterReduction.Mul => binder.Bind<T, MulJoin<T>>(),
            ScatterReduction.Min => binder.Bind<T, MinJoin<T>>(),
            _ => binder.Bind<T, MaxJoin<T>>(),
        };
    }
}
