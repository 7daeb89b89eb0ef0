using Engine.Formats.Checkpoints;
using Engine.Formats.Safetensors;
using Engine.Tensors;
using Engine.Tests.Formats.Checkpoints;

namespace Engine.Tests.Formats.Safetensors;

/// <summary>Damaged safetensors files: weights or a typed error, in bounded memory.</summary>
public class SafetensorsHostileTests
{
    private static IReadOnlyDictionary<string, byte[]> All { get; } = CheckpointTests.Seeds();

    public static TheoryData<string> Seeds => [.. All.Keys];

    [Theory, MemberData(nameof(Seeds))]
    public void Every_truncation(string seed)
    {
        for (int n = 0; n < All[seed].Length; n++) Assert.NotNull(Read(All[seed][..n]));
        Assert.Null(Read(All[seed]));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Every_flipped_bit(string seed)
    {
        byte[] bytes = [.. All[seed]];
        int read = 0;
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            if (Read(bytes) is null) read++;
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
        }
        Assert.True(read > 0);
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Some_random_mutations(string seed) => Mutate(All[seed], 2_000);

    [Theory, MemberData(nameof(Seeds)), Trait("Category", "Soak")]
    public void Random_mutations(string seed) => Mutate(All[seed], 1_000_000);

    private static void Mutate(byte[] seed, int count)
    {
        var random = new Random(42);
        for (int i = 0; i < count; i++) Read(Mutations.Of(seed, random));
    }

    private static EngineException? Read(byte[] bytes)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var c = Checkpoint.Of(SafetensorsFile.Open(bytes));
            foreach (string name in c.Names)
            {
                var w = c.Read(name);
                if (w.DType is DType.F32 or DType.F16 or DType.BF16 && w.Shape.Elements < 1 << 20) w.Decode();
            }
            return null;
        }
        catch (EngineException e)
        {
            return e;
        }
        finally
        {
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 3L * bytes.Length + (72L << 20));
        }
    }
}
