using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Cuda;

/// <summary>The arguments of a launch, laid out and checked as the manifest says. Takes no memory of the heap.</summary>
public ref struct KernelArguments
{
    private readonly KernelEntry _entry;
    private readonly Span<byte> _bytes;
    private int _next;

    /// <summary>Starts the arguments of an entry in the caller's memory, <see cref="KernelEntry.ArgumentBytes"/> or more.</summary>
    public KernelArguments(KernelEntry entry, Span<byte> memory)
    {
        _entry = entry;
        _bytes = memory[..entry.ArgumentBytes];
        // Padding too: the bytes of a launch are compared and cached.
        _bytes.Clear();
    }

    /// <summary>The bytes, complete. Throws where arguments are missing.</summary>
    public readonly ReadOnlySpan<byte> Bytes =>
        _next == _entry.Arguments.Count ? _bytes : throw new GpuException($"kernel {_entry.Name}: {_next} arguments given, expected {_entry.Arguments.Count}");

    /// <summary>The next argument: a pointer to device memory.</summary>
    public KernelArguments Add(GpuSpan memory) => Put("u64", memory.Address);

    /// <summary>The next argument: a u32.</summary>
    public KernelArguments Add(uint value) => Put("u32", value);

    /// <summary>The next argument: a length or extent, which kernels take as u32. Throws where it does not fit.</summary>
    public KernelArguments Add(long value) => value is >= 0 and <= uint.MaxValue ? Put("u32", (uint)value) : throw new GpuException($"kernel {_entry.Name}: {Next.Name} is {value}, which does not fit a u32");

    /// <summary>The next argument: a u64, such as a distance in elements.</summary>
    public KernelArguments AddLong(long value) => Put("u64", value);

    /// <summary>The next argument: an i32, which PTX calls u32 as well.</summary>
    public KernelArguments Add(int value) => Put("u32", value);

    /// <summary>The next argument: an f32.</summary>
    public KernelArguments Add(float value) => Put("f32", value);

    /// <summary>The next argument: a struct of the kernel's own, passed by value.</summary>
    public KernelArguments AddStruct<T>(in T value) where T : unmanaged => Put("b8", value);

    /// <summary>The next argument: an unsigned number given as its bytes.</summary>
    public KernelArguments AddBits(ReadOnlySpan<byte> value)
    {
        var a = Next;
        if (a.Type[0] != 'u' || a.Bytes != value.Length) throw new GpuException($"kernel {_entry.Name}: argument {a.Name} is {a.Type} of {a.Bytes} bytes, got {value.Length} bytes");
        value.CopyTo(_bytes[a.Offset..]);
        _next++;
        return this;
    }

    private readonly KernelArgument Next => _next < _entry.Arguments.Count ? _entry.Arguments[_next] : throw new GpuException($"kernel {_entry.Name} takes {_entry.Arguments.Count} arguments, no more");

    private KernelArguments Put<T>(string type, T value) where T : unmanaged
    {
        var a = Next;
        if (a.Type != type || a.Bytes != Unsafe.SizeOf<T>()) throw new GpuException($"kernel {_entry.Name}: argument {a.Name} is {a.Type} of {a.Bytes} bytes, got {type} of {Unsafe.SizeOf<T>()}");
        MemoryMarshal.Write(_bytes[a.Offset..], in value);
        _next++;
        return this;
    }
}
