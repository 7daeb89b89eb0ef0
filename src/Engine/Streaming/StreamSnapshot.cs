using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Engine.Runtime;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>
/// The state of a stream as bytes: a header that names the model's plan, counters, the samples of the hop under way, every state as a plain tensor whatever the layout of the kernels, and a hash of all that.
/// </summary>
internal static class StreamSnapshot
{
    private const int Version = 2, HashBytes = 16, HeaderBytes = 4 + 4 + HashBytes + 8 + 4 + 8;
    private static readonly byte[] Magic = "ENGS"u8.ToArray();

    public static byte[] Write(StreamPlan plan, StateLayout[] layouts, KernelRegistry kernels, StreamMemory memory, StreamPosition at, StreamSamples samples)
    {
        byte[] bytes = new byte[Size(layouts, samples)];
        var s = bytes.AsSpan();
        Magic.CopyTo(s);
        BinaryPrimitives.WriteInt32LittleEndian(s[4..], Version);
        Fingerprint(plan, layouts).CopyTo(s[8..]);
        BinaryPrimitives.WriteInt64LittleEndian(s[(8 + HashBytes)..], at.Hops);
        BinaryPrimitives.WriteInt32LittleEndian(s[(16 + HashBytes)..], samples.Count);
        BinaryPrimitives.WriteInt64LittleEndian(s[(20 + HashBytes)..], at.Length ?? -1);
        s = s[HeaderBytes..];
        samples.Tensor.Bytes.CopyTo(s);
        s = s[samples.Tensor.Bytes.Length..];
        for (int i = 0; i < layouts.Length; i++)
        {
            layouts[i].ToPlain(kernels, memory.Current[i].Bytes, s[..layouts[i].PlainBytes]);
            s = s[layouts[i].PlainBytes..];
        }
        Hash(bytes.AsSpan(0, bytes.Length - HashBytes)).CopyTo(s);
        return bytes;
    }

    /// <summary>Checks everything before it changes anything.</summary>
    public static StreamPosition Read(ReadOnlySpan<byte> s, StreamPlan plan, StateLayout[] layouts, KernelRegistry kernels, StreamMemory memory, StreamSamples samples)
    {
        if (s.Length < HeaderBytes || !s.StartsWith(Magic)) throw new InputException("the bytes are no state of a stream");
        int version = BinaryPrimitives.ReadInt32LittleEndian(s[4..]);
        if (version != Version) throw new InputException($"the state is of version {version}, expected {Version}");
        if (!s.Slice(8, HashBytes).SequenceEqual(Fingerprint(plan, layouts))) throw new InputException("the state is that of another model, or of other options");
        if (s.Length != Size(layouts, samples)) throw new InputException($"the state has {s.Length} bytes, expected {Size(layouts, samples)}");
        if (!s[^HashBytes..].SequenceEqual(Hash(s[..^HashBytes]))) throw new InputException("the state is damaged: its hash does not fit");
        long hops = BinaryPrimitives.ReadInt64LittleEndian(s[(8 + HashBytes)..]), length = BinaryPrimitives.ReadInt64LittleEndian(s[(20 + HashBytes)..]);
        int pending = BinaryPrimitives.ReadInt32LittleEndian(s[(16 + HashBytes)..]);
        if (hops < 0 || hops > long.MaxValue / plan.Hop - 1 || pending < 0 || pending >= plan.Hop || length < -1) throw new InputException($"the state has counters {hops}, {pending} and {length} out of range");
        s = s[HeaderBytes..];
        s[..samples.Tensor.Bytes.Length].CopyTo(samples.Tensor.Bytes);
        samples.Count = pending;
        s = s[samples.Tensor.Bytes.Length..];
        for (int i = 0; i < layouts.Length; i++)
        {
            layouts[i].FromPlain(kernels, s[..layouts[i].PlainBytes], memory.Current[i].Bytes);
            s = s[layouts[i].PlainBytes..];
        }
        return new(hops, length < 0 ? null : length);
    }

    private static int Size(StateLayout[] layouts, StreamSamples samples)
    {
        long bytes = HeaderBytes + samples.Tensor.ByteLength + HashBytes;
        foreach (var l in layouts) bytes += l.PlainBytes;
        return Checked.Int(bytes);
    }

    private static ReadOnlySpan<byte> Hash(ReadOnlySpan<byte> bytes) => SHA256.HashData(bytes).AsSpan(0, HashBytes);

    // What must agree for states to mean the same; names, which exporters change, are not among it.
    private static ReadOnlySpan<byte> Fingerprint(StreamPlan plan, StateLayout[] layouts)
    {
        var text = new StringBuilder($"{plan.Hop} {plan.Options.Window} {plan.Options.Approximate} {plan.Options.Continual} {plan.Options.PartialWindows} {plan.Input.Type}");
        for (int i = 0; i < layouts.Length; i++) text.Append(CultureInfo.InvariantCulture, $"\n{layouts[i].Type} {plan.States[i].Reset}");
        foreach (var l in plan.Layers) text.Append(CultureInfo.InvariantCulture, $"\n{l.Operator} {l.Form} {l.Delay}");
        return Hash(System.Text.Encoding.UTF8.GetBytes(text.ToString()));
    }
}

/// <summary>Where a stream is.</summary>
/// <param name="Hops">Hops run.</param>
/// <param name="Length">Samples of the signal, once it has ended.</param>
internal readonly record struct StreamPosition(long Hops, long? Length);
