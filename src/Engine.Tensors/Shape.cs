using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Engine.Tensors;

/// <summary>A concrete shape: dimensions, outermost first, row-major. Element counts are checked to fit 63 bits.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    private readonly long[]? _dims;

    /// <summary>Largest rank accepted.</summary>
    public const int MaxRank = 64;

    /// <summary>The shape of a scalar.</summary>
    public static Shape Scalar => default;

    /// <summary>Creates a shape; dimensions must not be negative and their product must fit.</summary>
    public Shape(params ReadOnlySpan<long> dims)
    {
        if (dims.Length > MaxRank) throw new SizeOverflowException($"rank {dims.Length} exceeds {MaxRank}");
        long elements = 1;
        bool empty = false;
        foreach (long d in dims)
        {
            if (d < 0) throw new SizeOverflowException($"dimension {d} is negative in [{string.Join(',', dims.ToArray())}]");
            if (d == 0) empty = true;
            else elements = Checked.Mul(elements, d);
        }
        _dims = dims.ToArray();
        Elements1 = (empty ? 0 : elements) - 1;
    }

    // Stored less one, so that default(Shape) is the scalar with one element.
    private long Elements1 { get; }

    /// <summary>Number of dimensions.</summary>
    public int Rank => _dims?.Length ?? 0;

    /// <summary>Product of the dimensions; 1 for a scalar.</summary>
    public long Elements => Elements1 + 1;

    /// <summary>Element count as an int; throws above 2³¹ − 1.</summary>
    public int Count => Checked.Int(Elements);

    /// <summary>Dimension <paramref name="axis"/>; a negative axis counts from the end.</summary>
    public long this[int axis] => _dims![axis < 0 ? axis + Rank : axis];

    /// <summary>Dimension as an int; throws above 2³¹ − 1.</summary>
    public int Int(int axis) => Checked.Int(this[axis]);

    /// <summary>The dimensions.</summary>
    public ReadOnlySpan<long> Dims => _dims;

    /// <summary>A copy of the dimensions.</summary>
    public long[] ToArray() => _dims is null ? [] : [.. _dims];

    /// <summary>Row-major strides in elements; 1 for the innermost.</summary>
    public long[] Strides()
    {
        var s = new long[Rank];
        long n = 1;
        for (int i = Rank - 1; i >= 0; i--)
        {
            s[i] = n;
            n = Checked.Mul(n, Math.Max(1, _dims![i]));
        }
        return s;
    }

    /// <summary>Product of the dimensions [from, to).</summary>
    public long Product(int from, int to)
    {
        long n = 1;
        for (int i = from; i < to; i++) n = Checked.Mul(n, _dims![i]);
        return n;
    }

    /// <summary>Maps an axis in [−rank, rank) to [0, rank); <paramref name="extra"/> widens the rank (Unsqueeze).</summary>
    public int Axis(long axis, int extra = 0)
    {
        int r = Rank + extra;
        if (axis < -r || axis >= r && !(r == 0 && axis == 0)) throw new OperatorException($"axis {axis} is outside [-{r}, {r - 1}] for shape {this}");
        return (int)(axis < 0 ? axis + r : axis);
    }

    /// <summary>The shape with one dimension replaced.</summary>
    public Shape With(int axis, long dim)
    {
        var d = ToArray();
        d[axis] = dim;
        return new Shape(d);
    }

    /// <summary>Multidirectional (NumPy) broadcast of two shapes; throws <see cref="OperatorException"/> when they do not fit.</summary>
    public static Shape Broadcast(Shape a, Shape b)
    {
        var d = new long[Math.Max(a.Rank, b.Rank)];
        for (int i = 1; i <= d.Length; i++)
        {
            long x = i <= a.Rank ? a[^i] : 1, y = i <= b.Rank ? b[^i] : 1;
            if (x != y && x != 1 && y != 1) throw new OperatorException($"shapes {a} and {b} cannot be broadcast together");
            d[^i] = x == 1 ? y : x;
        }
        return new Shape(d);
    }

    private long this[Index i] => _dims![i];

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dims.SequenceEqual(other.Dims);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is Shape s && Equals(s);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var h = new HashCode();
        foreach (long d in Dims) h.Add(d);
        return h.ToHashCode();
    }

    /// <summary>Same dimensions.</summary>
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    /// <summary>Different dimensions.</summary>
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);

    /// <summary>As in <c>[1,3,224,224]</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("[");
        for (int i = 0; i < Rank; i++) text.Append(i > 0 ? "," : "").Append(_dims![i]);
        return text.Append(']').ToString();
    }
}
