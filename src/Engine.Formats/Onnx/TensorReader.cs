using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>
/// Reads the wire form of <c>TensorProto</c> in place: every element type, in every encoding the format has (raw bytes,
/// typed lists, packed or not, external files). Raw bytes that are aligned are not copied: the tensor is a view of the file.
/// </summary>
internal sealed class TensorReader(LoadBudget budget, string? file, SourceBytes? source = null, ExternalData? external = null)
{
    // A tensor with no content takes this much.
    private const int TensorBytes = 512;

    /// <summary>Reads one tensor; <paramref name="offset"/> is where <paramref name="message"/> starts in the file.</summary>
    public Tensor Read(ReadOnlySpan<byte> message, long offset, out string name)
    {
        var t = TensorFields.Scan(message, offset, file);
        name = t.Name;
        try
        {
            return Read(message, offset, t);
        }
        catch (SizeOverflowException e)
        {
            throw new InvalidModelException($"tensor '{t.Name}': {e.Message}", file, offset, e);
        }
    }

    private Tensor Read(ReadOnlySpan<byte> message, long offset, TensorFields t)
    {
        budget.Take(TensorBytes, $"tensor '{t.Name}'");
        var shape = new Shape(CollectionsMarshal.AsSpan(t.Dims));
        if (t.Segmented) throw new UnsupportedException($"tensor '{t.Name}': segments are not supported");
        if (t.DType == DType.String) return t.External ? throw Fault("strings cannot be external") : ReadStrings(message, offset, t, shape);

        long bytes = t.DType.ByteCount(shape.Elements);
        if (t.External)
        {
            var (data, at) = (external ?? throw Fault("external data cannot be read here")).Find(t, bytes);
            return ReadRaw(data, at, default, t, shape, bytes);
        }
        if (t.RawStart >= 0)
        {
            if (t.RawLength != bytes) throw Fault($"{t.DType.Display()}{shape} takes {bytes} bytes, raw data has {t.RawLength}");
            return ReadRaw(source, offset + t.RawStart, message.Slice(t.RawStart, t.RawLength), t, shape, bytes);
        }

        int field = TensorFields.ListOf(t.DType);
        long expected = t.DType is DType.C64 or DType.C128 ? Checked.Mul(shape.Elements, 2) : t.DType.IsPacked() ? bytes : shape.Elements;
        long found = TensorFields.CountList(message, offset, file, field);
        if (found != expected) throw Fault($"{t.DType.Display()}{shape} takes {expected} values, its list has {found}");
        budget.Take(bytes, $"tensor '{t.Name}'");
        var tensor = Tensor.Allocate(t.DType, shape);
        Decode(message, offset, t.DType, field, tensor.Bytes);
        return tensor;

        InvalidModelException Fault(string what) => new($"tensor '{t.Name}': {what}", file, offset);
    }

    private unsafe Tensor ReadRaw(SourceBytes? data, long at, ReadOnlySpan<byte> raw, TensorFields t, Shape shape, long bytes)
    {
        // A byte of a boolean that is neither 0 nor 1 must not reach a kernel.
        if (t.DType != DType.Bool && data?.View(t.DType, shape, at) is { } view) return view;
        budget.Take(bytes, $"tensor '{t.Name}'");
        var tensor = Tensor.Allocate(t.DType, shape);
        if (data is not null) Buffer.MemoryCopy(data.Storage.Pointer + at, tensor.Pointer, bytes, bytes);
        else raw.CopyTo(tensor.Bytes);
        if (t.DType == DType.Bool) foreach (ref byte b in tensor.Bytes) b = (byte)(b == 0 ? 0 : 1);
        GC.KeepAlive(data);
        return tensor;
    }

    private Tensor ReadStrings(ReadOnlySpan<byte> message, long offset, TensorFields t, Shape shape)
    {
        long found = TensorFields.CountList(message, offset, file, TensorFields.StringData);
        if (t.RawStart >= 0 || found != shape.Elements) throw new InvalidModelException($"tensor '{t.Name}': string{shape} has {found} strings", file, offset);
        budget.Take(Checked.Mul(found, 32), $"tensor '{t.Name}'");
        var strings = new string[Checked.Int(found)];
        int n = 0;
        for (var r = new WireReader(message, offset, file); r.Next();)
        {
            if (r.Field != TensorFields.StringData) continue;
            budget.Take(2L * r.Length, $"tensor '{t.Name}'");
            strings[n++] = Encoding.UTF8.GetString(r.Content);
        }
        return new Tensor(shape, strings);
    }

    /// <summary>Writes the values of a typed list, however many chunks it comes in, as the bytes of <paramref name="dtype"/>.</summary>
    private void Decode(ReadOnlySpan<byte> message, long offset, DType dtype, int field, Span<byte> to)
    {
        int size = dtype switch { DType.C64 => 4, DType.C128 => 8, _ => Math.Max(1, dtype.BitWidth() / 8) };
        for (var r = new WireReader(message, offset, file); r.Next();)
        {
            if (r.Field != field) continue;
            if (r.Type != WireType.Bytes)
            {
                Put(r.Value, ref to);
            }
            else if (field is TensorFields.FloatData or TensorFields.DoubleData)
            {
                r.Content.CopyTo(to);
                to = to[r.Length..];
            }
            else
            {
                var c = r.Content;
                for (int at = 0; at < c.Length;)
                {
                    if (!WireReader.TryVarint(c, ref at, out ulong v)) throw r.Fault("a number is cut off or longer than 10 bytes");
                    Put(v, ref to);
                }
            }
        }

        void Put(ulong value, ref Span<byte> at)
        {
            switch (size)
            {
                case 1: at[0] = dtype == DType.Bool ? (byte)((uint)value == 0 ? 0 : 1) : (byte)value; break;
                case 2: BinaryPrimitives.WriteUInt16LittleEndian(at, (ushort)value); break;
                case 4: BinaryPrimitives.WriteUInt32LittleEndian(at, (uint)value); break;
                default: BinaryPrimitives.WriteUInt64LittleEndian(at, value); break;
            }
            at = at[size..];
        }
    }
}
