using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>Pictures by their first bytes.</summary>
public static class ImageFile
{
    /// <summary>Reads PNG, PGM or PPM as [height, width, channels], u8 or u16.</summary>
    public static Tensor Read(string path, long limit = DataFile.DefaultLimit)
    {
        var bytes = DataFile.ReadAll(path, limit);
        if (PngFile.Matches(bytes)) return PngFile.Parse(bytes, path, limit);
        if (NetpbmFile.Matches(bytes)) return NetpbmFile.Parse(bytes, path, limit);
        throw new DataFormatException("neither PNG nor PGM/PPM", path, 0);
    }
}
