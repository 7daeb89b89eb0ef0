using System.Numerics;

namespace Engine.Kernels;

public static unsafe partial class ConvWinograd
{
    private const double NormA = 2.0 * A2 * (A2 - B2), NormB = 2.0 * B2 * (B2 - A2);

    // G: 3 weights to 6 values.
    private static readonly double[] s_weights =
    [
        1.0 / Product, 0, 0,
        1 / NormA, A / NormA, A2 / NormA,
        1 / NormA, -A / NormA, A2 / NormA,
        1 / NormB, B / NormB, B2 / NormB,
        1 / NormB, -B / NormB, B2 / NormB,
        0, 0, 1,
    ];

    /// <summary>Transforms the weights of 32 output channels at a time: G · w · Gᵀ in double, rounded once.</summary>
    private readonly struct PackBody(ConvShape s, float* w, float* packed) : IParallelBody
    {
        private const int Taps = 9;

        public void Run(int start, int end)
        {
            nint depth = (nint)Blocks(s.Channels) * Block;
            double* taps = stackalloc double[Taps * Pair], half = stackalloc double[Inputs * 3 * Pair];
            for (int pair = start; pair < end; pair++)
            {
                float* to = packed + pair * Positions * depth * Pair, from = w + (nint)pair * Pair * s.Channels * Taps;
                int lanes = Math.Min(Pair, s.OutChannels - pair * Pair);
                new Span<double>(taps, Taps * Pair).Clear();
                for (nint c = 0; c < depth; c++)
                {
                    if (c >= s.Channels)
                    {
                        for (int p = 0; p < Positions; p++) new Span<float>(to + (p * depth + c) * Pair, Pair).Clear();
                        continue;
                    }
                    for (int lane = 0; lane < lanes; lane++)
                    {
                        float* k = from + ((nint)lane * s.Channels + c) * Taps;
                        for (int t = 0; t < Taps; t++) taps[t * Pair + lane] = k[t];
                    }
                    for (int i = 0; i < Inputs; i++)
                        for (int j = 0; j < 3; j++) Combine(i, taps + j * Pair, 3 * Pair, half + (i * 3 + j) * Pair);
                    for (int i = 0; i < Inputs; i++)
                        for (int j = 0; j < Inputs; j++) Round(j, half + i * 3 * Pair, to + ((i * Inputs + j) * depth + c) * Pair);
                }
            }
        }

        private static Vector<double> Combine(int row, double* x, nint step) =>
            new Vector<double>(s_weights[3 * row]) * Vector.Load(x) + new Vector<double>(s_weights[3 * row + 1]) * Vector.Load(x + step) + new Vector<double>(s_weights[3 * row + 2]) * Vector.Load(x + 2 * step);

        private static void Combine(int row, double* x, nint step, double* y)
        {
            for (int l = 0; l < Pair; l += Vector<double>.Count) Combine(row, x + l, step).Store(y + l);
        }

        private static void Round(int row, double* x, float* y)
        {
            for (int l = 0; l < Pair; l += Vector<float>.Count) Vector.Narrow(Combine(row, x + l, Pair), Combine(row, x + l + Vector<double>.Count, Pair)).Store(y + l);
        }
    }
}
