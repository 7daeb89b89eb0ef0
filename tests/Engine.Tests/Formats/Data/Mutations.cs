using Engine.Tensors;

namespace Engine.Tests.Formats.Data;

/// <summary>Damaged copies of a file; a reader must refuse them with its typed error or give a value, never anything else.</summary>
internal static class Mutations
{
    // Far above every fixture: a flipped size must be refused, not allocated.
    public const long Limit = 1 << 20;

    public static void Truncations(byte[] file, Action<byte[]> read)
    {
        for (int n = 0; n < file.Length; n++)
        {
            int length = n;
            Assert.Throws<DataFormatException>(() => read(file[..length]));
        }
    }

    /// <summary>Flips every bit; returns how many copies were still read.</summary>
    public static int BitFlips(byte[] file, Action<byte[]> read)
    {
        int survived = 0;
        for (int bit = 0; bit < 8 * file.Length; bit++)
        {
            var copy = (byte[])file.Clone();
            copy[bit >> 3] ^= (byte)(1 << (bit & 7));
            try
            {
                read(copy);
                survived++;
            }
            catch (DataFormatException)
            {
            }
        }
        return survived;
    }
}
