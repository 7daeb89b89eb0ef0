using Engine.Tensors;

namespace Engine.Formats.Safetensors;

/// <summary>
/// Adapters as safetensors: for each layer the parts of a change of its weight [outputs, inputs].
/// <para><c>LAYER.lora_A.weight</c> [rank, inputs] and <c>LAYER.lora_B.weight</c> [outputs, rank] (also <c>lora_down</c> and <c>lora_up</c>): B · A, times α / rank where
/// there is a <c>LAYER.alpha</c>.</para>
/// <para><c>LAYER.lokr_w1</c> [a, b] and <c>LAYER.lokr_w2</c> [p, q]: w1 ⊗ w2, row i · p + u.</para>
/// <para><c>LAYER.krona_A.weight</c> and <c>LAYER.krona_B.weight</c>: as DiffuseKronA multiplies them, whose outputs are the other way round, row u · a + i.</para>
/// A leading <c>base_model.model.</c> is left out.
/// </summary>
public static class AdapterFile
{
    private const string Lead = "base_model.model.";

    private static readonly (string First, string Second, Func<LayerTensors, string, string, float, Weight> Read)[] s_forms =
    [
        (".lora_A.weight", ".lora_B.weight", LowRankOf),
        (".lora_down.weight", ".lora_up.weight", LowRankOf),
        (".lokr_w1", ".lokr_w2", (l, a, b, s) => Product(l, a, b, s)),
        (".krona_A.weight", ".krona_B.weight", Transposed),
    ];

    /// <summary>The changes by layer, each multiplied by <paramref name="scale"/>. Throws <see cref="InvalidModelException"/> with the layer's name where parts are missing or do not fit each other.</summary>
    public static IReadOnlyDictionary<string, Weight> Read(string path, float scale = 1, ModelReadOptions? options = null) => Read(SafetensorsFile.Open(path, options), scale);

    /// <summary>As <see cref="Read(string, float, ModelReadOptions?)"/>, of an open file.</summary>
    public static IReadOnlyDictionary<string, Weight> Read(SafetensorsFile file, float scale = 1)
    {
        if (!float.IsFinite(scale)) throw new InputException($"an adapter's scale is finite, not {scale}");
        var all = new Dictionary<string, Weight>(StringComparer.Ordinal);
        foreach (var e in file.Entries)
            foreach (var (first, second, read) in s_forms)
            {
                if (!e.Name.EndsWith(first, StringComparison.Ordinal)) continue;
                string prefix = e.Name[..^first.Length], name = prefix.StartsWith(Lead, StringComparison.Ordinal) ? prefix[Lead.Length..] : prefix;
                var layer = new LayerTensors(file, prefix, [first, second]);
                layer.Require(all.TryAdd(name, layer.Guard(() => read(layer, first, second, scale))), "comes twice");
            }
        return all.Count > 0 ? all : throw new InvalidModelException("holds no adapter: there is no lora_A, lora_down, lokr_w1 or krona_A", file.Path);
    }

    private static Tensor Matrix(LayerTensors l, string part) => new Dense(l.ReadMatrix(part, DType.F32, DType.F16, DType.BF16)).ToF32();

    // The factor goes to one of the matrices, in memory of its own.
    private static Tensor Scaled(LayerTensors l, Tensor t, float scale)
    {
        l.Take(t.ByteLength);
        var y = t.Clone();
        foreach (ref float v in y.Span<float>()) v *= scale;
        return y;
    }

    private static LowRank LowRankOf(LayerTensors l, string first, string second, float scale)
    {
        Tensor a = Matrix(l, first), b = Matrix(l, second);
        l.Require(a.Shape[0] == b.Shape[1], $"'{first}' {a.Shape} and '{second}' {b.Shape} differ in rank");
        if (l.Has(".alpha"))
        {
            var alpha = new Dense(l.Read(".alpha", DType.F32, DType.F16, DType.BF16)).ToF32();
            l.Require(alpha.Shape.Elements == 1 && a.Shape[0] > 0, $"'.alpha' {alpha.Shape} is not one number");
            scale *= alpha.Span<float>()[0] / a.Shape[0];
        }
        return new LowRank(new Shape(b.Shape[0], a.Shape[1]), new Dense(Scaled(l, b.Transposed(), scale)), new Dense(a));
    }

    private static Kronecker Product(LayerTensors l, string first, string second, float scale) => new(new Dense(Scaled(l, Matrix(l, first), scale)), new Dense(Matrix(l, second)));

    private static Dense Transposed(LayerTensors l, string first, string second, float scale)
    {
        var plain = Product(l, first, second, scale);
        int outer = plain.A.Shape.Int(0), inner = plain.B.Shape.Int(0), columns = plain.Columns;
        l.Take(DType.F32.ByteCount(Checked.Mul(2, plain.Shape.Elements)));
        Tensor from = plain.Decode(), to = Tensor.Allocate(DType.F32, plain.Shape);
        for (int i = 0; i < outer; i++)
            for (int u = 0; u < inner; u++) from.Span<float>().Slice((i * inner + u) * columns, columns).CopyTo(to.Span<float>()[((u * outer + i) * columns)..]);
        GC.KeepAlive(from);
        return new Dense(to);
    }
}
