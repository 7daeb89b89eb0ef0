using Engine.Formats;
using Engine.Tensors;

namespace Engine.Tests.Formats;

public sealed class AtomicFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("engine-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    [Fact]
    public void Errors_leave_the_old_file_and_nothing_else()
    {
        string path = Path.Combine(_folder, "f");
        AtomicFile.Write(path, s => s.Write([1, 2, 3]));
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, s =>
        {
            s.Write(new byte[100]);
            throw new InvalidOperationException();
        }));
        Assert.Contains(path, Assert.Throws<FileWriteException>(() => AtomicFile.Write(path, _ => throw new IOException("no room"))).Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(_folder));
        AtomicFile.Write(path, s => s.Write([4]));
        Assert.Equal([4], File.ReadAllBytes(path));
    }

    [Fact]
    public void A_folder_that_is_not_there_is_a_typed_error() => Assert.Throws<FileWriteException>(() => AtomicFile.Write(Path.Combine(_folder, "no", "f"), _ => { }));
}
