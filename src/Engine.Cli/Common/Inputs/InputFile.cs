using Engine.Formats.Data;
using Engine.Formats.Onnx;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Makes a model input from a file: NPY and .pb as they are, sound and pictures in the type and rank that the model declares.</summary>
internal static class InputFile
{
    private const string Kinds = ".npy, .pb, .wav, .png, .pgm or .ppm";

    public static IReadOnlyList<string> Extensions { get; } = [".npy", ".pb", ".wav", ".png", ".pgm", ".ppm", ".pnm"];

    public static RuntimeValue Read(string path, DeclaredType? declared, ImageSettings images) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".npy" => NpyFile.Read(path),
        ".pb" => ReadProto(path, declared),
        ".wav" => Sound(WavFile.Read(path), declared as DeclaredType.Tensor, path),
        ".png" or ".pgm" or ".ppm" or ".pnm" => images.Apply(ImageFile.Read(path), declared as DeclaredType.Tensor),
        _ => throw new DataFormatException(File.Exists(path) ? $"unknown kind of file: expected {Kinds}" : "no such file", path),
    };

    private static RuntimeValue ReadProto(string path, DeclaredType? declared)
    {
        var bytes = DataFile.ReadAll(path);
        try
        {
            return OnnxTensorFile.Read(bytes, declared, path);
        }
        catch (InvalidModelException e)
        {
            throw new DataFormatException(e.Detail, path, e.Offset, e);
        }
    }

    /// <summary>[samples], [channels, samples] or [1, channels, samples], after the declared rank; integers get the full range of 16 bits.</summary>
    private static Tensor Sound(Sound sound, DeclaredType.Tensor? declared, string path)
    {
        var t = sound.Samples;
        if (declared is { DType: not DType.F32 })
        {
            var values = Numbers.ToDoubles(t);
            if (declared.DType.IsInteger()) for (int i = 0; i < values.Length; i++) values[i] *= 32768;
            t = Numbers.FromDoubles(declared.DType, t.Shape, values);
        }
        return declared?.Dims?.Length switch
        {
            1 when sound.Channels == 1 => t.Reshape(new Shape(t.Shape[1])),
            1 => throw new InputException($"{path} has {sound.Channels} channels, the model takes one"),
            3 => t.Reshape(new Shape(1, t.Shape[0], t.Shape[1])),
            _ => t,
        };
    }
}
