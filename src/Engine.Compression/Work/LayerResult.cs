using System.Security.Cryptography;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>One layer compressed one way.</summary>
/// <param name="Scheme">How.</param>
/// <param name="Coded">The codes; null where values are floats.</param>
/// <param name="Error">Error of the output, or of the weight where no inputs are known.</param>
/// <param name="Shift">What bias correction adds to the outputs; empty for nothing.</param>
/// <param name="Bytes">Bytes that the weight takes.</param>
internal sealed record LayerResult(Scheme Scheme, CodedMatrix? Coded, OutputError Error, float[] Shift, long Bytes)
{
    private const int Magic = 0x33524C45;

    /// <summary>The factors, where the scheme is of factors.</summary>
    public LayerFactors? Factors { get; init; }

    /// <summary>The values [rows, columns] of a sparse weight without codes.</summary>
    public float[]? Values { get; init; }

    /// <summary>Weights that are not zero, and the error that zeros alone make; null where the scheme asks for none.</summary>
    public (long Kept, OutputError Error)? Mask { get; init; }

    /// <summary>The layer as it is.</summary>
    public static LayerResult Float(Layer layer) => new(Scheme.Float, null, OutputError.None, [], layer.DenseBytes);

    /// <summary>A scheme alone, for what does not depend on the weights.</summary>
    public static LayerResult Of(Scheme scheme) => new(scheme, null, OutputError.None, [], 0);

    /// <summary>The result as bytes with a checksum.</summary>
    public byte[] ToBytes()
    {
        using var m = new MemoryStream();
        using (var w = new BinaryWriter(m, System.Text.Encoding.UTF8, leaveOpen: true))
        {
            w.Write(Magic);
            w.Write(Scheme.ToString());
            w.Write(Error.RelativeRmse);
            w.Write(Error.Cosine);
            w.Write(Bytes);
            w.Write(Shift.Length);
            foreach (float v in Shift) w.Write(v);
            if (Mask is { } mask)
            {
                w.Write(mask.Kept);
                w.Write(mask.Error.RelativeRmse);
                w.Write(mask.Error.Cosine);
            }
            if (Factors is { } f) Write(w, f);
            else if (Coded is { } c) Write(w, c);
            foreach (float v in Values ?? []) w.Write(v);
        }
        m.Write(SHA256.HashData(m.GetBuffer().AsSpan(0, (int)m.Length)));
        return m.ToArray();
    }

    /// <summary>A stored result, or null where the bytes are damaged or belong to something else.</summary>
    public static LayerResult? FromBytes(byte[] bytes, Layer layer, Scheme scheme)
    {
        int body = bytes.Length - SHA256.HashSizeInBytes;
        if (body < 0 || !SHA256.HashData(bytes.AsSpan(0, body)).AsSpan().SequenceEqual(bytes.AsSpan(body))) return null;
        using var r = new BinaryReader(new MemoryStream(bytes, 0, body, writable: false));
        try
        {
            if (r.ReadInt32() != Magic || r.ReadString() is var name && scheme.Factors is null && name != scheme.ToString()) return null;
            var error = new OutputError(r.ReadDouble(), r.ReadDouble());
            long stored = r.ReadInt64();
            int shifts = r.ReadInt32();
            if (shifts != 0 && shifts != layer.Rows) return null;
            var shift = Floats(r, shifts);
            if (scheme.Factors is not null)
            {
                // The scheme found, its rank a number; float where no factors were.
                var found = Scheme.Parse(name);
                return found.IsFloat ? Float(layer) : new(found, null, error, shift, stored) { Factors = ReadFactors(r, found.Factors!) };
            }
            (long, OutputError)? mask = scheme.Sparsity is null ? null : (r.ReadInt64(), new OutputError(r.ReadDouble(), r.ReadDouble()));
            if (scheme.Kind == CodeKind.Float)
            {
                var values = Floats(r, Checked.Int((long)layer.Rows * layer.Columns));
                return r.BaseStream.Position == body ? new(scheme, null, error, shift, stored) { Values = values, Mask = mask } : null;
            }
            var groups = layer.Groups(scheme);
            if (r.ReadInt32() != layer.Rows || r.ReadInt32() != layer.Columns || r.ReadInt32() != groups.Groups) return null;
            var coded = new CodedMatrix(layer.Rows, layer.Columns, groups, scheme);
            r.ReadExactly(coded.Codes);
            Floats(r, coded.Scales.Length).CopyTo(coded.Scales, 0);
            r.ReadExactly(coded.Zeros);
            return r.BaseStream.Position == body ? new(scheme, coded, error, shift, stored) { Mask = mask } : null;
        }
        catch (EndOfStreamException)
        {
            return null;
        }
    }

    private static void Write(BinaryWriter w, CodedMatrix c)
    {
        w.Write(c.Rows);
        w.Write(c.Columns);
        w.Write(c.Groups.Groups);
        w.Write(c.Codes);
        foreach (float v in c.Scales) w.Write(v);
        w.Write(c.Zeros);
    }

    private static void Write(BinaryWriter w, LayerFactors f)
    {
        w.Write(f.Stages.Count);
        foreach (var t in f.Stages)
        {
            w.Write(t.Shape.Rank);
            foreach (long d in t.Shape.Dims) w.Write(d);
            w.Write(t.Bytes);
        }
    }

    // A checksum of our own vouches for the bytes.
    private static LayerFactors ReadFactors(BinaryReader r, Factorization form)
    {
        var stages = new Tensor[r.ReadInt32()];
        for (int i = 0; i < stages.Length; i++)
        {
            var dims = new long[r.ReadInt32()];
            for (int d = 0; d < dims.Length; d++) dims[d] = r.ReadInt64();
            stages[i] = Tensor.Allocate(DType.F32, new Shape(dims));
            r.BaseStream.ReadExactly(stages[i].Bytes);
        }
        return new(form, stages);
    }

    private static float[] Floats(BinaryReader r, int count)
    {
        var y = new float[count];
        for (int i = 0; i < count; i++) y[i] = r.ReadSingle();
        return y;
    }
}
