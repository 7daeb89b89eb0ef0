using System.Runtime.InteropServices;

namespace Engine.Ptx.Tests;

/// <summary>Test kernels and how to launch them.</summary>
internal static class Kernels
{
    private static readonly Dictionary<string, PtxModule> Modules = [];

    /// <summary>A module of the folder Data.</summary>
    public static PtxModule Module(string name)
    {
        lock (Modules)
        {
            if (!Modules.TryGetValue(name, out PtxModule? module)) Modules[name] = module = PtxModule.Parse(Text(name), name + ".ptx");
            return module;
        }
    }

    public static string Text(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", name + ".ptx"));

    public static PtxEntry Entry(string module, string name) => Module(module).Entries[name];

    /// <summary>A module of one kernel <c>k</c> with pointers in, out and these instructions.</summary>
    public static PtxEntry Inline(string declarations, string body) => PtxModule.Parse($$"""
        .version 7.4
        .target sm_80
        .address_size 64
        {{declarations}}
        .visible .entry k(.param .u64 in, .param .u64 out)
        {
            .reg .pred %p<16>;
            .reg .b16 %h<32>;
            .reg .b32 %r<64>;
            .reg .f32 %f<64>;
            .reg .b64 %rd<32>;
            .reg .f64 %fd<16>;
        {{body}}
            ret;
        }
        """, "inline.ptx").Entries["k"];

    public static PtxBuffer Upload<T>(this PtxDevice device, string name, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        PtxBuffer buffer = device.Allocate(Math.Max(1, MemoryMarshal.AsBytes(values).Length), name);
        buffer.Upload(MemoryMarshal.AsBytes(values));
        return buffer;
    }

    public static T[] Download<T>(this PtxBuffer buffer, int count)
        where T : unmanaged
    {
        var values = new T[count];
        buffer.Download(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>Launches with parameters of their kernel's sizes: buffers, floats or integers.</summary>
    public static PtxReport Launch(this PtxDevice device, PtxEntry entry, uint grid, uint block, int shared, params object[] arguments) =>
        device.Launch(entry, (grid, 1, 1), (block, 1, 1), shared, Block(entry, arguments));

    public static byte[] Block(PtxEntry entry, params object[] arguments)
    {
        Assert.Equal(entry.Parameters.Count, arguments.Length);
        byte[] block = new byte[entry.ParameterBytes];
        for (int i = 0; i < arguments.Length; i++)
        {
            Span<byte> at = block.AsSpan(entry.Parameters[i].Offset, entry.Parameters[i].Bytes);
            switch (arguments[i])
            {
                case PtxBuffer buffer: MemoryMarshal.Write(at, buffer.Address); break;
                case ulong address: MemoryMarshal.Write(at, address); break;
                case int number: MemoryMarshal.Write(at, number); break;
                case uint number: MemoryMarshal.Write(at, number); break;
                case float number: MemoryMarshal.Write(at, number); break;
                default: throw new ArgumentException($"argument {i}");
            }
        }
        return block;
    }
}
