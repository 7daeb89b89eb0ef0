using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>
/// NumPy's <c>.npy</c>: magic <c>93 'NUMPY'</c>, version (major, minor), header length (u16 in version 1, u32 in 2 and 3), a Python dict
/// literal with <c>descr</c>, <c>fortran_order</c> and <c>shape</c>, then the elements. Pickled objects and records are refused.
/// </summary>
public static class NpyFile
{
    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    // NumPy itself refuses longer headers: a dict of three entries has no use for more.
    private const int MaxHeader = 10_000;

    /// <summary>Reads a file: numbers of either byte order, booleans, complex numbers, and fixed-width strings (S, U) as a string tensor.</summary>
    public static Tensor Read(string path, long limit = DataFile.DefaultLimit) => Parse(DataFile.ReadAll(path, limit), path, limit);

    /// <summary>Reads the bytes of a file; <paramref name="file"/> names it in errors.</summary>
    public static Tensor Parse(ReadOnlySpan<byte> bytes, string? file = null, long limit = DataFile.DefaultLimit)
    {
        var c = new DataCursor(bytes, file);
        if (!c.StartsWith(Magic)) throw c.Fail("not an .npy file: the magic bytes 93 'NUMPY' are missing");
        c.Take(Magic.Length, "the magic bytes");
        int major = c.U8("the version");
        c.U8("the version");
        if (major is < 1 or > 3) throw c.Fail($".npy version {major} is unknown");
        long headerLength = major == 1 ? c.U16Little("the header length") : c.U32Little("the header length");
        if (headerLength > MaxHeader) throw c.Fail($"a header of {headerLength} bytes exceeds the limit of {MaxHeader}");
        int at = c.Position;
        var text = Encoding.UTF8.GetString(c.Take(headerLength, "the header"));
        var header = NpyHeader.Parse(text, file, at);
        var data = c.Take(c.Left, "the data");
        return header.Text is { } unit ? ReadStrings(header, unit, data, limit, file, c.Position) : ReadNumbers(header, data, limit, file);
    }

    /// <summary>
    /// Writes a tensor as version 1.0, C order, little endian. Types NumPy lacks are widened without loss: bf16 and 8- and 4-bit floats to f4,
    /// 4-bit integers to i1 and u1. Strings become U.
    /// </summary>
    public static void Write(Stream stream, Tensor tensor)
    {
        var (descr, payload) = Payload(tensor);
        var dims = string.Join(", ", tensor.Shape.ToArray()) + (tensor.Shape.Rank == 1 ? "," : "");
        var text = $"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}";
        // Magic, version, length and header fill whole blocks of 64 bytes and end with a line feed, so that a mapped file has aligned elements.
        int total = (10 + text.Length + 1 + 63) / 64 * 64;
        var head = new byte[total];
        Magic.CopyTo(head);
        head[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(8), (ushort)(total - 10));
        head.AsSpan(10).Fill((byte)' ');
        Encoding.ASCII.GetBytes(text, head.AsSpan(10));
        head[^1] = (byte)'\n';
        stream.Write(head);
        stream.Write(payload);
    }

    /// <summary>Writes a file, replacing one that is there.</summary>
    public static void Write(string path, Tensor tensor)
    {
        using var f = File.Create(path);
        Write(f, tensor);
    }

    private static Tensor ReadNumbers(NpyHeader h, ReadOnlySpan<byte> data, long limit, string? file)
    {
        long expected = Expect(h, h.DType.BitWidth() / 8, data, file);
        var t = DataFile.Allocate(h.DType, h.Dims, limit, file);
        var to = t.Bytes;
        data[..(int)expected].CopyTo(to);
        if (h.DType == DType.Bool) foreach (ref byte b in to) b = (byte)(b != 0 ? 1 : 0);
        int unit = h.DType is DType.C64 ? 4 : h.DType is DType.C128 ? 8 : h.DType.BitWidth() / 8;
        if (h.BigEndian) Swap(to, unit);
        return h.FortranOrder && h.Dims.Length > 1 ? FromFortran(t, h.DType.BitWidth() / 8) : t;
    }

    private static Tensor ReadStrings(NpyHeader h, int unit, ReadOnlySpan<byte> data, long limit, string? file, long offset)
    {
        long expected = Expect(h, Checked.Mul(unit, h.Length), data, file);
        // Zero-width strings have no bytes to vouch for their number.
        if (expected == 0 && h.Elements > MaxHeader) throw new DataFormatException($"{h.Elements} empty strings exceed the limit of {MaxHeader}", file, offset);
        if (Checked.Mul(h.Elements, 64) > limit) throw new DataFormatException($"{h.Elements} strings take more than the limit of {limit} bytes", file, offset);
        int width = (int)(expected / Math.Max(1, h.Elements));
        var strings = new string[h.Elements];
        for (int i = 0; i < strings.Length; i++)
        {
            var s = data.Slice(i * width, width);
            strings[i] = unit == 1 ? Encoding.UTF8.GetString(s.TrimEnd((byte)0)) : (h.BigEndian ? Utf32Big : Encoding.UTF32).GetString(s).TrimEnd('\0');
        }
        var t = new Tensor(new Shape(h.Dims), strings);
        if (!h.FortranOrder || h.Dims.Length < 2) return t;
        var order = Tensor.Allocate(DType.I64, t.Shape);
        var index = order.Span<long>();
        for (int i = 0; i < index.Length; i++) index[i] = i;
        return new Tensor(t.Shape, [.. FromFortran(order, 8).Span<long>().ToArray().Select(i => strings[i])]);
    }

    private static readonly Encoding Utf32Big = new UTF32Encoding(bigEndian: true, byteOrderMark: false);

    private static long Expect(NpyHeader h, long elementBytes, ReadOnlySpan<byte> data, string? file)
    {
        long expected;
        try
        {
            expected = Checked.Mul(h.Elements, elementBytes);
        }
        catch (SizeOverflowException e)
        {
            throw new DataFormatException(e.Message, file, -1, e);
        }
        if (data.Length < expected) throw new DataFormatException($"the shape ({string.Join(", ", h.Dims)}) asks for {expected} bytes of data, the file has {data.Length}", file);
        if (data.Length > expected) throw new DataFormatException($"{data.Length - expected} bytes follow the data", file);
        return expected;
    }

    private static void Swap(Span<byte> bytes, int unit)
    {
        switch (unit)
        {
            case 2: { var s = MemoryMarshal.Cast<byte, ushort>(bytes); BinaryPrimitives.ReverseEndianness(s, s); break; }
            case 4: { var s = MemoryMarshal.Cast<byte, uint>(bytes); BinaryPrimitives.ReverseEndianness(s, s); break; }
            case 8: { var s = MemoryMarshal.Cast<byte, ulong>(bytes); BinaryPrimitives.ReverseEndianness(s, s); break; }
        }
    }

    /// <summary>First axis fastest → last axis fastest.</summary>
    private static Tensor FromFortran(Tensor source, int size)
    {
        var result = Tensor.Allocate(source.DType, source.Shape);
        ReadOnlySpan<byte> from = source.Bytes;
        var to = result.Bytes;
        int rank = source.Shape.Rank;
        var step = new long[rank];
        long n = 1;
        for (int i = 0; i < rank; i++)
        {
            step[i] = n;
            n *= Math.Max(1, source.Shape[i]);
        }
        var at = new long[rank];
        long position = 0;
        for (long i = 0; i < source.Shape.Elements; i++)
        {
            from.Slice((int)(position * size), size).CopyTo(to[(int)(i * size)..]);
            for (int axis = rank - 1; axis >= 0; axis--)
            {
                position += step[axis];
                if (++at[axis] < source.Shape[axis]) break;
                position -= at[axis] * step[axis];
                at[axis] = 0;
            }
        }
        return result;
    }

    private static (string Descr, byte[] Bytes) Payload(Tensor t)
    {
        if (t.DType == DType.String)
        {
            // Width counts code points, not UTF-16 units; NumPy has no strings of width 0.
            var codes = Array.ConvertAll(t.Strings, Encoding.UTF32.GetBytes);
            int width = Math.Max(4, codes.Length == 0 ? 0 : codes.Max(c => c.Length));
            var all = new byte[Checked.Int(Checked.Mul(width, codes.Length))];
            for (int i = 0; i < codes.Length; i++) codes[i].CopyTo(all, (long)i * width);
            return (string.Create(CultureInfo.InvariantCulture, $"<U{width / 4}"), all);
        }
        return t.DType switch
        {
            DType.Bool => ("|b1", t.Bytes.ToArray()),
            DType.U8 => ("|u1", t.Bytes.ToArray()),
            DType.I8 => ("|i1", t.Bytes.ToArray()),
            DType.U16 => ("<u2", t.Bytes.ToArray()),
            DType.I16 => ("<i2", t.Bytes.ToArray()),
            DType.U32 => ("<u4", t.Bytes.ToArray()),
            DType.I32 => ("<i4", t.Bytes.ToArray()),
            DType.U64 => ("<u8", t.Bytes.ToArray()),
            DType.I64 => ("<i8", t.Bytes.ToArray()),
            DType.F16 => ("<f2", t.Bytes.ToArray()),
            DType.F32 => ("<f4", t.Bytes.ToArray()),
            DType.F64 => ("<f8", t.Bytes.ToArray()),
            DType.C64 => ("<c8", t.Bytes.ToArray()),
            DType.C128 => ("<c16", t.Bytes.ToArray()),
            DType.U4 => ("|u1", Widen(t, DType.U8)),
            DType.I4 => ("|i1", Widen(t, DType.I8)),
            _ => ("<f4", Widen(t, DType.F32)),
        };
    }

    private static byte[] Widen(Tensor t, DType to) => Numbers.FromDoubles(to, t.Shape, Numbers.ToDoubles(t)).Bytes.ToArray();
}
