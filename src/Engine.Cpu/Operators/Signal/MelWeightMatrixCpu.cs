using System.Numerics;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class MelWeightMatrixCpu
{
    public static StepFn Bind(MelWeightMatrix op, BindContext b) => Dispatch.NumberOut(b, new Binder([.. Enumerable.Range(0, 5).Select(i => b.In(i).DType)], b.Out(0).Shape.Int(1)));

    private readonly struct Binder(DType[] types, int melBins) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var (t, bins) = (types, melBins);
            return (in StepContext c) => Run(
                bins, SignalKernels.Scalar(c, 1, t[1]), SignalKernels.Scalar(c, 2, t[2]), SignalKernels.Scalar(c, 3, t[3]), SignalKernels.Scalar(c, 4, t[4]), c.Out<T>(0));
        }

        private static void Run<T>(int bins, double length, double rate, double lowest, double highest, Span<T> y) where T : unmanaged, INumber<T>
        {
            if (!(rate > 0) || !(lowest >= 0) || !(highest >= lowest) || !double.IsFinite(highest)) throw new OperatorException($"sample rate {rate} and edges {lowest} to {highest} Hz are no filter bank");
            y.Clear();
            double low = Mel(lowest), step = (Mel(highest) - low) / (bins + 2);
            double Bin(int i) => Math.Floor((length + 1) * 700 * (Math.Pow(10, (low + i * step) / 2595) - 1) / rate);
            for (int i = 0; i < bins; i++)
            {
                double left = Bin(i), center = Bin(i + 1), right = Bin(i + 2);
                if (center == left) Set(y, bins, center, i, 1);
                else for (double j = left; j <= center && j * bins < y.Length; j++) Set(y, bins, j, i, (j - left) / (center - left));
                for (double j = center; j < right && j * bins < y.Length; j++) Set(y, bins, j, i, (right - j) / (right - center));
            }
        }

        // An upper edge beyond half the sample rate has filters outside the spectrum.
        private static void Set<T>(Span<T> y, int bins, double row, int column, double value) where T : unmanaged, INumber<T>
        {
            double at = row * bins + column;
            if (at < y.Length) y[(int)at] = T.CreateSaturating(value);
        }

        private static double Mel(double hertz) => 2595 * Math.Log10(1 + hertz / 700);
    }
}
