using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;
using static Engine.Tests.LinearPlans;

namespace Engine.Tests;

/// <summary>Products with weights of two thin factors, run one after the other without making the dense weight.</summary>
public class LowRankTests
{
    private readonly Random _random = new(7);

    private Tensor F32(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float x in t.Span<float>()) x = _random.NextSingle() * 2 - 1;
        return t;
    }

    /// <summary>A factor [rank, n]; its scales run along the axis that its product sums over.</summary>
    private Weight Factor(string form, int rank, int n, bool sumsRanks)
    {
        if (form == "f32") return new Dense(F32(rank, n));
        int bits = form[^1] - '0', axis = sumsRanks ? 0 : 1;
        var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes((long)rank * n, bits)));
        _random.NextBytes(codes.Bytes);
        if (bits == 8) return new Quantized(new Shape(rank, n), 8, codes, Granularity.Channel, new Dense(F32(sumsRanks ? n : rank)), signed: true, axis: 1 - axis);
        long groups = ((sumsRanks ? rank : n) + 31) / 32;
        return new Quantized(new Shape(rank, n), bits, codes, Granularity.Group, new Dense(sumsRanks ? F32(groups, n) : F32(rank, groups)), axis: axis, group: 32);
    }

    private LowRank Weight(string form, int rank, int outputs, int inputs, bool transposed) => transposed
        ? new(new Shape(inputs, outputs), Factor(form, rank, inputs, false), Factor(form, rank, outputs, true))
        : new(new Shape(outputs, inputs), Factor(form, rank, outputs, true), Factor(form, rank, inputs, false));

    public static TheoryData<string, bool, int> Forms()
    {
        var data = new TheoryData<string, bool, int>();
        foreach (string form in (string[])["f32", "int8", "int4"])
            foreach (bool transposed in (bool[])[false, true])
                foreach (int rows in (int[])[1, 9, 130]) data.Add(form, transposed, rows);
        return data;
    }

    [Theory, MemberData(nameof(Forms))]
    public void A_plan_multiplies_by_the_factors_as_the_dense_weight_would(string form, bool transposed, int rows)
    {
        int outputs = 200 + _random.Next(100), inputs = 250 + _random.Next(100), rank = 20 + _random.Next(20);
        var w = Weight(form, rank, outputs, inputs, transposed);
        Tensor x = F32(rows, inputs), bias = F32(outputs);
        foreach (bool consent in (bool[])[false, true])
        {
            var graph = Product(w, rows, inputs, transposed, consent, bias);
            var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0];

            var (stems, actual) = Plan(graph, x, 1);

            Assert.Equal(["low-rank"], stems);
            float largest = expected.Span<float>().ToArray().Max();
            Span<float> e = expected.Span<float>(), a = actual.Span<float>();
            for (int i = 0; i < e.Length; i++) Assert.True(Math.Abs(e[i] - a[i]) <= (consent && form != "f32" ? 0.04f : 1e-5f) * largest, $"element {i} is {a[i]}, expected {e[i]}");
            foreach (int threads in (int[])[2, 3]) Assert.Equal(actual.Bytes.ToArray(), Plan(graph, x, threads).Y.Bytes.ToArray());
        }
    }

    [Theory, MemberData(nameof(Forms))]
    public void A_prefix_of_the_ranks_gives_the_bits_of_a_model_that_stores_no_more(string form, bool transposed, int rows)
    {
        int outputs = 301, inputs = 353, stored = 150;
        var w = Weight(form, stored, outputs, inputs, transposed);
        Tensor x = F32(rows, inputs), bias = F32(outputs);
        foreach (int rank in (int[])[1, 17, 48, 64, 100, 149])
            foreach (bool consent in (bool[])[false, true])
            {
                var apart = new LowRank(w.Shape, Cut(w.U, rank), Cut(w.V, rank));

                var actual = Plan(Product(w.Prefix(rank), rows, inputs, transposed, consent, bias), x, 2);

                // Decoding the whole weight is no prefix.
                Assert.Equal(["low-rank"], actual.Stems);
                Assert.Equal(Plan(Product(apart, rows, inputs, transposed, consent, bias), x, 1).Y.Bytes.ToArray(), actual.Y.Bytes.ToArray());
                Assert.Equal(apart.Decode().Bytes.ToArray(), w.Prefix(rank).Decode().Bytes.ToArray());
            }
    }

    // The first ranks of a factor in storage of their own.
    private static Weight Cut(Weight w, int rank)
    {
        static Tensor First(Tensor t, long elements, params long[] dims)
        {
            var y = Tensor.Allocate(t.DType, new Shape(dims));
            t.Span<float>()[..(int)elements].CopyTo(y.Span<float>());
            return y;
        }
        long n = w.Shape[1];
        if (w is not Quantized q) return new Dense(First(((Dense)w).Values, rank * n, rank, n));
        var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(rank * n, q.Bits)));
        for (long i = 0; i < rank * n; i++) BitStream.Set(codes.Bytes, i, q.Bits, BitStream.Get(q.Codes.Bytes, i, q.Bits));
        var scale = ((Dense)q.Scale).Values;
        if (q.Granularity == Granularity.Channel) return new Quantized(new Shape(rank, n), q.Bits, codes, q.Granularity, new Dense(q.Axis == 0 ? First(scale, rank, rank) : scale), signed: true, axis: q.Axis);
        long groups = q.Axis == 0 ? (rank + 31) / 32 : (n + 31) / 32;
        return new Quantized(new Shape(rank, n), q.Bits, codes, q.Granularity, new Dense(q.Axis == 0 ? First(scale, groups * n, groups, n) : First(scale, rank * groups, rank, groups)), axis: q.Axis, group: 32);
    }

    [Fact]
    public void Runs_allocate_nothing_and_prefixes_share_their_packed_factors()
    {
        var w = Weight("f32", 64, 512, 512, false);
        long PackedBytes(params LowRank[] weights)
        {
            var packed = new PackedWeights();
            foreach (var one in weights)
            {
                var program = new Runtime.Program(Product(one, 4, 512, false, false, F32(512)), CpuKernels.Standard, packed, new PlanOptions());
                using var workers = new Workers(2);
                var executor = new Executor(program, workers);
                Tensor x = F32(4, 512), y = F32(4, 512);
                for (int i = 0; i < 3; i++) executor.Run([x], [y]);
                long before = GC.GetAllocatedBytesForCurrentThread();
                RuntimeValue[] inputs = [x];
                RuntimeValue?[] outputs = [y];
                long arrays = GC.GetAllocatedBytesForCurrentThread() - before;
                executor.Run(inputs, outputs);
                Assert.Equal(arrays, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            return packed.Bytes;
        }
        Assert.Equal(PackedBytes(w), PackedBytes(w, w.Prefix(40), w.Prefix(16)));
    }
}
