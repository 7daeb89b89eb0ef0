using Engine.Formats.Safetensors;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>A tensor of an engine file.</summary>
/// <param name="Entry">Where and as what it is stored.</param>
/// <param name="DType">Its element type; that of the entry unless safetensors lacks it.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Crc32C">CRC-32C of the stored bytes.</param>
public sealed record Section(SafetensorsEntry Entry, DType DType, Shape Shape, uint Crc32C);

/// <summary>The fixed parts of the format.</summary>
internal static class EngineFormat
{
    /// <summary>The version written, and the newest one read.</summary>
    public const int Version = 1;

    /// <summary>Every tensor begins at a multiple of this.</summary>
    public const int Alignment = 64;

    public const string VersionKey = "engine.version", GraphKey = "engine.graph", SectionsKey = "engine.sections", ProvenanceKey = "engine.provenance";

    /// <summary>Names of padding start with this and go on with a number.</summary>
    public const string PaddingPrefix = "__padding__/";

    /// <summary>The last tensor: see <see cref="Seal"/>.</summary>
    public const string SealName = "__seal__";

    /// <summary>How element types that safetensors lacks are named in the section table.</summary>
    public static DType ParseDType(string name)
    {
        foreach (var t in Enum.GetValues<DType>()) if (t != DType.Undefined && t.Display() == name) return t;
        throw new InvalidModelException($"element type '{name}' is not known");
    }
}
