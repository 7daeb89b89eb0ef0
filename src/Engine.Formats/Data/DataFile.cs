using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>Whole data files: arrays, pictures, sound.</summary>
public static class DataFile
{
    /// <summary>Most bytes of a file and of the tensor read from it, unless the caller says otherwise: 1 GiB.</summary>
    public const long DefaultLimit = 1L << 30;

    /// <summary>Reads a file whole; a missing, unreadable or oversized one throws <see cref="DataFormatException"/>.</summary>
    public static byte[] ReadAll(string path, long limit = DefaultLimit)
    {
        try
        {
            using var f = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            // A pipe or device has no length to check and would be read without end.
            if (!f.CanSeek) throw new DataFormatException("not a regular file", path);
            if (f.Length > Math.Min(limit, Array.MaxLength)) throw new DataFormatException($"{f.Length} bytes exceed the limit of {limit}", path);
            var bytes = new byte[f.Length];
            f.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataFormatException("no such file", path, -1, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new DataFormatException($"cannot be read: {e.Message}", path, -1, e);
        }
    }

    /// <summary>Allocates the tensor that a file's header announces, once its size is within <paramref name="limit"/> bytes.</summary>
    internal static Tensor Allocate(DType dtype, ReadOnlySpan<long> dims, long limit, string? file)
    {
        try
        {
            var shape = new Shape(dims);
            long bytes = dtype.ByteCount(shape.Elements);
            if (bytes > Math.Min(limit, Array.MaxLength)) throw new DataFormatException($"{dtype.Display()}{shape} takes {bytes} bytes, more than the limit of {limit}", file);
            return Tensor.Allocate(dtype, shape);
        }
        catch (SizeOverflowException e)
        {
            throw new DataFormatException(e.Message, file, -1, e);
        }
    }
}
