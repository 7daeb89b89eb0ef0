using System.Numerics;

namespace Engine.Kernels;

/// <summary>Which of the softmax family.</summary>
public enum SoftmaxKind
{
    /// <summary>eˣ / Σ eˣ.</summary>
    Softmax,
    /// <summary>x − log Σ eˣ.</summary>
    Log,
    /// <summary>1 at the first largest element, else 0.</summary>
    Hard,
}

/// <summary>Softmax, log-softmax and hardmax of x[outer, length, inner] along the middle; y may be x.</summary>
public static unsafe class SoftmaxLoop
{
    private const int Chunk = 64;

    /// <summary>Runs over all rows, or over chunks of columns where inner > 1.</summary>
    public static void Run<T>(Workers workers, SoftmaxKind kind, int outer, int length, int inner, T* x, T* y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (outer == 0 || length == 0 || inner == 0) return;
        int units = outer * ((inner + Chunk - 1) / Chunk);
        workers.For(units, (int)Math.Clamp(4096.0 / ((double)length * Math.Min(inner, Chunk)), 1, units), new Body<T>(kind, length, inner, x, y));
    }

    private readonly struct Body<T>(SoftmaxKind kind, int length, int inner, T* x, T* y) : IParallelBody where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run(int start, int end)
        {
            T* largest = stackalloc T[Chunk], sum = stackalloc T[Chunk];
            int chunks = (inner + Chunk - 1) / Chunk;
            for (int unit = start; unit < end; unit++)
            {
                nint first = (nint)(unit / chunks) * length * inner + unit % chunks * Chunk;
                if (inner == 1) Row(x + first, y + first);
                else Columns(x + first, y + first, Math.Min(Chunk, inner - unit % chunks * Chunk), largest, sum);
            }
        }

        private void Row(T* from, T* to)
        {
            if (typeof(T) == typeof(float) && kind != SoftmaxKind.Hard)
            {
                SoftmaxF32.Table.Best((float*)from, (float*)to, length, kind == SoftmaxKind.Log);
                return;
            }
            var seed = new FoldReducer<T, T, MaxExponent>();
            T largest = seed.Row(T.NegativeInfinity, from, length);
            if (kind == SoftmaxKind.Hard)
            {
                int at = 0;
                while (at < length - 1 && from[at] != largest) at++;
                new Span<T>(to, length).Clear();
                to[at] = T.One;
                return;
            }
            int width = Vector<T>.Count, i = 0;
            Vector<T> max = Vector.Create(largest), sums = Vector<T>.Zero;
            T sum = T.Zero;
            bool log = kind == SoftmaxKind.Log;
            for (; i + width <= length; i += width)
            {
                var d = Vector.Load(from + i) - max;
                var e = Lanes.Exp(d);
                sums += e;
                (log ? d : e).Store(to + i);
            }
            for (; i < length; i++)
            {
                T d = from[i] - largest, e = Lanes.Exp(Vector.Create(d))[0];
                sum += e;
                to[i] = log ? d : e;
            }
            sum += Vector.Sum(sums);
            T scale = log ? T.Log(sum) : T.One / sum;
            for (i = 0; i + width <= length; i += width) (log ? Vector.Load(to + i) - Vector.Create(scale) : Vector.Load(to + i) * scale).Store(to + i);
            for (; i < length; i++) to[i] = log ? to[i] - scale : to[i] * scale;
        }

        private void Columns(T* from, T* to, int n, T* largest, T* sum)
        {
            new Span<T>(largest, n).Fill(T.NegativeInfinity);
            new Span<T>(sum, n).Clear();
            var reducer = new FoldReducer<T, T, MaxExponent>();
            for (int k = 0; k < length; k++) reducer.Columns(largest, from + (nint)k * inner, n);
            if (kind == SoftmaxKind.Hard)
            {
                // sum counts the ones given away in each column.
                for (int k = 0; k < length; k++)
                    for (int j = 0; j < n; j++)
                    {
                        bool hit = sum[j] == T.Zero && (from[(nint)k * inner + j] == largest[j] || k == length - 1);
                        to[(nint)k * inner + j] = hit ? T.One : T.Zero;
                        if (hit) sum[j] = T.One;
                    }
                return;
            }
            bool log = kind == SoftmaxKind.Log;
            int width = Vector<T>.Count;
            for (int k = 0; k < length; k++)
            {
                T* source = from + (nint)k * inner, target = to + (nint)k * inner;
                int j = 0;
                for (; j + width <= n; j += width)
                {
                    var d = Vector.Load(source + j) - Vector.Load(largest + j);
                    var e = Lanes.Exp(d);
                    (Vector.Load(sum + j) + e).Store(sum + j);
                    (log ? d : e).Store(target + j);
                }
                for (; j < n; j++)
                {
                    T d = source[j] - largest[j], e = Lanes.Exp(Vector.Create(d))[0];
                    sum[j] += e;
                    target[j] = log ? d : e;
                }
            }
            for (int j = 0; j < n; j++) sum[j] = log ? T.Log(sum[j]) : T.One / sum[j];
            for (int k = 0; k < length; k++)
            {
                T* target = to + (nint)k * inner;
                for (int j = 0; j < n; j++) target[j] = log ? target[j] - sum[j] : target[j] * sum[j];
            }
        }

        private readonly struct MaxExponent : IFold<T>
        {
            static T IFold<T>.Seed => T.NegativeInfinity;
            static T IFold<T>.Combine(T a, T b) => T.Max(a, b);
            static Vector<T> IFold<T>.Combine(Vector<T> a, Vector<T> b) => Vector.Max(a, b);
        }
    }
}
