using System.Runtime.CompilerServices;

namespace Engine.Kernels;

public static unsafe partial class ReduceF32
{
    /// <summary>How an element joins a state in f64, one by one or in lanes. As it stands, states are added.</summary>
    private interface ISumStep
    {
        /// <summary>The state of no elements.</summary>
        static virtual double Seed => 0;

        static abstract void Add(ref double state, double x);

        static abstract void Add<TD, TV>(ref TD state, TD x) where TD : unmanaged, IF64Vector<TD, TV> where TV : unmanaged, IF32Vector<TV>;

        /// <summary>A state and those of two vectors in one.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static virtual double Join<TD, TV>(double state, TD a, TD b) where TD : unmanaged, IF64Vector<TD, TV> where TV : unmanaged, IF32Vector<TV> => state + TD.Sum(a + b);
    }

    private readonly struct Identity : ISumStep
    {
        public static void Add(ref double state, double x) => state += x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Add<TD, TV>(ref TD state, TD x) where TD : unmanaged, IF64Vector<TD, TV> where TV : unmanaged, IF32Vector<TV> => state += x;
    }

    private readonly struct Absolute : ISumStep
    {
        public static void Add(ref double state, double x) => state += Math.Abs(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Add<TD, TV>(ref TD state, TD x) where TD : unmanaged, IF64Vector<TD, TV> where TV : unmanaged, IF32Vector<TV> => state += TD.Abs(x);
    }

    // A square of f32 is exact in f64.
    private readonly struct Square : ISumStep
    {
        public static void Add(ref double state, double x) => state += x * x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Add<TD, TV>(ref TD state, TD x) where TD : unmanaged, IF64Vector<TD, TV> where TV : unmanaged, IF32Vector<TV> => state.AddProduct(x, x);
    }

    private readonly struct Times : ISumStep
    {
        static double ISumStep.Seed => 1;

        public static void Add(ref double state, double x) => state *= x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Add<TD, TV>(ref TD state, TD x) where TD : unmanaged, IF64Vector<TD, TV> where TV : unmanaged, IF32Vector<TV> => state *= x;

        static double ISumStep.Join<TD, TV>(double state, TD a, TD b)
        {
            double* lanes = stackalloc double[16];
            (a * b).Store(lanes);
            for (int i = 0; i < TV.Count; i++) state *= lanes[i];
            return state;
        }
    }

    /// <summary>Of two values the one that is kept.</summary>
    private interface IExtremeStep
    {
        static abstract void Of(ref float state, float x);

        static abstract TV Of<TV>(TV a, TV b) where TV : unmanaged, IF32Vector<TV>;

        /// <summary>Of all lanes.</summary>
        static abstract float Of<TV>(TV x) where TV : unmanaged, IF32Vector<TV>;
    }

    private readonly struct Larger : IExtremeStep
    {
        public static void Of(ref float state, float x) => state = MathF.Max(state, x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TV Of<TV>(TV a, TV b) where TV : unmanaged, IF32Vector<TV> => TV.Max(a, b);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Of<TV>(TV x) where TV : unmanaged, IF32Vector<TV> => TV.Largest(x);
    }

    private readonly struct Smaller : IExtremeStep
    {
        public static void Of(ref float state, float x) => state = MathF.Min(state, x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TV Of<TV>(TV a, TV b) where TV : unmanaged, IF32Vector<TV> => TV.Min(a, b);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Of<TV>(TV x) where TV : unmanaged, IF32Vector<TV> => -TV.Largest(-x);
    }
}
