using System.Runtime.CompilerServices;

namespace Engine.Kernels;

public static unsafe partial class RecurrentF32
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Load<TV>(float* x, int n) where TV : unmanaged, IF32Vector<TV> => n == TV.Count ? TV.Load(x) : TV.Load(x, n);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TV>(TV v, float* y, int n) where TV : unmanaged, IF32Vector<TV>
    {
        if (n == TV.Count) v.Store(y);
        else v.Store(y, n);
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>C ← f·C + i·g, H = o·tanh(C).</summary>
    private readonly struct LstmCell : ICell
    {
        public static int Gates => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Gates<TV> Start<TV>(in RecurrentStep s, int row, int unit, int n) where TV : unmanaged, IF32Vector<TV>
        {
            float* x = s.X + row * s.XRow + unit;
            return new() { A = Load<TV>(x, n), B = Load<TV>(x + s.Hidden, n), C = Load<TV>(x + 2 * s.Hidden, n), D = Load<TV>(x + 3 * s.Hidden, n) };
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Finish<TV>(Gates<TV> p, in RecurrentStep s, int row, int unit, int n) where TV : unmanaged, IF32Vector<TV>
        {
            float* c = s.C + (nint)row * s.Hidden + unit;
            var cell = TV.Fma(F32Math.Sigmoid(p.C), Load<TV>(c, n), F32Math.Sigmoid(p.A) * F32Math.Tanh(p.D));
            Store(cell, c, n);
            Store(F32Math.Sigmoid(p.B) * F32Math.Tanh(cell), s.Next + row * s.NextRow + unit, n);
        }

        public static void Finish(ReadOnlySpan<double> p, in RecurrentStep s, int row, int unit)
        {
            float* x = s.X + row * s.XRow + unit, c = s.C + (nint)row * s.Hidden + unit;
            double cell = Sigmoid(p[2] + x[2 * s.Hidden]) * *c + Sigmoid(p[0] + x[0]) * Math.Tanh(p[3] + x[3 * s.Hidden]);
            *c = (float)cell;
            s.Next[row * s.NextRow + unit] = (float)(Sigmoid(p[1] + x[s.Hidden]) * Math.Tanh(cell));
        }
    }

    /// <summary>H = (1 − z)·n + z·H with n = tanh(x + r·(H·R + b)).</summary>
    private readonly struct GruCell : ICell
    {
        public static int Gates => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Gates<TV> Start<TV>(in RecurrentStep s, int row, int unit, int n) where TV : unmanaged, IF32Vector<TV>
        {
            float* x = s.X + row * s.XRow + unit;
            return new() { A = Load<TV>(x, n), B = Load<TV>(x + s.Hidden, n), C = s.Extra == null ? TV.Of(0) : Load<TV>(s.Extra + unit, n) };
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Finish<TV>(Gates<TV> p, in RecurrentStep s, int row, int unit, int n) where TV : unmanaged, IF32Vector<TV>
        {
            var z = F32Math.Sigmoid(p.A);
            var next = F32Math.Tanh(TV.Fma(F32Math.Sigmoid(p.B), p.C, Load<TV>(s.X + row * s.XRow + 2 * s.Hidden + unit, n)));
            Store(TV.Fma(z, Load<TV>(s.H + row * s.HRow + unit, n) - next, next), s.Next + row * s.NextRow + unit, n);
        }

        public static void Finish(ReadOnlySpan<double> p, in RecurrentStep s, int row, int unit)
        {
            float* x = s.X + row * s.XRow + unit;
            double z = Sigmoid(p[0] + x[0]), r = Sigmoid(p[1] + x[s.Hidden]), n = Math.Tanh(x[2 * s.Hidden] + r * (p[2] + (s.Extra == null ? 0 : s.Extra[unit])));
            s.Next[row * s.NextRow + unit] = (float)((1 - z) * n + z * s.H[row * s.HRow + unit]);
        }
    }

    private static void Scalar<TCell>(in RecurrentStep s, int start, int end) where TCell : struct, ICell
    {
        Span<double> sums = stackalloc double[TCell.Gates];
        for (int unit = start * PanelUnits; unit < Math.Min(end * PanelUnits, s.Hidden); unit++)
            for (int row = 0; row < s.Rows; row++)
            {
                nint first = (nint)(unit / PanelUnits) * PanelUnits * TCell.Gates;
                for (int g = 0; g < TCell.Gates; g++)
                {
                    float* w = s.Weights + first * s.Hidden + g * PanelUnits + unit % PanelUnits, input = s.InputWeights + first * s.InputLength + g * PanelUnits + unit % PanelUnits;
                    double sum = 0;
                    for (int k = 0; k < s.Hidden; k++) sum += (double)s.H[row * s.HRow + k] * w[(nint)k * PanelUnits * TCell.Gates];
                    for (int k = 0; s.Input != null && k < s.InputLength; k++) sum += (double)s.Input[row * s.InputRow + k] * input[(nint)k * PanelUnits * TCell.Gates];
                    sums[g] = sum;
                }
                TCell.Finish(sums, s, row, unit);
            }
    }
}
