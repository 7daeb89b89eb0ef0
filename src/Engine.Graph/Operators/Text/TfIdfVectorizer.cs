using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>What <see cref="TfIdfVectorizer"/> stores for an n-gram.</summary>
public enum NGramMode
{
    /// <summary>How often it occurs.</summary>
    Tf,
    /// <summary>Its weight when it occurs.</summary>
    Idf,
    /// <summary>Its weight times how often it occurs.</summary>
    TfIdf,
}

/// <summary>
/// ONNX TfIdfVectorizer: counts of the n-grams of a pool in each row of tokens, weighted. Tokens of an n-gram may lie apart by a
/// constant number of skipped tokens.
/// </summary>
public sealed class TfIdfVectorizer : DynamicOperator
{
    /// <summary>Creates the operator.</summary>
    public TfIdfVectorizer(Attributes a) : base(a)
    {
        MinLength = a.Int("min_gram_length");
        MaxLength = a.Int("max_gram_length");
        MaxSkips = a.Int("max_skip_count");
        if (MinLength < 1 || MaxLength < MinLength || MaxSkips < 0) throw new OperatorException($"n-grams of {MinLength} to {MaxLength} tokens with {MaxSkips} skips");
        Mode = a.String("mode") switch
        {
            "TF" => NGramMode.Tf,
            "IDF" => NGramMode.Idf,
            "TFIDF" => NGramMode.TfIdf,
            var m => throw new OperatorException($"mode '{m}' is none of TF, IDF, TFIDF"),
        };
        Integers = a.Ints("pool_int64s");
        Strings = a.Strings("pool_strings");
        if (Integers is { Count: 0 } && Strings is not null) Integers = null;
        if ((Integers is null) == (Strings is null)) throw new OperatorException("exactly one of pool_int64s and pool_strings must be given");
        Starts = a.Ints("ngram_counts") ?? throw new OperatorException("attribute 'ngram_counts' is missing");
        Columns = a.Ints("ngram_indexes") ?? throw new OperatorException("attribute 'ngram_indexes' is missing");
        Weights = a.Floats("weights");
        Validate(Integers?.Count ?? Strings!.Count);
    }

    /// <summary>Tokens of the shortest n-gram counted.</summary>
    public long MinLength { get; }

    /// <summary>Tokens of the longest n-gram counted.</summary>
    public long MaxLength { get; }

    /// <summary>Most tokens skipped between two tokens of an n-gram.</summary>
    public long MaxSkips { get; }

    /// <summary>What is stored.</summary>
    public NGramMode Mode { get; }

    /// <summary>The pool of integer tokens, or null.</summary>
    public IReadOnlyList<long>? Integers { get; }

    /// <summary>The pool of string tokens, or null.</summary>
    public IReadOnlyList<string>? Strings { get; }

    /// <summary>Position in the pool where the n-grams of 1, 2, … tokens start.</summary>
    public IReadOnlyList<long> Starts { get; }

    /// <summary>Output column of each n-gram, in pool order.</summary>
    public IReadOnlyList<long> Columns { get; }

    /// <summary>Weight of each n-gram, in pool order, or null for 1.</summary>
    public IReadOnlyList<float>? Weights { get; }

    /// <summary>Columns of the output.</summary>
    public long Width { get; private set; }

    /// <inheritdoc/>
    public override string Name => "TfIdfVectorizer";

    private void Validate(int pool)
    {
        long grams = 0;
        for (int i = 0; i < Starts.Count; i++)
        {
            long start = Starts[i], end = i + 1 < Starts.Count ? Starts[i + 1] : pool;
            if (start < 0 || end < start || end > pool || (end - start) % (i + 1) != 0) throw new OperatorException($"ngram_counts [{string.Join(',', Starts)}] do not divide a pool of {pool} tokens");
            grams += (end - start) / (i + 1);
        }
        if (Columns.Count != grams) throw new OperatorException($"{Columns.Count} ngram_indexes for {grams} n-grams");
        if (Weights is not null && Weights.Count != grams) throw new OperatorException($"{Weights.Count} weights for {grams} n-grams");
        long last = 0;
        foreach (long c in Columns)
        {
            if (c < 0) throw new OperatorException($"ngram_indexes hold {c}");
            last = Math.Max(last, c);
        }
        Width = Checked.Add(last, 1);
    }
}
