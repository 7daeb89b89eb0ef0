using System.Buffers.Binary;
using System.IO.Compression;

namespace Engine.PeerTests;

/// <summary>The test images and their classes.</summary>
internal static class FashionMnist
{
    public const string Images = "fashion-mnist/t10k-images-idx3-ubyte.gz", Labels = "fashion-mnist/t10k-labels-idx1-ubyte.gz", TrainingImages = "fashion-mnist/train-images-idx3-ubyte.gz";
    public const int Pixels = 28 * 28;

    /// <summary>Pixels of all images, divided by 255.</summary>
    public static float[] ReadImages() => Array.ConvertAll(Read(Images, rank: 3), p => p / 255f);

    /// <summary>Pixels of the first training images, divided by 255.</summary>
    public static float[] ReadTrainingImages(int count) => Array.ConvertAll(Read(TrainingImages, rank: 3)[..(count * Pixels)], p => p / 255f);

    public static byte[] ReadLabels() => Read(Labels, rank: 1);

    /// <summary>IDX: two zero bytes, element type 8 (u8), rank, then big-endian dimensions and the content.</summary>
    private static byte[] Read(string file, int rank)
    {
        using var f = new GZipStream(File.OpenRead(Repository.Data(file)), CompressionMode.Decompress);
        var header = new byte[4 + 4 * rank];
        f.ReadExactly(header);
        Assert.Equal(0x0800 + rank, BinaryPrimitives.ReadInt32BigEndian(header));
        int count = 1;
        for (int i = 0; i < rank; i++) count *= BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4 + 4 * i));
        var content = new byte[count];
        f.ReadExactly(content);
        return content;
    }
}
