using Engine.Formats.Onnx.Proto;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>Tensors of a model, read from where <see cref="WireScan"/> found them.</summary>
internal sealed class TensorSource(SourceBytes source, ExternalData external, LoadBudget budget, string? file)
{
    private readonly TensorReader _reader = new(budget, file, source, external);

    /// <summary>The tensor.</summary>
    public Tensor Read(TensorProto tensor) => _reader.Read(source.Slice(tensor.Offset, tensor.Length), tensor.Offset, out _);

    /// <summary>A sparse constant in coordinate form.</summary>
    public SparseTensor ReadSparse(SparseTensorProto sparse)
    {
        if (sparse.Values is null || sparse.Indices is null) throw new InvalidModelException("a sparse tensor has no values or no indices", file);
        return new SparseTensor(Read(sparse.Values), Read(sparse.Indices), new Shape([.. sparse.Dims]));
    }

    /// <summary>The dense tensor a sparse one stands for: zero wherever no value is given.</summary>
    public Tensor Densify(SparseTensor s, string name)
    {
        int count = s.Values.Shape.Count;
        if (s.Values.Shape.Rank != 1 || s.Values.DType == DType.String || s.Values.DType.IsPacked()) throw Fault($"values {s.Values} are not a list of numbers");
        if (s.Shape.Elements == 0 && count > 0) throw Fault($"{count} values in shape {s.Shape}");
        long[] indices = s.Indices.ToLongs();
        bool flat = s.Indices.Shape.Rank == 1;
        if (!(flat && indices.Length == count || s.Indices.Shape.Rank == 2 && s.Indices.Shape[0] == count && s.Indices.Shape[1] == s.Shape.Rank))
            throw Fault($"indices {s.Indices} do not fit {count} values of shape {s.Shape}");
        int size = s.Values.DType.BitWidth() / 8;
        budget.Take(s.Values.DType.ByteCount(s.Shape.Elements), $"sparse tensor '{name}'");
        var dense = Tensor.Allocate(s.Values.DType, s.Shape);
        long previous = -1;
        for (int i = 0; i < count; i++)
        {
            long at = 0;
            if (flat)
            {
                at = indices[i];
            }
            else
            {
                for (int d = 0; d < s.Shape.Rank; d++)
                {
                    long x = indices[i * s.Shape.Rank + d];
                    if (x < 0 || x >= s.Shape[d]) throw Fault($"index {x} is outside dimension {d} of {s.Shape}");
                    at = at * s.Shape[d] + x;
                }
            }
            if (at <= previous || at >= s.Shape.Elements) throw Fault($"index {at} is out of order or outside {s.Shape}");
            previous = at;
            s.Values.Bytes.Slice(i * size, size).CopyTo(dense.Bytes[Checked.Int(Checked.Mul(at, size))..]);
        }
        return dense;

        InvalidModelException Fault(string what) => new($"sparse tensor '{name}': {what}", file);
    }
}
