using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>What a weight does.</summary>
public enum LayerKind
{
    /// <summary>A convolution.</summary>
    Conv,
    /// <summary>Gemm with a constant B.</summary>
    Gemm,
    /// <summary>MatMul with a constant B of rank 2.</summary>
    MatMul,
    /// <summary>A table that rows are gathered from.</summary>
    Embedding,
    /// <summary>Input or recurrent weights of RNN, GRU or LSTM.</summary>
    Recurrent,
}

/// <summary>One weight that can be compressed: a matrix [rows, columns], rows being output channels (or table entries).</summary>
internal sealed class Layer
{
    private float[]? _matrix;

    public Layer(string name, LayerKind kind, Node node, int input, Tensor weight)
    {
        (Name, Kind, Node, Input, Weight) = (name, kind, node, input, weight);
        var s = weight.Shape;
        IsTransposed = kind == LayerKind.MatMul || kind == LayerKind.Gemm && !node.Op.Attributes.Bool("transB");
        Parts = kind == LayerKind.Conv ? ((Conv)node.Op).Group : 1;
        Rows = kind == LayerKind.Recurrent ? Checked.Int(s[0] * s[1]) : s.Int(IsTransposed ? 1 : 0);
        Columns = Rows == 0 ? 0 : Checked.Int(s.Elements / Rows);
        Taps = kind == LayerKind.Conv ? Checked.Int(s.Product(2, s.Rank)) : 1;
    }

    /// <summary>The node's name; with the operand behind it where a node has several weights.</summary>
    public string Name { get; }

    public LayerKind Kind { get; }

    public Node Node { get; }

    /// <summary>Which input of the node the weight is.</summary>
    public int Input { get; }

    public Tensor Weight { get; }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Columns of one input channel: taps of a filter.</summary>
    public int Taps { get; }

    /// <summary>Equal parts of the rows that read inputs of their own: groups of a convolution.</summary>
    public int Parts { get; }

    /// <summary>The model stores columns first.</summary>
    public bool IsTransposed { get; }

    /// <summary>Bytes before compression.</summary>
    public long DenseBytes => Weight.ByteLength;

    /// <summary>True when inputs of the layer can be observed, and its output is a product with them.</summary>
    public bool IsProduct => Kind is LayerKind.Conv or LayerKind.Gemm or LayerKind.MatMul;

    /// <summary>The values, row-major [rows, columns].</summary>
    public float[] Matrix()
    {
        if (_matrix is not null) return _matrix;
        var w = Weight.Span<float>();
        if (!IsTransposed) return _matrix = w.ToArray();
        var t = new float[w.Length];
        for (int k = 0, i = 0; k < Columns; k++)
            for (int r = 0; r < Rows; r++, i++) t[(long)r * Columns + k] = w[i];
        return _matrix = t;
    }

    /// <summary>
    /// Which columns share a scale. Filters with taps are grouped along input channels, a tap at a time; groups of fewer than 8 weights
    /// would cost more than they save, and a channel has one scale then; so it has where kept weights of two taps would share one.
    /// </summary>
    public ColumnGroups Groups(Scheme scheme) => EffectiveGroup(scheme) is var g and > 0 ? ColumnGroups.Runs(Columns / Taps, Taps, g) : ColumnGroups.Whole(Columns);

    /// <summary>Columns a scale; 0 for a scale a row.</summary>
    public int EffectiveGroup(Scheme scheme) => Taps > 1 && (Columns / Taps < 8 || scheme.Sparsity is not null && scheme.Group > 0 && Columns / Taps % scheme.Group != 0) ? 0 : scheme.Group;

    public override string ToString() => $"{Name} ({Kind}) {Weight}";
}
