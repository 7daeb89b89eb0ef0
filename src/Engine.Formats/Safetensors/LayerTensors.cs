using Engine.Tensors;

namespace Engine.Formats.Safetensors;

/// <summary>The tensors of a packed layer, by what follows its name.</summary>
internal sealed class LayerTensors(SafetensorsFile file, string prefix, IReadOnlyList<string> parts)
{
    public string Prefix => prefix;

    public IReadOnlyList<string> Parts => parts;

    public bool Has(string part) => file.Find(prefix + part) is not null;

    /// <summary>Type and shape of a part that must be there, unread.</summary>
    public SafetensorsEntry Entry(string part) => file.Find(prefix + part) ?? throw Fault($"'{part}' is missing");

    /// <summary>A part that must be there, of one of these types.</summary>
    public Tensor Read(string part, params ReadOnlySpan<DType> types)
    {
        var e = Entry(part);
        if (!types.Contains(e.DType)) throw Fault($"'{part}' has element type {e.Type}");
        return file.Read(e.Name);
    }

    /// <summary>A part that must be a matrix.</summary>
    public Tensor ReadMatrix(string part, params ReadOnlySpan<DType> types)
    {
        var t = Read(part, types);
        return t.Shape.Rank == 2 ? t : throw Fault($"'{part}' has shape {t.Shape}, expected a matrix");
    }

    /// <summary>Scales: f16, bf16 or f32.</summary>
    public Tensor ReadScales(string part) => Read(part, DType.F16, DType.BF16, DType.F32);

    /// <summary>The shape that a packed layer says it has: two numbers.</summary>
    public Shape ReadShape(string part)
    {
        long[] dims = Read(part, DType.I64, DType.I32).ToLongs();
        return dims.Length == 2 && dims.Min() > 0 ? new Shape(dims) : throw Fault($"'{part}' is not two positive numbers");
    }

    /// <summary>Counts memory that the layer's content asks for.</summary>
    public void Take(long bytes) => file.Budget.Take(bytes, $"layer '{prefix}'");

    public void Require(bool condition, string message)
    {
        if (!condition) throw Fault(message);
    }

    public InvalidModelException Fault(string message) => new($"layer '{prefix}': {message}", file.Path);

    /// <summary>Errors of sizes and of the weight's own checks name the layer.</summary>
    public Weight Guard(Func<Weight> read)
    {
        try
        {
            return read();
        }
        catch (InvalidModelException e) when (e.File is null)
        {
            throw Fault(e.Detail);
        }
        catch (SizeOverflowException e)
        {
            throw Fault(e.Message);
        }
    }
}
