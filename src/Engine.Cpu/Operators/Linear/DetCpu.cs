using System.Numerics;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class DetCpu
{
    public static StepFn Bind(Det op, BindContext b)
    {
        int n = b.In(0).Shape.Int(-1);
        return Dispatch.Float(b, new Binder(n, b.Work(Checked.Mul(Checked.Mul(n, n), sizeof(double)))));
    }

    private readonly struct Binder(int n, int work) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (size, scratch) = (n, work);
            return (in StepContext c) =>
            {
                var x = c.In<T>(0);
                var y = c.Out<T>(0);
                var m = c.Work<double>(scratch);
                for (int i = 0; i < y.Length; i++)
                {
                    for (int j = 0; j < m.Length; j++) m[j] = double.CreateTruncating(x[i * m.Length + j]);
                    y[i] = T.CreateTruncating(Eliminate(m, size, c.Cancellation));
                }
            };
        }
    }

    /// <summary>Gauss elimination with the largest pivot of each column; destroys <paramref name="m"/>.</summary>
    private static double Eliminate(Span<double> m, int n, CancellationToken cancellation)
    {
        double det = 1;
        for (int k = 0; k < n; k++)
        {
            cancellation.ThrowIfCancellationRequested();
            int pivot = k;
            for (int i = k + 1; i < n; i++) if (Math.Abs(m[i * n + k]) > Math.Abs(m[pivot * n + k])) pivot = i;
            double p = m[pivot * n + k];
            if (p == 0) return 0;
            if (pivot != k)
            {
                det = -det;
                for (int j = k; j < n; j++) (m[k * n + j], m[pivot * n + j]) = (m[pivot * n + j], m[k * n + j]);
            }
            det *= p;
            for (int i = k + 1; i < n; i++)
            {
                double f = m[i * n + k] / p;
                if (f != 0) for (int j = k + 1; j < n; j++) m[i * n + j] -= f * m[k * n + j];
            }
        }
        return det;
    }
}
