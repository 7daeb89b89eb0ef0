using System.IO.Enumeration;
using System.Text.Json;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// Which scheme which layer gets. As a file: <c>{"default": "int4", "first": "w8", "last": "w8", "embeddings": "int4", "layers": {"fc*": "int8", "head": "float"}}</c>;
/// patterns have * and ?, the first that fits counts, and what is left out follows from the command line.
/// </summary>
public sealed record Policy
{
    /// <summary>The scheme of layers that nothing else names.</summary>
    public Scheme? Default { get; init; }

    /// <summary>The scheme of the first product.</summary>
    public Scheme? First { get; init; }

    /// <summary>The scheme of the last product.</summary>
    public Scheme? Last { get; init; }

    /// <summary>The scheme of tables that rows are gathered from.</summary>
    public Scheme? Embeddings { get; init; }

    /// <summary>Schemes by pattern of the layer's name.</summary>
    public IReadOnlyList<(string Pattern, Scheme Scheme)> Layers { get; init; } = [];

    /// <summary>Reads a policy file. Throws <see cref="DataFormatException"/> naming the file and what is wrong.</summary>
    public static Policy Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            var p = new Policy();
            foreach (var e in json.RootElement.EnumerateObject())
                p = e.Name switch
                {
                    "default" => p with { Default = Scheme.Parse(Text(e.Value)) },
                    "first" => p with { First = Scheme.Parse(Text(e.Value)) },
                    "last" => p with { Last = Scheme.Parse(Text(e.Value)) },
                    "embeddings" => p with { Embeddings = Scheme.Parse(Text(e.Value)) },
                    "layers" => p with { Layers = [.. e.Value.EnumerateObject().Select(l => (l.Name, Scheme.Parse(Text(l.Value))))] },
                    _ => throw new DataFormatException($"has '{e.Name}', which is not one of default, first, last, embeddings, layers", path),
                };
            return p;
        }
        catch (InputException e)
        {
            throw new DataFormatException(e.Message, path, -1, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            throw new DataFormatException($"is no policy: {e.Message}", path, -1, e);
        }
    }

    /// <summary>The policy with other schemes in the place of its own.</summary>
    internal Policy Select(Func<Scheme, Scheme> map)
    {
        Scheme? Of(Scheme? s) => s is null ? null : map(s);
        return this with { Default = Of(Default), First = Of(First), Last = Of(Last), Embeddings = Of(Embeddings), Layers = [.. Layers.Select(l => (l.Pattern, map(l.Scheme)))] };
    }

    /// <summary>Every scheme that it names.</summary>
    internal IEnumerable<Scheme> Schemes => new[] { Default, First, Last, Embeddings }.OfType<Scheme>().Concat(Layers.Select(l => l.Scheme));

    private static string Text(JsonElement e) => e.GetString() ?? throw new InvalidOperationException("a scheme is a string");

    /// <summary>The scheme that names the layer itself, or null where only the default speaks for it.</summary>
    internal Scheme? Of(Layer layer, bool isFirst, bool isLast) =>
        Layers.FirstOrDefault(l => FileSystemName.MatchesSimpleExpression(l.Pattern, layer.Name, ignoreCase: false)).Scheme
        ?? (layer.Kind == LayerKind.Embedding ? Embeddings : null) ?? (isFirst ? First : null) ?? (isLast ? Last : null);
}
