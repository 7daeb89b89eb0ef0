using System.Text;
using System.Text.Json;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats;

/// <summary>The description of a network's elastic dimensions as models carry it: JSON under one key of the metadata. docs/formats.md specifies it.</summary>
public static class ElasticJson
{
    private const int Version = 1;

    /// <summary>The description in a model's metadata; <see cref="ElasticDimensions.None"/> where there is none. Throws <see cref="InvalidModelException"/> naming the key, what is expected and what is there.</summary>
    public static ElasticDimensions Read(IReadOnlyDictionary<string, string> metadata, string? file = null)
    {
        if (!metadata.TryGetValue(ElasticDimensions.Key, out string? text)) return ElasticDimensions.None;
        try
        {
            // Strings may hold half a surrogate pair, which becomes a question mark.
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            using var json = Json.Parse(utf8, LoadBudget.For(utf8.Length, null), ElasticDimensions.Key);
            var root = json.RootElement;
            _ = root.Get("version").Int("version", Version, Version);
            return new(List(root, "width", Width), List(root, "depth", Depth), List(root, "kernel", Kernel));
        }
        catch (InvalidModelException e)
        {
            throw new InvalidModelException($"metadata '{ElasticDimensions.Key}': {e.Detail}", file, -1, e);
        }
    }

    private static IReadOnlyList<T> List<T>(JsonElement o, string key, Func<JsonElement, string, T> read)
    {
        if (o.Find(key) is not { } list) return [];
        var y = new List<T>();
        foreach (var e in list.Items(key)) y.Add(read(e, $"{key}[{y.Count}]"));
        return y;
    }

    private static T At<T>(string where, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidModelException e)
        {
            throw new InvalidModelException($"{where}: {e.Detail}", null, -1, e);
        }
    }

    private static ElasticWidth Width(JsonElement e, string where) => At(where, () => new ElasticWidth(Name(e), Choices(e, 1), List(e, "cuts", Cut), List(e, "shapes", ShapeEntry)) { Losses = Losses(e) });

    private static ElasticDepth Depth(JsonElement e, string where) => At(where, () => new ElasticDepth(Name(e), Choices(e, 0), List(e, "blocks", (b, at) => At(at, () => new ElasticBlock(b.Get("input").Text("input"), b.Get("output").Text("output"))))) { Losses = Losses(e) });

    private static ElasticKernel Kernel(JsonElement e, string where) => At(where, () => new ElasticKernel(Name(e), Choices(e, 1), e.Get("constant").Text("constant"), List(e, "transforms", Transform)) { Losses = Losses(e) });

    private static ElasticCut Cut(JsonElement e, string where) => At(where, () => new ElasticCut(e.Get("constant").Text("constant"), e.Get("axis").Int("axis", 0, Shape.MaxRank - 1), e.Find("per")?.Int("per", 1) ?? 1, e.Find("offset")?.Int("offset", 0) ?? 0));

    private static ElasticShape ShapeEntry(JsonElement e, string where) => At(where, () => new ElasticShape(e.Get("constant").Text("constant"), e.Get("entry").Int("entry", 0, Shape.MaxRank - 1), e.Find("per")?.Int("per", 1) ?? 1));

    private static KernelTransform Transform(JsonElement e, string where) => At(where, () =>
    {
        var matrix = new List<float>();
        foreach (var v in e.Get("matrix").Items("matrix")) matrix.Add(v.Float("matrix"));
        return new KernelTransform(e.Get("from").Int("from", 1), e.Get("to").Int("to", 1), matrix);
    });

    private static string Name(JsonElement e) => e.Get("name").Text("name") is { Length: > 0 } name ? name : throw new InvalidModelException("'name' is empty");

    private static List<int> Choices(JsonElement e, int least)
    {
        var y = new List<int>();
        foreach (var c in e.Get("choices").Items("choices")) y.Add(c.Int("choices", y.Count == 0 ? least : y[^1] + 1));
        return y.Count > 0 ? y : throw new InvalidModelException("'choices' is empty");
    }

    private static List<double>? Losses(JsonElement e)
    {
        if (e.Find("loss") is not { } list) return null;
        var y = new List<double>();
        foreach (var c in list.Items("loss")) y.Add(c.Double("loss") is >= 0 and var v ? v : throw new InvalidModelException($"'loss' is {c.Double("loss")}, expected 0 or more"));
        int choices = Choices(e, 0).Count;
        return y.Count == choices ? y : throw new InvalidModelException($"'loss' has {y.Count} numbers, expected one for each of {choices} choices");
    }

    /// <summary>The description as it stands in metadata.</summary>
    public static string Write(ElasticDimensions d)
    {
        using var m = new MemoryStream();
        using (var w = new Utf8JsonWriter(m))
        {
            w.WriteStartObject();
            w.WriteNumber("version", Version);
            Write(w, "width", d.Widths, x =>
            {
                Write(w, "cuts", x.Cuts, c =>
                {
                    w.WriteString("constant", c.Constant);
                    w.WriteNumber("axis", c.Axis);
                    if (c.Per != 1) w.WriteNumber("per", c.Per);
                    if (c.Offset != 0) w.WriteNumber("offset", c.Offset);
                });
                Write(w, "shapes", x.Shapes, s =>
                {
                    w.WriteString("constant", s.Constant);
                    w.WriteNumber("entry", s.Entry);
                    if (s.Per != 1) w.WriteNumber("per", s.Per);
                });
            });
            Write(w, "depth", d.Depths, x => Write(w, "blocks", x.Blocks, b =>
            {
                w.WriteString("input", b.Input);
                w.WriteString("output", b.Output);
            }));
            Write(w, "kernel", d.Kernels, x =>
            {
                w.WriteString("constant", x.Constant);
                Write(w, "transforms", x.Transforms, t =>
                {
                    w.WriteNumber("from", t.From);
                    w.WriteNumber("to", t.To);
                    w.WriteStartArray("matrix");
                    foreach (float v in t.Matrix) w.WriteFloat(v);
                    w.WriteEndArray();
                });
            });
            w.WriteEndObject();
        }
        return Encoding.UTF8.GetString(m.ToArray());
    }

    private static void Write<T>(Utf8JsonWriter w, string key, IReadOnlyList<T> list, Action<T> write)
    {
        if (list.Count == 0) return;
        w.WriteStartArray(key);
        foreach (var x in list)
        {
            w.WriteStartObject();
            if (x is ElasticDimension d)
            {
                w.WriteString("name", d.Name);
                w.WriteStartArray("choices");
                foreach (int c in d.Choices) w.WriteNumberValue(c);
                w.WriteEndArray();
                if (d.Losses is { } losses)
                {
                    w.WriteStartArray("loss");
                    foreach (double l in losses) w.WriteNumberValue(l);
                    w.WriteEndArray();
                }
            }
            write(x);
            w.WriteEndObject();
        }
        w.WriteEndArray();
    }
}
