using System.Buffers.Binary;
using System.Collections;
using System.Text;

namespace Engine.Formats.Gguf;

/// <summary>An array of strings in a file, decoded as they are asked for: a vocabulary costs eight bytes an entry.</summary>
internal sealed class GgufStrings(SourceBytes source, long[] starts) : IReadOnlyList<string>
{
    public int Count => starts.Length;

    public string this[int index]
    {
        get
        {
            long length = BinaryPrimitives.ReadInt64LittleEndian(source.Slice(starts[index], sizeof(long)));
            return Encoding.UTF8.GetString(source.Slice(starts[index] + sizeof(long), (int)length));
        }
    }

    public IEnumerator<string> GetEnumerator()
    {
        for (int i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
