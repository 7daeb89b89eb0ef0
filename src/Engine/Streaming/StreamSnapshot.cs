using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>The state of a stream as bytes: a header that names the model's plan, counters, the samples of the hop under way, then every state.</summary>
internal static class StreamSnapshot
{
    private const int Version = 1, HashBytes = 16, HeaderBytes = 4 + 4 + HashBytes + 8 + 4 + 8;
    private static readonly byte[] Magic = "ENGS"u8.ToArray();

    public static byte[] Write(StreamPlan plan, StreamMemory memory, long hops, int pending, long? length, Tensor input)
    {
        var bytes = new byte[Size(memory, input)];
        var s = bytes.AsSpan();
        Magic.CopyTo(s);
        BinaryPrimitives.WriteInt32LittleEndian(s[4..], Version);
        Fingerprint(plan).CopyTo(s[8..]);
        BinaryPrimitives.WriteInt64LittleEndian(s[(8 + HashBytes)..], hops);
        BinaryPrimitives.WriteInt32LittleEndian(s[(16 + HashBytes)..], pending);
        BinaryPrimitives.WriteInt64LittleEndian(s[(20 + HashBytes)..], length ?? -1);
        s = s[HeaderBytes..];
        input.Bytes.CopyTo(s);
        s = s[input.Bytes.Length..];
        foreach (var t in memory.Current)
        {
            t.Bytes.CopyTo(s);
            s = s[t.Bytes.Length..];
        }
        return bytes;
    }

    public static (long Hops, int Pending, long? Length) Read(ReadOnlySpan<byte> s, StreamPlan plan, StreamMemory memory, Tensor input)
    {
        if (s.Length < HeaderBytes || !s.StartsWith(Magic)) throw new InputException("the bytes are no state of a stream");
        int version = BinaryPrimitives.ReadInt32LittleEndian(s[4..]);
        if (version != Version) throw new InputException($"the state is of version {version}, expected {Version}");
        if (!s.Slice(8, HashBytes).SequenceEqual(Fingerprint(plan))) throw new InputException("the state is that of another model, or of other options");
        if (s.Length != Size(memory, input)) throw new InputException($"the state has {s.Length} bytes, expected {Size(memory, input)}");
        long hops = BinaryPrimitives.ReadInt64LittleEndian(s[(8 + HashBytes)..]), length = BinaryPrimitives.ReadInt64LittleEndian(s[(20 + HashBytes)..]);
        int pending = BinaryPrimitives.ReadInt32LittleEndian(s[(16 + HashBytes)..]);
        if (hops < 0 || hops > long.MaxValue / plan.Hop - 1 || pending < 0 || pending >= plan.Hop || length < -1) throw new InputException($"the state has counters {hops}, {pending} and {length} out of range");
        s = s[HeaderBytes..];
        s[..input.Bytes.Length].CopyTo(input.Bytes);
        s = s[input.Bytes.Length..];
        foreach (var t in memory.Current)
        {
            s[..t.Bytes.Length].CopyTo(t.Bytes);
            s = s[t.Bytes.Length..];
        }
        return (hops, pending, length < 0 ? null : length);
    }

    private static int Size(StreamMemory memory, Tensor input) => Checked.Int(HeaderBytes + memory.Bytes + input.ByteLength);

    // What must agree for states to mean the same: their names and types, the hop and the window.
    private static byte[] Fingerprint(StreamPlan plan)
    {
        var text = new StringBuilder($"{plan.Hop} {plan.Options.Window} {plan.Options.Approximate} {plan.Options.Continual} {plan.Input.Type}");
        foreach (var s in plan.States) text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\n{s.Name} {s.Type} {s.Reset}");
        return SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))[..HashBytes];
    }
}
