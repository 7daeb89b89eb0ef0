using System.Buffers.Binary;
using Engine.Formats.CSources;
using Engine.Formats.EngineFiles;
using Engine.Formats.Gguf;
using Engine.Formats.Onnx;
using Engine.Formats.Safetensors;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats;

/// <summary>What a file is, by its content.</summary>
public enum ModelFileKind
{
    /// <summary>An ONNX model, or nothing known.</summary>
    Onnx,
    /// <summary>An engine file: a model.</summary>
    Engine,
    /// <summary>A safetensors file without a graph: weights.</summary>
    Safetensors,
    /// <summary>A GGUF file: weights.</summary>
    Gguf,
    /// <summary>A C source of weights: a model.</summary>
    CSource,
}

/// <summary>Reads a model of any format; the content tells which: an engine file begins as safetensors files do, a C source with a comment, all else is taken for ONNX.</summary>
public static class ModelFile
{
    /// <summary>What a file is. Throws <see cref="InvalidModelException"/> for a safetensors file with a damaged header.</summary>
    public static ModelFileKind KindOf(string path) =>
        GgufFile.IsOne(path) ? ModelFileKind.Gguf : CSourceReader.IsOne(path) ? ModelFileKind.CSource : !SafetensorsFile.IsOne(path) ? ModelFileKind.Onnx : EngineFileReader.IsOne(SafetensorsFile.Open(path)) ? ModelFileKind.Engine : ModelFileKind.Safetensors;

    /// <summary>Reads a file.</summary>
    public static ModelDefinition Load(string path, OnnxReadOptions? options = null) =>
        GgufFile.IsOne(path) ? throw new InvalidModelException("is a GGUF file, which holds weights and no graph: 'engine convert MODEL --weights FILE' puts them in a model", path)
        : CSourceReader.IsOne(path) ? CSourceReader.Load(path)
        : SafetensorsFile.IsOne(path) ? EngineFileReader.Load(path, options) : OnnxModelReader.Load(path, options);

    /// <summary>Reads a copy of the bytes; <paramref name="name"/> serves messages.</summary>
    public static ModelDefinition Load(ReadOnlyMemory<byte> model, OnnxReadOptions? options = null, string? name = null) =>
        CSourceReader.IsOne(model.Span) ? CSourceReader.Read(model, name)
        : SafetensorsFile.IsOne(model.Span, model.Length) ? EngineFileReader.Load(model, options, name) : OnnxModelReader.Load(model, options, name);

    /// <summary>Reads a stream to its end; <paramref name="name"/> serves messages.</summary>
    public static ModelDefinition Load(Stream model, OnnxReadOptions? options = null, string? name = null)
    {
        options ??= new();
        var source = SourceBytes.Read(model, options.MaxMemory ?? int.MaxValue, name);
        if (CSourceReader.IsOne(source.Slice(0, (int)Math.Min(source.Length, 8)))) return CSourceReader.Read(source);
        return SafetensorsFile.IsOne(source.Slice(0, (int)Math.Min(source.Length, SafetensorsFile.PrefixLength)), source.Length)
            ? EngineFileReader.Read(source, options).Model
            : OnnxModelReader.Read(source, name, options.ExternalDataFolder, options);
    }
}
