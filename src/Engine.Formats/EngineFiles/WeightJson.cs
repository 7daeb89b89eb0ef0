using System.Text.Json;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>Writes the parts of a weight: numbers and shapes as JSON, tensors as sections named after the wire and the part.</summary>
internal sealed class WeightOut(Utf8JsonWriter json, SectionWriter sections, string name, Action<Weight, string> seen, string path)
{
    public WeightOut Int(string key, long value)
    {
        json.WriteNumber(key, value);
        return this;
    }

    public WeightOut Flag(string key, bool value)
    {
        json.WriteBoolean(key, value);
        return this;
    }

    public WeightOut Text(string key, string value)
    {
        json.WriteString(key, value);
        return this;
    }

    public WeightOut Float(string key, float value)
    {
        json.WritePropertyName(key);
        json.WriteFloat(value);
        return this;
    }

    /// <summary>Shape and element type, for the forms that do not tell them by their parts.</summary>
    public WeightOut Type(Weight w)
    {
        json.WriteShape("shape", w.Shape);
        json.WriteString("dtype", w.DType.Display());
        return this;
    }

    /// <summary>A tensor; one that is null is left out.</summary>
    public WeightOut Tensor(string key, Tensor? tensor)
    {
        if (tensor is not null) json.WriteString(key, sections.Add(tensor, $"{name}/{key}"));
        return this;
    }

    /// <summary>A weight inside this one; one that is null is left out.</summary>
    public WeightOut Child(string key, Weight? weight)
    {
        if (weight is null) return this;
        json.WritePropertyName(key);
        WeightForms.Write(json, sections, weight, $"{name}/{key}", seen, WeightForms.Inside(path, key));
        return this;
    }

    /// <summary>Weights inside this one.</summary>
    public WeightOut Children(string key, IReadOnlyList<Weight> weights)
    {
        json.WriteStartArray(key);
        for (int i = 0; i < weights.Count; i++) WeightForms.Write(json, sections, weights[i], $"{name}/{key}/{i}", seen, WeightForms.Inside(path, $"{key}/{i}"));
        json.WriteEndArray();
        return this;
    }
}

/// <summary>Reads what <see cref="WeightOut"/> wrote.</summary>
internal sealed class WeightIn(JsonElement e, SectionReader sections, Action<Weight, string> seen, string path, int depth)
{
    public Shape Shape => e.Get("shape").Shape("shape");

    public DType DType => EngineFormat.ParseDType(Text("dtype"));

    public int Int(string key) => e.Get(key).Int(key);

    public int? FindInt(string key) => e.Find(key) is { } value ? value.Int(key) : null;

    public bool Flag(string key) => e.Get(key).Flag(key);

    public string Text(string key) => e.Get(key).Text(key);

    public float Float(string key) => e.Get(key).Float(key);

    public Tensor Tensor(string key) => Find(key) ?? throw new InvalidModelException($"'{key}' is missing");

    public Tensor? Find(string key) => e.Find(key) is { } name ? sections.Read(name.Text(key)) : null;

    public Weight Child(string key) => FindChild(key) ?? throw new InvalidModelException($"'{key}' is missing");

    public Weight? FindChild(string key) => e.Find(key) is { } child ? WeightForms.Read(child, sections, seen, WeightForms.Inside(path, key), depth + 1) : null;

    public IReadOnlyList<Weight> Children(string key) => [.. e.Get(key).Items(key).Select((c, i) => WeightForms.Read(c, sections, seen, WeightForms.Inside(path, $"{key}/{i}"), depth + 1))];
}
