using System.Globalization;
using Engine.Graph;
using Engine.Tensors;

namespace Engine;

/// <summary>How much of the elastic dimensions of one kind a sub-network keeps: a part or a number for all of them, or a number by name.</summary>
public sealed class ElasticChoice
{
    private readonly double _part = 1;
    private readonly int _most = int.MaxValue;
    private readonly IReadOnlyDictionary<string, int>? _byName;

    private ElasticChoice(double part, int most, IReadOnlyDictionary<string, int>? byName) => (_part, _most, _byName) = (part, most, byName);

    /// <summary>Of each dimension the largest choice that is at most this part of the whole; the least one where none is.</summary>
    public static ElasticChoice OfPart(double part) => part is > 0 and <= 1 ? new(part, int.MaxValue, null) : throw new InputException(string.Create(CultureInfo.InvariantCulture, $"a part of {part}: expected above 0 and at most 1"));

    /// <summary>Of each dimension the largest choice of at most this; the least one where none is.</summary>
    public static ElasticChoice OfMost(int most) => most >= 0 ? new(1, most, null) : throw new InputException($"a choice of at most {most}: expected 0 or more");

    /// <summary>A choice by dimension; those left out stay whole.</summary>
    public static ElasticChoice Of(IReadOnlyDictionary<string, int> byName) => new(1, int.MaxValue, byName);

    /// <summary><see cref="OfPart"/>.</summary>
    public static implicit operator ElasticChoice(double part) => OfPart(part);

    /// <summary><see cref="OfMost"/>.</summary>
    public static implicit operator ElasticChoice(int most) => OfMost(most);

    /// <summary><see cref="Of"/>.</summary>
    public static implicit operator ElasticChoice(Dictionary<string, int> byName) => Of(byName);

    /// <summary>The choices for dimensions of one kind. Throws <see cref="InputException"/> where a name or a number is none of theirs.</summary>
    internal static IEnumerable<int> For(ElasticChoice? choice, IReadOnlyList<ElasticDimension> dimensions, string kind)
    {
        if (choice is not null && dimensions.Count == 0) throw new InputException($"the model has no elastic {kind}");
        foreach (string name in choice?._byName?.Keys ?? [])
            if (!dimensions.Any(d => d.Name == name)) throw new InputException($"the model has no elastic {kind} '{name}'; it has {string.Join(", ", dimensions.Select(d => d.Name))}");
        return dimensions.Select(d => choice is null ? d.Whole : choice.For(d));
    }

    private int For(ElasticDimension d)
    {
        if (_byName is null) return d.Choices.Where(c => c <= Math.Min(_most, d.Whole * _part)).DefaultIfEmpty(d.Choices[0]).Max();
        if (!_byName.TryGetValue(d.Name, out int chosen)) return d.Whole;
        return d.Choices.Contains(chosen) ? chosen : throw new InputException($"elastic {d.Kind} '{d.Name}' is {chosen}, expected one of {string.Join(", ", d.Choices)}");
    }
}
