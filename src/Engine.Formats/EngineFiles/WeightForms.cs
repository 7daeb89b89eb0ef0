using System.Text.Json;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>Every weight form with its name in files and its parts, written and read side by side.</summary>
internal static class WeightForms
{
    // Weights inside weights.
    private const int MaxDepth = 16;

    private sealed record Form(string Name, Type Type, Action<Weight, WeightOut> Write, Func<WeightIn, Weight> Read);

    private static readonly Form[] s_all =
    [
        Of<Dense>("dense", (w, o) => o.Tensor("values", w.Values), i => new Dense(i.Tensor("values"))),
        Of<Quantized>("quantized",
            (w, o) => o.Type(w).Int("bits", w.Bits).Text("granularity", GranularityName(w.Granularity)).Int("axis", w.Axis).Int("group", w.Group).Flag("signed", w.Signed)
                .Tensor("codes", w.Codes).Child("scale", w.Scale).Child("zero", w.Zero).Child("minimum", w.Minimum).Tensor("table", w.Table),
            i => new Quantized(i.Shape, i.Int("bits"), i.Tensor("codes"), ParseGranularity(i.Text("granularity")), i.Child("scale"), i.FindChild("zero"), i.Flag("signed"), i.Int("axis"), i.Int("group"),
                i.Find("table"), i.DType, i.FindChild("minimum"))),
        Of<PowersOfTwo>("e8m0", (w, o) => o.Tensor("codes", w.Codes), i => new PowersOfTwo(i.Tensor("codes"))),
        Of<PowerSteps>("power-steps", (w, o) => o.Type(w).Int("bits", w.Bits).Tensor("base", w.Base).Tensor("exponents", w.Exponents),
            i => new PowerSteps(i.Shape, i.Tensor("base"), i.Int("bits"), i.Tensor("exponents"))),
        Of<SpqrTiles>("spqr", (w, o) => o.Type(w).Tensor("words", w.Words), i => new SpqrTiles(i.Shape, i.Tensor("words"), i.DType)),
        Of<Permuted>("permuted", (w, o) => o.Child("inner", w.Inner).Tensor("order", w.Order), i => new Permuted(i.Child("inner"), i.Tensor("order"))),
        Of<Scaled>("scaled", (w, o) => o.Child("inner", w.Inner).Tensor("row", w.Row).Tensor("column", w.Column), i => new Scaled(i.Child("inner"), i.Find("row"), i.Find("column"))),
        Of<Rows>("rows", (w, o) => o.Int("count", w.Shape[0]).Tensor("indices", w.Indices).Child("inner", w.Inner), i => new Rows(i.Int("count"), i.Tensor("indices"), i.Child("inner"))),
        Of<SparseNM>("sparse-nm", (w, o) => o.Type(w).Int("n", w.N).Int("m", w.M).Int("taps", w.Taps).Tensor("positions", w.Positions).Child("values", w.Values),
            i => new SparseNM(i.Shape, i.Int("n"), i.Int("m"), i.Tensor("positions"), i.Child("values"), i.FindInt("taps") ?? 1, i.DType)),
        Of<SparseCsr>("sparse-csr", (w, o) => o.Type(w).Tensor("starts", w.Starts).Tensor("columns", w.ColumnIndices).Child("values", w.Values),
            i => new SparseCsr(i.Shape, i.Tensor("starts"), i.Tensor("columns"), i.Child("values"), i.DType)),
        Of<SparseBlocks>("sparse-blocks", (w, o) => o.Type(w).Int("height", w.Height).Int("width", w.Width).Tensor("starts", w.Starts).Tensor("columns", w.BlockColumns).Child("values", w.Values),
            i => new SparseBlocks(i.Shape, i.Int("height"), i.Int("width"), i.Tensor("starts"), i.Tensor("columns"), i.Child("values"), i.DType)),
        Of<Binary>("binary", (w, o) => o.Type(w).Tensor("words", w.Words), i => new Binary(i.Shape, i.Tensor("words"), i.DType)),
        Of<BinaryTree>("binary-tree", (w, o) => o.Type(w).Tensor("parents", w.Parents).Tensor("words", w.Words).Tensor("root", w.RootWords).Tensor("starts", w.Starts).Tensor("flips", w.Flips),
            i => i.Find("words") is { } words ? new BinaryTree(i.Shape, i.Tensor("parents"), words, i.DType) : new BinaryTree(i.Shape, i.Tensor("parents"), i.Tensor("root"), i.Tensor("starts"), i.Tensor("flips"), i.DType)),
        Of<LowRank>("low-rank", (w, o) => o.Type(w).Int("rank", w.Rank).Child("u", w.U).Child("v", w.V), i => new LowRank(i.Shape, i.Child("u"), i.Child("v"), i.FindInt("rank"))),
        Of<Kronecker>("kronecker", (w, o) => o.Child("a", w.A).Child("b", w.B), i => new Kronecker(i.Child("a"), i.Child("b"))),
        Of<WeightSum>("sum", (w, o) => o.Children("terms", w.Terms), i => new WeightSum(i.Children("terms"))),
    ];

    private static readonly Dictionary<Type, Form> s_byType = s_all.ToDictionary(f => f.Type);

    private static readonly Dictionary<string, Form> s_byName = s_all.ToDictionary(f => f.Name, StringComparer.Ordinal);

    /// <summary>The forms that can be stored.</summary>
    public static IEnumerable<Type> Types => s_byType.Keys;

    /// <summary>Writes a weight as an object whose <c>form</c> says how to read the rest; <paramref name="name"/> is the beginning of its sections' names. <paramref name="seen"/> gets it and every weight inside, with the way there.</summary>
    public static void Write(Utf8JsonWriter json, SectionWriter sections, Weight weight, string name, Action<Weight, string> seen, string path = "")
    {
        seen(weight, path);
        if (!s_byType.TryGetValue(weight.GetType(), out var form)) throw new UnsupportedException($"'{name}': the form {weight.Describe()} has no place in engine files");
        json.WriteStartObject();
        json.WriteString("form", form.Name);
        // The plain form is the wire itself.
        if (weight is Dense d) json.WriteString("values", sections.Add(d.Values, name));
        else form.Write(weight, new WeightOut(json, sections, name, seen, path));
        json.WriteEndObject();
    }

    /// <summary>The way to a weight inside the one at <paramref name="path"/>; empty is the whole.</summary>
    public static string Inside(string path, string key) => path.Length == 0 ? key : $"{path}/{key}";

    /// <summary>Reads a weight; its constructor checks that the parts fit each other. <paramref name="seen"/> gets it and every weight inside, with the way there.</summary>
    public static Weight Read(JsonElement e, SectionReader sections, Action<Weight, string> seen, string path = "", int depth = 0)
    {
        if (depth > MaxDepth) throw new InvalidModelException($"weights are nested deeper than {MaxDepth}");
        string name = e.Get("form").Text("form");
        if (!s_byName.TryGetValue(name, out var form)) throw new UnsupportedException($"weight form '{name}' is not known");
        var weight = form.Read(new WeightIn(e, sections, seen, path, depth));
        seen(weight, path);
        return weight;
    }

    private static Form Of<T>(string name, Action<T, WeightOut> write, Func<WeightIn, T> read) where T : Weight => new(name, typeof(T), (w, o) => write((T)w, o), read);

    private static string GranularityName(Granularity g) => g switch { Granularity.Tensor => "tensor", Granularity.Channel => "channel", _ => "group" };

    private static Granularity ParseGranularity(string name) => name switch
    {
        "tensor" => Granularity.Tensor,
        "channel" => Granularity.Channel,
        "group" => Granularity.Group,
        _ => throw new InvalidModelException($"granularity '{name}' is not known"),
    };
}
