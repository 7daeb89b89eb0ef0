using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Tiles of matrix products, and attention, of whole windows and of windows that advance.</summary>
internal static unsafe class ProductProperties
{
    public static IEnumerable<KernelProperty> All => [new(GemmF32.Table, 600, Gemm), new(GemmU8S8.Table, 400, GemmU8S8Tiles), new(GemmBf16.Table, 300, GemmBf16Tiles), new(AttentionF32.Table, 150, Attention), new(RetroactiveF32.Table, 60, Retroactive)];

    private static void Gemm(Operands o)
    {
        var r = o.Random;
        int rows = r.Next(1, 9), width = 16 * r.Next(1, 4), depth = r.Next(3) == 0 ? r.Next(60, 200) : r.Next(0, 20), gap = r.Next(4), pitch = depth + gap, ldc = width + r.Next(5), written = rows == 1 ? 1 : rows <= 4 ? 4 : 8;
        bool across = r.Next(3) == 0, accumulate = r.Next(2) == 0;
        int sizeA = depth == 0 ? 0 : across ? (depth - 1) * (rows + gap) + rows : (rows - 1) * pitch + depth, sizeC = (written - 1) * ldc + width;
        nint rowStride = across ? 1 : pitch, columnStride = across ? rows + gap : 1;
        float* a = o.Floats(sizeA, Fill.Outliers), b = o.Floats(depth * width), start = o.Floats(sizeC), expected = o.Copy(start, sizeC), magnitude = o.Copy(start, sizeC);
        GemmF32.Table.Reference(new(a, rowStride, columnStride, rows, b, width, depth, expected, ldc, accumulate));
        float* positiveA = o.Copy(a, sizeA), positiveB = o.Copy(b, depth * width);
        for (int i = 0; i < sizeA; i++) positiveA[i] = Math.Abs(a[i]);
        for (int i = 0; i < depth * width; i++) positiveB[i] = Math.Abs(b[i]);
        for (int i = 0; i < sizeC; i++) magnitude[i] = Math.Abs(magnitude[i]);
        GemmF32.Table.Reference(new(positiveA, rowStride, columnStride, rows, positiveB, width, depth, magnitude, ldc, accumulate));
        foreach (string tier in KernelProperty.Fast(GemmF32.Table))
        {
            float* c = o.Copy(start, sizeC);
            GemmF32.Table[tier](new(a, rowStride, columnStride, rows, b, width, depth, c, ldc, accumulate));
            for (int i = 0; i < rows; i++) KernelProperty.AssertClose($"gemm-f32 {tier} {rows}x{width}x{depth} row {i}", expected + i * ldc, c + i * ldc, magnitude + i * ldc, width, 2e-7 * (8 + Math.Sqrt(depth)));
        }
    }

    private static void GemmU8S8Tiles(Operands o)
    {
        var r = o.Random;
        int rows = r.Next(1, 31), columns = 16 * r.Next(1, 8), segments = r.Next(1, 4), quads = r.Next(0, 20), ldc = columns + r.Next(3);
        int run = 4 * quads, pitch = r.Next(2) == 0 ? run + r.Next(9) : r.Next(1, 5), between = r.Next(2) == 0 ? run : rows * pitch + r.Next(9);
        int sizeA = quads == 0 ? 0 : (rows - 1) * pitch + (segments - 1) * between + run, sizeC = (rows - 1) * ldc + columns;
        byte* a = o.Take<byte>(sizeA), b = o.Take<byte>(segments * run * columns);
        r.NextBytes(new Span<byte>(a, sizeA));
        r.NextBytes(new Span<byte>(b, segments * run * columns));
        // 0: from zero; 1: from a bias; 2: from C.
        int from = r.Next(3);
        int* start = o.Take<int>(from == 1 ? columns : sizeC), expected = o.Take<int>(sizeC);
        r.NextBytes(new Span<byte>(start, 4 * (from == 1 ? columns : sizeC)));
        Of(GemmU8S8.Table.Reference, expected);
        foreach (string tier in KernelProperty.Fast(GemmU8S8.Table))
        {
            int* c = o.Take<int>(sizeC);
            Of(GemmU8S8.Table[tier], c);
            Assert.True(new ReadOnlySpan<int>(expected, sizeC).SequenceEqual(new(c, sizeC)), $"gemm-u8s8 {tier} {rows}x{columns}, {segments} runs of {quads} quads, start {from}");
        }

        void Of(GemmU8S8.TileFn tile, int* c)
        {
            if (from == 2) new ReadOnlySpan<int>(start, sizeC).CopyTo(new Span<int>(c, sizeC));
            tile(new GemmU8S8.Tile
            {
                A = a,
                RowStride = pitch,
                SegmentStride = between,
                B = (sbyte*)b,
                Start = from == 0 ? null : from == 1 ? start : c,
                StartStride = from == 2 ? ldc : 0,
                C = c,
                CStride = ldc,
                Rows = rows,
                Columns = columns,
                Segments = segments,
                Quads = quads,
            });
            for (int i = 0; i < rows - 1; i++) new Span<int>(c + i * ldc + columns, ldc - columns).Clear();
        }
    }

    private static void GemmBf16Tiles(Operands o)
    {
        var r = o.Random;
        int rows = r.Next(1, 31), columns = 16 * r.Next(1, 8), pairs = r.Next(0, 60), pitch = 2 * pairs + r.Next(5), ldc = columns + r.Next(3);
        int sizeA = pairs == 0 ? 0 : (rows - 1) * pitch + 2 * pairs, sizeC = (rows - 1) * ldc + columns;
        bool start = r.Next(2) == 0;
        BFloat16* a = o.Take<BFloat16>(sizeA), b = o.Take<BFloat16>(2 * pairs * columns), positiveA = o.Take<BFloat16>(sizeA), positiveB = o.Take<BFloat16>(2 * pairs * columns);
        Fill(a, positiveA, sizeA);
        Fill(b, positiveB, 2 * pairs * columns);
        float* bias = o.Floats(columns), positive = o.Take<float>(columns), expected = o.Take<float>(sizeC), magnitude = o.Take<float>(sizeC);
        for (int j = 0; j < columns; j++) positive[j] = Math.Abs(bias[j]);
        Of(GemmBf16.Table.Reference, a, b, bias, expected);
        Of(GemmBf16.Table.Reference, positiveA, positiveB, positive, magnitude);
        foreach (string tier in KernelProperty.Fast(GemmBf16.Table))
        {
            float* c = o.Take<float>(sizeC);
            Of(GemmBf16.Table[tier], a, b, bias, c);
            for (int i = 0; i < rows; i++) KernelProperty.AssertClose($"gemm-bf16 {tier} {rows}x{columns}, {pairs} pairs, row {i}", expected + i * ldc, c + i * ldc, magnitude + i * ldc, columns, 2e-7 * (8 + Math.Sqrt(pairs)));
        }

        void Fill(BFloat16* x, BFloat16* magnitudes, int count)
        {
            for (int i = 0; i < count; i++)
            {
                float v = (r.NextSingle() * 2 - 1) * (r.Next(16) == 0 ? 1e15f : 1);
                (x[i], magnitudes[i]) = ((BFloat16)v, (BFloat16)Math.Abs(v));
            }
        }

        void Of(GemmBf16.TileFn tile, BFloat16* x, BFloat16* w, float* from, float* c) => tile(new GemmBf16.Tile
        {
            A = x,
            RowStride = sizeof(BFloat16) * pitch,
            B = w,
            Start = start ? from : null,
            C = c,
            CStride = ldc,
            Rows = rows,
            Columns = columns,
            Segments = 1,
            Pairs = pairs,
        });
    }

    private static void Attention(Operands o)
    {
        var r = o.Random;
        int heads = r.Next(1, 3), rows = r.Next(1, 20), keys = r.Next(1, 40), width = r.Next(1, 36), values = r.Next(1, 36);
        var kernel = new AttentionF32(1, heads, rows, keys, width, values, 1 / MathF.Sqrt(width));
        float* q = o.Floats(heads * rows * width), k = o.Floats(heads * keys * width), v = o.Floats(heads * keys * values), expected = o.Take<float>(heads * rows * values);
        kernel.Run(AttentionF32.Table.Reference, Of(expected), o.Take<float>((int)AttentionF32.PackedLength(1, heads, keys, width, values)));
        foreach (string tier in KernelProperty.Fast(AttentionF32.Table))
        {
            float* y = o.Take<float>(heads * rows * values);
            kernel.Run(AttentionF32.Table[tier], Of(y), o.Take<float>((int)AttentionF32.PackedLength(1, heads, keys, width, values)));
            KernelProperty.AssertClose($"attention-f32 {tier} {heads}x{rows}x{keys}x{width}x{values}", expected, y, null, heads * rows * values, 1e-5);
        }

        AttentionOperands Of(float* y) => new()
        {
            Q = new(q, 0, (nint)rows * width, width),
            K = new(k, 0, (nint)keys * width, width),
            V = new(v, 0, (nint)keys * values, values),
            Y = new(y, 0, (nint)rows * values, values),
        };
    }

    private static void Retroactive(Operands o)
    {
        var r = o.Random;
        int heads = r.Next(1, 3), frames = r.Next(1, 3), window = r.Next(1, 24), width = r.Next(1, 36), values = r.Next(1, 36), steps = r.Next(1, 2 * window + 2), stride = (int)RetroactiveF32.FrameLength(width, values);
        var kernel = new RetroactiveF32(1, heads, frames, window, width, values, 1.5f / MathF.Sqrt(width));
        var tiers = RetroactiveF32.Table.SupportedTiers.ToArray();
        var past = new nint[tiers.Length];
        var rows = new nint[tiers.Length];
        var y = new nint[tiers.Length];
        float* q = o.Take<float>(heads * frames * width), k = o.Take<float>(heads * frames * width), v = o.Take<float>(heads * frames * values);
        long* next = o.Take<long>(1);
        *next = r.NextInt64();
        for (int t = 0; t < tiers.Length; t++) (past[t], rows[t], y[t]) = ((nint)o.Take<float>(heads * window * stride), (nint)o.Take<double>(heads * window * RetroactiveF32.RowNumbers), (nint)o.Take<float>(heads * window * values));
        for (int step = 0; step < steps; step++)
        {
            foreach (var (p, n) in ((nint, int)[])[((nint)q, heads * frames * width), ((nint)k, heads * frames * width), ((nint)v, heads * frames * values)])
                for (int i = 0; i < n; i++) ((float*)p)[i] = r.NextSingle() * 6 - 3;
            for (int t = 0; t < tiers.Length; t++)
                RetroactiveF32.Table[tiers[t]](kernel, Workers.Single, new()
                {
                    Q = new(q, 0, (nint)frames * width, width),
                    K = new(k, 0, (nint)frames * width, width),
                    V = new(v, 0, (nint)frames * values, values),
                    Y = new((float*)y[t], 0, (nint)window * values, values),
                    Past = (float*)past[t],
                    Rows = (double*)rows[t],
                    Next = next,
                });
            *next = (long)(((ulong)*next % (ulong)window + (ulong)frames) % (ulong)window);
        }
        for (int t = 0; t < tiers.Length - 1; t++)
            KernelProperty.AssertClose($"retroactive-attention-f32 {tiers[t]} {heads}x{frames}x{window}x{width}x{values}, {steps} steps", (float*)y[^1], (float*)y[t], null, heads * window * values, 3e-5);
    }

    private static void Run(this in AttentionF32 kernel, AttentionF32.Fn fn, in AttentionOperands operands, float* packed) => fn(kernel, Workers.Single, operands, packed);
}
