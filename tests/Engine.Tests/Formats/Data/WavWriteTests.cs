using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Tests.Formats.Data;

public sealed class WavWriteTests
{
    [Fact]
    public void What_is_written_is_read()
    {
        string path = Path.GetTempFileName();
        try
        {
            WavFile.Write(path, new(Tensor.From(new Shape(2, 3), [0f, 0.5f, -1, 1, -3, 1 / 32768f]), 44100));
            var sound = WavFile.Read(path);
            Assert.Equal((2, 44100), (sound.Channels, sound.SampleRate));
            Assert.Equal([0f, 0.5f, -1, 32767 / 32768f, -1, 1 / 32768f], sound.Samples.Span<float>().ToArray());
        }
        finally
        {
            File.Delete(path);
        }
    }
}
