using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>The arithmetic of a fold in the accumulator's type: map each element, combine, finish. As it stands, a sum.</summary>
public interface IFold<TAcc> where TAcc : unmanaged, INumber<TAcc>
{
    /// <summary>The state of no elements.</summary>
    static virtual TAcc Seed => TAcc.Zero;

    /// <summary>An element's contribution.</summary>
    static virtual TAcc Map(TAcc x) => x;

    /// <inheritdoc cref="Map(TAcc)"/>
    static virtual Vector<TAcc> Map(Vector<TAcc> x) => x;

    /// <summary>Two contributions in one.</summary>
    static virtual TAcc Combine(TAcc a, TAcc b) => a + b;

    /// <inheritdoc cref="Combine(TAcc, TAcc)"/>
    static virtual Vector<TAcc> Combine(Vector<TAcc> a, Vector<TAcc> b) => a + b;

    /// <summary>The result.</summary>
    static virtual TAcc Finish(TAcc a, long count) => a;
}

/// <summary>Folds elements of T in an accumulator: the same type, or 64 bits for integers.</summary>
public readonly unsafe struct FoldReducer<T, TAcc, TFold> : IReducer<T, TAcc> where T : unmanaged, INumber<T> where TAcc : unmanaged, INumber<TAcc> where TFold : struct, IFold<TAcc>
{
    /// <inheritdoc/>
    public TAcc Seed => TFold.Seed;

    /// <inheritdoc/>
    public TAcc Row(TAcc state, T* x, int n)
    {
        int i = 0, step = 4 * Vector<TAcc>.Count;
        if (typeof(T) == typeof(TAcc) && n >= step)
        {
            var p = (TAcc*)x;
            Vector<TAcc> s0 = Vector.Create(TFold.Seed), s1 = s0, s2 = s0, s3 = s0;
            for (; i + step <= n; i += step, p += step)
            {
                s0 = TFold.Combine(s0, TFold.Map(Vector.Load(p)));
                s1 = TFold.Combine(s1, TFold.Map(Vector.Load(p + Vector<TAcc>.Count)));
                s2 = TFold.Combine(s2, TFold.Map(Vector.Load(p + 2 * Vector<TAcc>.Count)));
                s3 = TFold.Combine(s3, TFold.Map(Vector.Load(p + 3 * Vector<TAcc>.Count)));
            }
            s0 = TFold.Combine(TFold.Combine(s0, s1), TFold.Combine(s2, s3));
            for (int j = 0; j < Vector<TAcc>.Count; j++) state = TFold.Combine(state, s0[j]);
        }
        for (; i < n; i++) state = TFold.Combine(state, TFold.Map(TAcc.CreateTruncating(x[i])));
        return state;
    }

    /// <inheritdoc/>
    public void Columns(TAcc* states, T* x, int n)
    {
        int j = 0;
        if (typeof(T) == typeof(TAcc))
            for (; j + Vector<TAcc>.Count <= n; j += Vector<TAcc>.Count) TFold.Combine(Vector.Load(states + j), TFold.Map(Vector.Load((TAcc*)x + j))).Store(states + j);
        for (; j < n; j++) states[j] = TFold.Combine(states[j], TFold.Map(TAcc.CreateTruncating(x[j])));
    }

    /// <inheritdoc/>
    public T Finish(TAcc state, long count) => T.CreateTruncating(TFold.Finish(state, count));
}

/// <summary>Folds f32 with a kernel of <see cref="ReduceF32"/>; the fold gives the seed and the end.</summary>
public readonly unsafe struct KernelReducer<TState, TFold>(ReduceF32.Fn<TState> kernel) : IReducer<float, TState> where TState : unmanaged, INumber<TState> where TFold : struct, IFold<TState>
{
    /// <inheritdoc/>
    public TState Seed => TFold.Seed;

    /// <inheritdoc/>
    public TState Row(TState state, float* x, int n)
    {
        kernel(&state, x, n, false);
        return state;
    }

    /// <inheritdoc/>
    public void Columns(TState* states, float* x, int n) => kernel(states, x, n, true);

    /// <inheritdoc/>
    public float Finish(TState state, long count) => float.CreateTruncating(TFold.Finish(state, count));
}

/// <summary>Σ x.</summary>
public readonly struct SumFold<TAcc> : IFold<TAcc> where TAcc : unmanaged, INumber<TAcc>;

/// <summary>Σ x / n.</summary>
public readonly struct MeanFold<TAcc> : IFold<TAcc> where TAcc : unmanaged, INumber<TAcc>
{
    static TAcc IFold<TAcc>.Finish(TAcc a, long count) => count == 0 && typeof(TAcc) != typeof(double) ? TAcc.Zero : a / TAcc.CreateTruncating(count);
}

/// <summary>Π x.</summary>
public readonly struct ProductFold<TAcc> : IFold<TAcc> where TAcc : unmanaged, INumber<TAcc>
{
    static TAcc IFold<TAcc>.Seed => TAcc.One;
    static TAcc IFold<TAcc>.Combine(TAcc a, TAcc b) => a * b;
    static Vector<TAcc> IFold<TAcc>.Combine(Vector<TAcc> a, Vector<TAcc> b) => a * b;
}

/// <summary>Σ |x|.</summary>
public readonly struct L1Fold<TAcc> : IFold<TAcc> where TAcc : unmanaged, INumber<TAcc>
{
    static TAcc IFold<TAcc>.Map(TAcc x) => TAcc.IsNegative(x) ? TAcc.Zero - x : x;
    static Vector<TAcc> IFold<TAcc>.Map(Vector<TAcc> x) => Vector.Abs(x);
}

/// <summary>Σ x².</summary>
public readonly struct SquareFold<TAcc> : IFold<TAcc> where TAcc : unmanaged, INumber<TAcc>
{
    static TAcc IFold<TAcc>.Map(TAcc x) => x * x;
    static Vector<TAcc> IFold<TAcc>.Map(Vector<TAcc> x) => x * x;
}

/// <summary>√Σ x².</summary>
public readonly struct L2Fold<TAcc> : IFold<TAcc> where TAcc : unmanaged, INumber<TAcc>
{
    static TAcc IFold<TAcc>.Map(TAcc x) => x * x;
    static Vector<TAcc> IFold<TAcc>.Map(Vector<TAcc> x) => x * x;
    static TAcc IFold<TAcc>.Finish(TAcc a, long count) => TAcc.CreateSaturating(Math.Sqrt(double.CreateTruncating(a)));
}

/// <summary>log Σ x.</summary>
public readonly struct LogSumFold<TAcc> : IFold<TAcc> where TAcc : unmanaged, INumber<TAcc>
{
    static TAcc IFold<TAcc>.Finish(TAcc a, long count) => TAcc.CreateSaturating(Math.Log(double.CreateTruncating(a)));
}

/// <summary>The largest; NaN where there is one.</summary>
public readonly struct MaxFold<TAcc> : IFold<TAcc> where TAcc : unmanaged, INumber<TAcc>
{
    static TAcc IFold<TAcc>.Seed => TAcc.CreateSaturating(double.NegativeInfinity);
    static TAcc IFold<TAcc>.Combine(TAcc a, TAcc b) => TAcc.Max(a, b);
    static Vector<TAcc> IFold<TAcc>.Combine(Vector<TAcc> a, Vector<TAcc> b) => Vector.Max(a, b);
}

/// <summary>The smallest; NaN where there is one.</summary>
public readonly struct MinFold<TAcc> : IFold<TAcc> where TAcc : unmanaged, INumber<TAcc>
{
    static TAcc IFold<TAcc>.Seed => TAcc.CreateSaturating(double.PositiveInfinity);
    static TAcc IFold<TAcc>.Combine(TAcc a, TAcc b) => TAcc.Min(a, b);
    static Vector<TAcc> IFold<TAcc>.Combine(Vector<TAcc> a, Vector<TAcc> b) => Vector.Min(a, b);
}

/// <summary>log Σ eˣ: the largest element so far, and the sum of e^(x − largest).</summary>
public readonly unsafe struct LogSumExpReducer<T> : IReducer<T, LogSumExpReducer<T>.State> where T : unmanaged, INumber<T>
{
    /// <summary>Running state.</summary>
    public unsafe struct State
    {
        internal double Largest, Sum;

        internal void Add(double x)
        {
            if (x <= Largest) Sum += double.IsNegativeInfinity(x) ? 0 : Math.Exp(x - Largest);
            else
            {
                Sum = Sum * Math.Exp(Largest - x) + 1;
                Largest = x;
            }
        }

        internal void Add(float* x, int n)
        {
            float largest = float.NegativeInfinity;
            ReduceF32.Max.Best(&largest, x, n, false);
            // The sum does not matter where the largest is infinite or NaN.
            double sum = float.IsFinite(largest) ? RowSumF32.Exponentials.Best(x, n, largest) : 0;
            if (largest <= Largest) Sum += sum * Math.Exp(largest - Largest);
            else (Largest, Sum) = (largest, Sum * Math.Exp(Largest - largest) + sum);
        }
    }

    /// <inheritdoc/>
    public State Seed => new() { Largest = double.NegativeInfinity };

    /// <inheritdoc/>
    public State Row(State state, T* x, int n)
    {
        if (typeof(T) == typeof(float)) state.Add((float*)x, n);
        else
            for (int i = 0; i < n; i++) state.Add(double.CreateTruncating(x[i]));
        return state;
    }

    /// <inheritdoc/>
    public void Columns(State* states, T* x, int n)
    {
        for (int j = 0; j < n; j++) states[j].Add(double.CreateTruncating(x[j]));
    }

    /// <inheritdoc/>
    public T Finish(State state, long count) => T.CreateTruncating(double.IsFinite(state.Largest) ? state.Largest + Math.Log(state.Sum) : state.Largest);
}
