using Engine.Tensors;

namespace Engine.Formats.Safetensors;

/// <summary>A tensor of a safetensors file.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">Element type as the format names it.</param>
/// <param name="DType">The engine's element type; undefined where it has none.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Start">First byte in the file.</param>
/// <param name="Length">Bytes.</param>
public sealed record SafetensorsEntry(string Name, string Type, DType DType, Shape Shape, long Start, long Length);
