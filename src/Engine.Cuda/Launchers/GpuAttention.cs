using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>Launches <c>attention-decode</c>: one new token a sequence against its cache of keys and values.</summary>
public static class GpuAttention
{
    private const int Threads = 128;

    /// <summary>Whether the kernel takes heads of this length.</summary>
    public static bool TakesHead(long head) => head is 64 or 128;

    /// <summary>Parts in which sequences of up to <paramref name="length"/> keys are worked on, so that all multiprocessors have one.</summary>
    public static int Splits(IGpuDevice device, long batch, long heads, long length) =>
        (int)Math.Clamp(Checked.CeilDiv(2L * device.Info.Multiprocessors, Math.Max(1, batch * heads)), 1, Math.Max(1, Checked.CeilDiv(length, Threads)));

    /// <summary>Bytes of memory between the two kernels.</summary>
    public static long WorkBytes(long batch, long heads, long head, int splits) => Checked.Mul(Checked.Mul(batch * heads, splits), (head + 2) * sizeof(float));

    /// <summary>
    /// y [batch, heads, head] = softmax(scale · q k) v over the first lengths[b] keys of each sequence; zeros for none.
    /// </summary>
    /// <param name="kernels">Kernels of the device.</param>
    /// <param name="stream">The queue.</param>
    /// <param name="type">Element type of q, k, v and y: f16 or bf16.</param>
    /// <param name="q">[batch, heads, head].</param>
    /// <param name="k">[batch, keyHeads, capacity, head].</param>
    /// <param name="v">As <paramref name="k"/>.</param>
    /// <param name="lengths">[batch] i32, none above the capacity.</param>
    /// <param name="work">Memory of <see cref="WorkBytes"/>.</param>
    /// <param name="y">[batch, heads, head].</param>
    /// <param name="batch">Sequences.</param>
    /// <param name="heads">Heads of q, a multiple of <paramref name="keyHeads"/>.</param>
    /// <param name="keyHeads">Heads of k and v.</param>
    /// <param name="capacity">Keys that the cache has room for.</param>
    /// <param name="head">Elements of a head, 64 or 128.</param>
    /// <param name="scale">What scores are multiplied by.</param>
    /// <param name="splits">Parts of a sequence (<see cref="Splits"/>).</param>
    public static void Decode(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan q, GpuSpan k, GpuSpan v, GpuSpan lengths, GpuSpan work, GpuSpan y, long batch, long heads, long keyHeads, long capacity, long head, float scale, int splits)
    {
        if (!TakesHead(head) || type == DType.F32 || keyHeads < 1 || heads % keyHeads != 0) throw new UnsupportedException($"{heads} heads of {head} elements of {type.Display()} over {keyHeads}: the GPU's kernel takes 64 or 128 elements of f16 or bf16, heads in multiples of key heads");
        if (batch > ushort.MaxValue || splits is < 1 or > ushort.MaxValue) throw new UnsupportedException($"{batch} sequences in {splits} parts; the GPU's kernel takes {ushort.MaxValue} of each");
        if (batch == 0 || heads == 0) return;
        string name = $"{GpuTypes.Suffix(type)}_{head}";
        var part = kernels.Get("attention-decode", "attention_decode_part_" + name);
        var arguments = new KernelArguments(part.Entry, stackalloc byte[part.Entry.ArgumentBytes]).Add(q).Add(k).Add(v).Add(lengths).Add(work).Add(heads).Add(heads / keyHeads).Add(capacity).Add(scale);
        stream.Launch(part, new(GpuTypes.Count(heads), (uint)splits, (uint)batch, Threads), arguments.Bytes);
        var merge = kernels.Get("attention-decode", "attention_decode_merge_" + name);
        stream.Launch(merge, new(GpuTypes.Count(batch * heads), 1, 1, (int)head), new KernelArguments(merge.Entry, stackalloc byte[merge.Entry.ArgumentBytes]).Add(work).Add(y).Add((uint)splits).Bytes);
    }
}
