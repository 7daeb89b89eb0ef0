using Engine.Tensors;
using static Engine.Tests.Formats.EngineFiles.EngineFileSeeds;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>Damaged engine files: under full verification every flipped bit and every cut is an error, and always a typed one.</summary>
public class EngineFileHostileTests
{
    // Set by hand in the bounded runs.
    private const int Share = 7;

    public static TheoryData<string> Seeds => [.. Models.Keys];

    [Theory, MemberData(nameof(Seeds))]
    public void Some_flipped_bits(string seed) => Flip(Write(Models[seed], History), Share);

    [Theory, MemberData(nameof(Seeds)), Trait("Category", "Soak")]
    public void Every_flipped_bit(string seed) => Flip(Write(Models[seed], History), 1);

    private static void Flip(byte[] bytes, int step)
    {
        for (long bit = 0; bit < bytes.Length * 8L; bit += step)
        {
            bytes[bit / 8] ^= (byte)(1 << (int)(bit % 8));
            Assert.ThrowsAny<EngineException>(() => Load(bytes));
            bytes[bit / 8] ^= (byte)(1 << (int)(bit % 8));
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Every_truncation(string seed)
    {
        byte[] bytes = Write(Models[seed]);
        for (int n = 0; n < bytes.Length; n += n < 64 || n > bytes.Length - 200 ? 1 : Share) Assert.ThrowsAny<EngineException>(() => Load(bytes[..n], verify: false));
        Assert.ThrowsAny<EngineException>(() => Load([.. bytes, 0]));
    }
}
