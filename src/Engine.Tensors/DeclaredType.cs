namespace Engine.Tensors;

/// <summary>One dimension as a model declares it: a value, a symbol such as <c>N</c>, or unknown.</summary>
public readonly record struct Dim(long Value, string? Symbol = null)
{
    /// <summary>A dimension nothing is known of.</summary>
    public static Dim Unknown => new(-1);

    /// <summary>True when the value is given.</summary>
    public bool IsKnown => Value >= 0;

    /// <inheritdoc/>
    public override string ToString() => IsKnown ? Value.ToString(System.Globalization.CultureInfo.InvariantCulture) : string.IsNullOrEmpty(Symbol) ? "?" : Symbol;
}

/// <summary>The type that a model declares for a value.</summary>
public abstract record DeclaredType
{
    /// <summary>A tensor; <paramref name="Dims"/> is null when even the rank is unknown.</summary>
    public sealed record Tensor(DType DType, Dim[]? Dims) : DeclaredType
    {
        /// <inheritdoc/>
        public override string ToString() => DType.Display() + (Dims is null ? "[...]" : $"[{string.Join(',', Dims)}]");
    }

    /// <summary>A list of values of one type.</summary>
    public sealed record Sequence(DeclaredType Element) : DeclaredType
    {
        /// <inheritdoc/>
        public override string ToString() => $"seq({Element})";
    }

    /// <summary>A value that may be absent.</summary>
    public sealed record Optional(DeclaredType Element) : DeclaredType
    {
        /// <inheritdoc/>
        public override string ToString() => $"optional({Element})";
    }
}
