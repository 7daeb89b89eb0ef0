using Engine.Formats;
using Engine.Formats.EngineFiles;
using Engine.Tensors;
using static Engine.Tests.Formats.EngineFiles.EngineFileSeeds;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>Damaged engine files: under full verification every flipped bit and every cut is an error, and always a typed one.</summary>
public class EngineFileHostileTests
{
    // What the bounded runs leave out: all bytes are met, and of every run of seven all bits.
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
    public void Some_truncations(string seed) => Cut(seed, Share);

    [Theory, MemberData(nameof(Seeds)), Trait("Category", "Soak")]
    public void Every_truncation(string seed) => Cut(seed, 1);

    // The beginning and the end always byte by byte.
    private static void Cut(string seed, int step)
    {
        byte[] bytes = Write(Models[seed]);
        for (int n = 0; n < bytes.Length; n += n < 64 || n > bytes.Length - 200 ? 1 : step) Assert.ThrowsAny<EngineException>(() => Load(bytes[..n], verify: false));
        Assert.ThrowsAny<EngineException>(() => Load([.. bytes, 0]));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Some_changed_graphs_with_checksums_that_fit(string seed) => Fuzz(seed, 300);

    [Theory, MemberData(nameof(Seeds)), Trait("Category", "Soak")]
    public void Changed_graphs_with_checksums_that_fit(string seed) => Fuzz(seed, 100_000);

    [Fact]
    public void A_file_that_is_only_put_together_again_is_read()
    {
        byte[] bytes = Write(Models["weights"]);
        var random = new Random(1);
        Assert.Contains(Enumerable.Range(0, 200), _ => Read(EngineFileMutations.Of(bytes, random)) is null);
    }

    private static void Fuzz(string seed, int count)
    {
        byte[] bytes = Write(Models[seed], History);
        var random = new Random(42);
        for (int i = 0; i < count; i++)
        {
            Read(EngineFileMutations.Of(bytes, random));
            Read(Mutations.Of(bytes, random));
        }
    }

    private static EngineException? Read(byte[] bytes)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var model = Load(bytes, verify: false);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2L * bytes.Length + (64L << 20));
            foreach (var w in model.Graph.Constants.Select(v => v.Constant!))
                if (w.Shape.Elements < 1 << 16) w.Decode();
            return null;
        }
        catch (EngineException e)
        {
            return e;
        }
    }

    [Fact]
    public void A_full_disk_leaves_the_old_file_and_no_other()
    {
        var folder = Directory.CreateTempSubdirectory("engine-");
        try
        {
            string path = Path.Combine(folder.FullName, "m.engine");
            var model = Models["weights"];
            EngineFileWriter.Write(Models["plain"], path);
            byte[] old = File.ReadAllBytes(path), now = Write(model);
            for (int room = 0; room < now.Length; room += 997)
            {
                Assert.Throws<FileWriteException>(() => AtomicFile.Write(path, s => EngineFileWriter.Write(model, new FullDisk(s, room))));
                Assert.Equal(old, File.ReadAllBytes(path));
                Assert.Single(folder.GetFiles());
            }
            EngineFileWriter.Write(model, path);
            Assert.Equal(now, File.ReadAllBytes(path));
            Assert.Throws<FileWriteException>(() => EngineFileWriter.Write(model, Path.Combine(folder.FullName, "none", "m.engine")));
            Assert.Throws<FileWriteException>(() => EngineFileWriter.Write(model, folder.FullName));
        }
        finally
        {
            folder.Delete(true);
        }
    }

    /// <summary>A stream that takes so many bytes and no more.</summary>
    private sealed class FullDisk(Stream inner, long room) : MemoryStream
    {
        private long _room = room;

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (buffer.Length > _room) throw new IOException("No space left on device");
            _room -= buffer.Length;
            inner.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    }
}
