using Engine.Tensors;

namespace Engine.Tests.Formats;

/// <summary>Damaged copies of a file; a reader must refuse them with its typed error or give a value, never anything else.</summary>
internal static class Mutations
{
    // Far above every fixture: a flipped size must be refused, not allocated.
    public const long Limit = 1 << 20;

    /// <summary>Cuts a file at every length: every copy must be refused with <typeparamref name="TError"/>.</summary>
    public static void Truncations<TError>(byte[] file, Action<byte[]> read) where TError : EngineException
    {
        for (int n = 0; n < file.Length; n++)
        {
            int length = n;
            Assert.Throws<TError>(() => read(file[..length]));
        }
    }

    /// <summary>Flips every bit; returns how many copies were still read, the others being refused with <typeparamref name="TError"/>.</summary>
    public static int BitFlips<TError>(byte[] file, Action<byte[]> read) where TError : EngineException
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
            catch (TError)
            {
            }
        }
        return survived;
    }

    /// <summary>A copy with one to three changes beyond single bits: runs of bytes overwritten, deleted, repeated and inserted.</summary>
    public static byte[] Of(byte[] seed, Random random)
    {
        var bytes = new List<byte>(seed);
        for (int k = random.Next(1, 4); k > 0 && bytes.Count > 8; k--)
        {
            int at = random.Next(bytes.Count - 4), length = random.Next(1, Math.Min(40, bytes.Count - at));
            switch (random.Next(4))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.RemoveRange(at, length); break;
                case 2: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                default: bytes.InsertRange(at, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]); break;
            }
        }
        return [.. bytes];
    }
}
