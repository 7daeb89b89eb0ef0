using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Every weight form in every operator that takes constant weights: each pair gives what the decoded weight gives, or is refused as docs/weights.md says.</summary>
public class CompositionTests
{
    private const int Rank = 16;

    private sealed record Form(string Name, Func<Maker, Weight> Make, bool IsExact = false, bool DropsChannels = true);

    private static readonly Form[] s_forms =
    [
        new("f32", m => new Dense(m.F32()), IsExact: true),
        new("int8", m => m.Codes(8), IsExact: true),
        new("int4 in groups", m => m.Codes(4, 32), IsExact: true),
        new("nf4 in groups", m => m.Codes(4, 32, CodeTable.Nf4)),
        new("mxfp4", m => m.Codes(4, 32, CodeTable.E2M1, powers: true), IsExact: true),
        new("ternary", m => m.Codes(2), IsExact: true),
        new("2:4", m => m.Sparse(new Dense(m.F32())), IsExact: true, DropsChannels: false),
        new("2:4 + int8", m => m.Sparse(m.Codes(8)), IsExact: true, DropsChannels: false),
        new("2:4 + int4 in groups", m => m.Sparse(m.Shape.Rank == 2 ? m.RowCodes(4, 32) : m.Codes(4)), IsExact: true, DropsChannels: false),
        new("unstructured", m => m.Csr(), IsExact: true),
        new("unstructured + int8", m => m.Coded(m.Csr()), IsExact: true),
        new("8 × 4 blocks", m => m.Blocks(), IsExact: true),
        new("8 × 4 blocks + int8", m => m.Coded(m.Blocks()), IsExact: true),
        new("rows", m => new Rows(m.Shape.Int(0), Tensor.Vector<int>([.. Enumerable.Range(0, m.Shape.Int(0) / 2).Select(i => 2 * i + 1)]), new Dense(m.With(m.Shape.With(0, m.Shape[0] / 2)).F32())), IsExact: true),
        new("low-rank", m => m.LowRank(s => new Dense(m.With(s).F32()))),
        new("low-rank + int8", m => m.LowRank(s => m.With(s).Codes(8))),
        new("low-rank + int4", m => m.LowRank(s => m.With(s).RowCodes(4, 16))),
        new("low-rank + 2:4", m => m.LowRank(s => m.With(s).Sparse(new Dense(m.With(s).F32())))),
        new("low-rank + SpQR", m => m.LowRank(s => SpqrTilesTests.Random(m.Random, s.Int(0), s.Int(1)))),
        new("Kronecker", m => m.Kronecker(s => new Dense(m.With(s).F32()))),
        new("Kronecker + int8", m => m.Kronecker(s => m.With(s).Codes(8))),
        new("Kronecker sum", m => new WeightSum([.. Enumerable.Range(0, 2).Select(_ => m.Kronecker(s => new Dense(m.With(s).F32())))])),
        new("SpQR", m => m.Spqr()),
        new("SpQR + outliers", m => new WeightSum(m.Spqr(), m.Csr())),
        new("SpQR + low-rank", m => new WeightSum(m.Spqr(), m.LowRank(s => new Dense(m.With(s).F32())))),
        new("act-order", m => new Permuted(m.Codes(4, 32), Tensor.Vector<int>([.. Enumerable.Range(0, m.Columns).Reverse()])), IsExact: true),
        new("binary", m => new Scaled(m.Binary(), row: Tensor.Vector<float>([.. Enumerable.Repeat(0.25f, m.Shape.Int(0))])), IsExact: true),
        new("binary tree", m => m.Tree(), IsExact: true, DropsChannels: false),
        new("binary tree, scaled", m => new Scaled(m.Tree(), row: Tensor.Vector<float>([.. Enumerable.Repeat(0.25f, m.Shape.Int(0))])), IsExact: true, DropsChannels: false),
        new("int4 + binary tree", m => new WeightSum(m.Codes(4, 32), m.Tree()), IsExact: true, DropsChannels: false),
    ];

    private static readonly string[] s_operators = ["Gemm", "MatMul", "Conv 1 × 1", "Conv 3 × 3", "Gather", "MaskedConv"];

    /// <summary>Makes parts of a weight of a shape; all values are multiples of small powers of two, so that most sums are exact in f32.</summary>
    private sealed record Maker(Shape Shape, bool Turned, Random Random)
    {
        public int Columns => Checked.Int(Shape.Product(1, Shape.Rank));

        public Maker With(Shape shape) => this with { Shape = shape };

        public Tensor F32()
        {
            var t = Tensor.Allocate(DType.F32, Shape);
            foreach (ref float v in t.Span<float>()) v = Random.Next(-31, 32) / 16f;
            return t;
        }

        private Tensor Powers(params long[] dims)
        {
            var t = Tensor.Allocate(DType.F32, new Shape(dims));
            foreach (ref float v in t.Span<float>()) v = MathF.ScaleB(1, -Random.Next(4, 7));
            return t;
        }

        /// <summary>Codes whose scales belong to a row of the sums, or to groups along them.</summary>
        public Quantized Codes(int bits, int group = 0, Tensor? table = null, bool powers = false)
        {
            int axis = Turned ? 0 : 1;
            var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(Shape.Elements, bits)));
            Random.NextBytes(codes.Bytes);
            if (group == 0) return new(Shape, bits, codes, Turned ? Granularity.Tensor : Granularity.Channel, new Dense(Turned ? Powers(1) : Powers(Shape[0])), axis: 0);
            long[] scales = [axis == 0 ? 1 : Shape[0], (Shape[axis] + group - 1) / group, Shape.Product(axis + 1, Shape.Rank)];
            Weight scale = new Dense(Powers(scales));
            if (powers)
            {
                var e = Tensor.Allocate(DType.U8, new Shape(scales));
                foreach (ref byte b in e.Bytes) b = (byte)(127 - Random.Next(4, 7));
                scale = new PowersOfTwo(e);
            }
            return new(Shape, bits, codes, Granularity.Group, scale, axis: axis, group: group, table: table);
        }

        /// <summary>Codes in groups along rows, whichever axis the sums run along.</summary>
        public Quantized RowCodes(int bits, int group) => (this with { Turned = false }).Codes(bits, group);

        public SparseNM Sparse(Weight of)
        {
            int taps = Checked.Int(Shape.Product(Math.Min(2, Shape.Rank), Shape.Rank)), channels = Shape.Int(1);
            bool Kept(long i) => i / taps % channels % 4 is var p && p == i / taps / channels % 4 || i / taps % channels % 4 == (i / taps / channels + 1 + i / taps % channels / 4 % 2) % 4;
            if (of is Quantized q)
            {
                for (long i = 0; i < Shape.Elements; i++) if (!Kept(i)) BitStream.Set(q.Codes.Bytes, i, q.Bits, 1 << (q.Bits - 1));
                return SparseNM.From(q, 2, 4, taps);
            }
            var t = ((Dense)of).Values;
            for (int i = 0; i < t.Shape.Count; i++) if (!Kept(i)) t.Span<float>()[i] = 0;
            return SparseNM.From(of, 2, 4, taps);
        }

        public SparseCsr Csr()
        {
            int rows = Shape.Int(0), kept = Columns / 8;
            int[] columns = [.. Enumerable.Range(0, rows * kept).Select(i => i % kept * 8 + Random.Next(8))];
            return new(Shape, Tensor.Vector<int>([.. Enumerable.Range(0, rows + 1).Select(i => i * kept)]), Tensor.Vector<int>(columns), new Dense(With(new Shape(rows * kept)).F32()));
        }

        public SparseBlocks Blocks()
        {
            int down = Shape.Int(0) / 8, across = Columns / 4, kept = across / 4;
            int[] columns = [.. Enumerable.Range(0, down * kept).Select(i => i % kept * 4 + Random.Next(4))];
            return new(Shape, 8, 4, Tensor.Vector<int>([.. Enumerable.Range(0, down + 1).Select(i => i * kept)]), Tensor.Vector<int>(columns), new Dense(With(new Shape(down * kept, 8, 4)).F32()));
        }

        /// <summary>The same places with 8-bit codes, and scales of the rows.</summary>
        public Scaled Coded(Weight form)
        {
            Quantized Codes(Weight values)
            {
                var codes = Tensor.Allocate(DType.U8, values.Shape);
                Random.NextBytes(codes.Bytes);
                return new(values.Shape, 8, codes, Granularity.Tensor, new Dense(Tensor.Vector(1f)));
            }
            return new(form is SparseBlocks b ? new SparseBlocks(Shape, b.Height, b.Width, b.Starts, b.BlockColumns, Codes(b.Values)) : new SparseCsr(Shape, ((SparseCsr)form).Starts, ((SparseCsr)form).ColumnIndices, Codes(((SparseCsr)form).Values)), row: Powers(Shape[0]));
        }

        public LowRank LowRank(Func<Shape, Weight> factor) => new(Shape, factor(new Shape(Rank, Shape[0])), factor(new Shape(Rank, Columns)));

        public Kronecker Kronecker(Func<Shape, Weight> inner) => new(new Dense(With(new Shape(2, 2)).F32()), inner(Shape.With(0, Shape[0] / 2).With(1, Shape[1] / 2)));

        public SpqrTiles Spqr() => new(Shape, SpqrTilesTests.Random(Random, Shape.Int(0), Columns).Words);

        public Binary Binary()
        {
            int words = (Columns + 63) / 64;
            return new(Shape, Tensor.Vector<ulong>([.. Enumerable.Range(0, Shape.Int(0) * words).Select(i => (ulong)Random.NextInt64() & (i % words == words - 1 && Columns % 64 != 0 ? (1UL << Columns % 64) - 1 : ulong.MaxValue))]));
        }

        public BinaryTree Tree()
        {
            int rows = Shape.Int(0), flips = 3, words = (Columns + 63) / 64;
            var root = Tensor.Vector<ulong>([.. Enumerable.Range(0, words).Select(i => (ulong)Random.NextInt64() & (i == words - 1 && Columns % 64 != 0 ? (1UL << Columns % 64) - 1 : ulong.MaxValue))]);
            ushort[] columns = [.. Enumerable.Range(0, (rows - 1) * flips).Select(i => (ushort)(i % flips * (Columns / flips) + Random.Next(Columns / flips)))];
            return new(Shape, Tensor.Vector<int>([.. Enumerable.Range(-1, rows).Select(i => i < 0 ? -1 : i / 2)]), root, Tensor.Vector<int>([.. Enumerable.Range(0, rows + 1).Select(i => Math.Max(0, i - 1) * flips)]), Tensor.Vector<ushort>(columns));
        }
    }

    private static Shape WeightShape(string op) => op switch { "Gemm" or "Gather" => new(96, 256), "MatMul" => new(256, 96), "Conv 1 × 1" => new(64, 128, 1, 1), _ => new(64, 32, 3, 3) };

    private static (ModelGraph Graph, List<RuntimeValue> Inputs) Model(string op, Weight w, Random r, bool consent)
    {
        var g = new GraphBuilder();
        Tensor Whole(params long[] dims)
        {
            var t = Tensor.Allocate(DType.F32, new Shape(dims));
            foreach (ref float v in t.Span<float>()) v = r.Next(-3, 4);
            return t;
        }
        var weight = new Value("w") { Constant = w };
        List<RuntimeValue> inputs = [op switch { "Gemm" or "MatMul" => Whole(5, 256), "Gather" => Tensor.Vector<long>(3, 95, 0, 3), "Conv 1 × 1" => Whole(1, 128, 6, 7), _ => Whole(2, 32, 9, 8) }];
        var x = g.Input("x", op == "Gather" ? DType.I64 : DType.F32);
        if (op == "MaskedConv")
        {
            var mask = Tensor.From(new Shape(2, 64), [.. Enumerable.Range(0, 128).Select(i => i % 3 == 0)]);
            inputs.Add(mask);
            var y = new Value("y");
            g.Graph.Nodes.Add(new Node("masked", OperatorRegistry.Standard.Create("engine", "MaskedConv", new Attributes(1) { InputCount = 4 }, "masked"), [x, weight, null, g.Input("mask", DType.Bool)], [y]));
            g.Output(y);
        }
        else g.Output(g.Op(op.Split(' ')[0], 13, op switch { "Gather" => [weight, x], "Gemm" or "MatMul" => [x, weight], _ => [x, weight, null] },
            op switch { "Gemm" => new() { ["transB"] = 1L, ["accuracy_level"] = consent ? 4L : 0L }, "MatMul" => new() { ["accuracy_level"] = consent ? 4L : 0L }, "Conv 3 × 3" => new() { ["pads"] = new long[] { 1, 1, 1, 1 } }, _ => [] }));
        return (g.Graph, inputs);
    }

    private static float[] Run(ModelGraph graph, List<RuntimeValue> inputs)
    {
        using var workers = new Workers(2);
        var outputs = new RuntimeValue?[1];
        new Executor(new Runtime.Program(graph, CpuKernels.Standard, new PackedWeights(), new PlanOptions()), workers, new ExecutorOptions { Poison = true }).Run([.. inputs], outputs);
        return ((Tensor)outputs[0]!).Span<float>().ToArray();
    }

    private static void Compare(string what, float[] expected, float[] actual, double tolerance)
    {
        float largest = expected.Max(MathF.Abs);
        Assert.True(largest > 0, what);
        for (int i = 0; i < expected.Length; i++) Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * largest, $"{what}: element {i} is {actual[i]:g9}, expected {expected[i]:g9}");
    }

    private static int Seed(string text) => text.Aggregate(17, (h, c) => unchecked(h * 31 + c));

    public static TheoryData<string, string> Cells()
    {
        var data = new TheoryData<string, string>();
        foreach (var f in s_forms)
            foreach (string op in s_operators) data.Add(f.Name, op);
        return data;
    }

    [Theory, MemberData(nameof(Cells))]
    public void A_form_in_an_operator_is_its_decoded_weight_or_refused(string form, string op)
    {
        var f = s_forms.Single(s => s.Name == form);
        var w = f.Make(new Maker(WeightShape(op), op == "MatMul", new Random(Seed(form + op))));
        Assert.Equal(WeightShape(op), w.Shape);
        foreach (bool consent in op is "Gemm" or "MatMul" ? (bool[])[false, true] : [false])
        {
            var (graph, inputs) = Model(op, w, new Random(Seed(op)), consent);
            if (op == "MaskedConv" && !f.DropsChannels)
            {
                var e = Assert.Throws<UnsupportedException>(() => Run(graph, inputs));
                Assert.Contains("node 'masked' (engine.MaskedConv", e.Message, StringComparison.Ordinal);
                Assert.Contains("channel masks", e.Message, StringComparison.Ordinal);
                continue;
            }
            var dense = Model(op, new Dense(w.Decode()), new Random(Seed(op)), false);
            float[] expected = ((Tensor)new Interpreter(CpuKernels.Standard).Run(dense.Graph, dense.Inputs)[0]).Span<float>().ToArray();

            // Winograd's method rounds; activations rounded by consent do more so.
            bool exact = f.IsExact && !consent && op is not ("Conv 3 × 3" or "MaskedConv");
            Compare($"{form} in {op}{(consent ? ", rounded activations" : "")}", expected, Run(graph, inputs), exact ? 0 : consent ? 0.04 : 1e-5);
        }
    }

    public static TheoryData<string> Names => [.. s_forms.Select(f => f.Name)];

    [Theory, MemberData(nameof(Names))]
    public void Adapters_go_over_every_base_and_their_ranks_can_be_cut(string form)
    {
        var make = new Maker(WeightShape("Gemm"), false, new Random(Seed(form)));
        Weight w = s_forms.Single(s => s.Name == form).Make(make);
        var lora = make.LowRank(s => new Dense(make.With(s).F32()));
        var krona = make.Kronecker(s => new Dense(make.With(s).F32()));
        float[] Answer(Weight weight, params Adapter[] adapters)
        {
            var (graph, inputs) = Model("Gemm", weight, new Random(1), false);
            using var model = Engine.Model.Create(new ModelDefinition(graph));
            using var session = model.CreateSession(new SessionOptions { Adapters = adapters });
            return ((Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = inputs[0] }).Values.Single()).Span<float>().ToArray();
        }
        foreach (var delta in (Weight[])[lora, krona])
            Compare($"{form} with {delta.Describe()}", Answer(new Dense(new WeightSum(w, delta).Decode())), Answer(w, new Adapter("tuned", new Dictionary<string, Weight> { ["w"] = delta })), 2e-5);

        var both = Model("Gemm", new WeightSum(w, lora), new Random(1), false);
        using var ranked = Engine.Model.Create(new ModelDefinition(both.Graph));
        using var cut = ranked.CreateSession(new SessionOptions { Rank = new RankLimit(3) });
        float[] actual = ((Tensor)cut.Run(new Dictionary<string, RuntimeValue> { ["x"] = both.Inputs[0] }).Values.Single()).Span<float>().ToArray();
        Compare($"{form}, 3 ranks", Answer(new Dense(new WeightSum(Prefix(w), lora.Prefix(3)).Decode())), actual, 2e-5);
    }

    private static Weight Prefix(Weight w) => w switch
    {
        LowRank l => l.Prefix(3),
        WeightSum s => new WeightSum([.. s.Terms.Select(Prefix)]),
        _ => w,
    };

    [Fact]
    public void The_table_of_the_documentation_has_these_forms_and_operators()
    {
        string[] lines = Repository.Read(Path.Combine("docs", "weights.md")).Split("## What composes")[1].Split("\n## ")[0].Split('\n');
        var rows = lines.Where(l => l.StartsWith('|')).Select(l => l.Trim('|').Split('|').Select(c => c.Trim()).ToArray()).ToList();
        Assert.Equal(s_operators, rows[0].Skip(1).Take(s_operators.Length));
        Assert.Equal(s_forms.Select(f => f.Name), rows.Skip(2).Select(r => r[0]));
        Assert.All(rows.Skip(2), r => Assert.Equal(s_forms.Single(f => f.Name == r[0]).DropsChannels ? "runs" : "refused", r[s_operators.Length]));
        Assert.All(rows.Skip(2), r => Assert.All(r.Skip(1).Take(s_operators.Length - 1), c => Assert.Contains(c, (string[])["runs", "decoded"])));
    }
}
