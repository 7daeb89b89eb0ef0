namespace Engine.Tests.Formats;

/// <summary>Damage beyond single bits: runs of bytes overwritten, deleted, repeated and inserted.</summary>
internal static class Mutation
{
    /// <summary>A copy with one to three changes.</summary>
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
