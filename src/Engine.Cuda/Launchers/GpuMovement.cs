using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>Launches <c>movement</c>: copies between strided views, and fills. Transposes, slices, concatenations and expansions are such copies.</summary>
public static class GpuMovement
{
    private const int Threads = 256;

    /// <summary>The most axes of a copied box, neighbours that lie as one merged.</summary>
    public const int MostAxes = 6;

    /// <summary>
    /// Copies a box of <paramref name="extents"/> elements, the last axis innermost; strides in elements, zero repeats an element. x and y point to the first
    /// element of the box. Throws <see cref="UnsupportedException"/> where more than <see cref="MostAxes"/> axes remain after merging.
    /// </summary>
    public static void Copy(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan x, GpuSpan y, ReadOnlySpan<long> extents, ReadOnlySpan<long> stridesRead, ReadOnlySpan<long> stridesWrite)
    {
        long n = 1;
        foreach (long e in extents) n = Checked.Mul(n, e);
        if (n == 0) return;
        var box = Box.Of(extents, stridesRead, stridesWrite);
        var kernel = kernels.Get("movement", "copy_" + GpuTypes.Bits(type));
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(y).Add(GpuTypes.Count(n)).AddStruct(box);
        stream.Launch(kernel, new(GpuTypes.Blocks(kernels.Device, n, Threads), 1, 1, Threads), arguments.Bytes);
    }

    /// <summary>y[i] = <paramref name="value"/>, the bytes of one element of 8, 16 or 32 bits, for n elements.</summary>
    public static void Fill(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan y, long n, ReadOnlySpan<byte> value)
    {
        var kernel = kernels.Get("movement", "fill_" + GpuTypes.Bits(type));
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(y).Add(GpuTypes.Count(n)).AddBits(value);
        stream.Launch(kernel, new(GpuTypes.Blocks(kernels.Device, n, Threads), 1, 1, Threads), arguments.Bytes);
    }

    /// <summary>As <see cref="Copy"/> from row-major x of <paramref name="shape"/> to row-major y with the axes in the order <paramref name="permutation"/>.</summary>
    public static void Transpose(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan x, GpuSpan y, ReadOnlySpan<long> shape, ReadOnlySpan<int> permutation)
    {
        Span<long> extents = stackalloc long[shape.Length], read = stackalloc long[shape.Length], write = stackalloc long[shape.Length], strides = stackalloc long[shape.Length];
        RowMajor(shape, strides);
        for (int i = 0; i < shape.Length; i++) (extents[i], read[i]) = (shape[permutation[i]], strides[permutation[i]]);
        RowMajor(extents, write);
        Copy(kernels, stream, type, x, y, extents, read, write);
    }

    /// <summary>Strides of a row-major tensor.</summary>
    public static void RowMajor(ReadOnlySpan<long> extents, Span<long> strides)
    {
        long stride = 1;
        for (int i = extents.Length - 1; i >= 0; i--) (strides[i], stride) = (stride, stride * extents[i]);
    }

    // Box of kernels/movement.cu.
    [StructLayout(LayoutKind.Sequential)]
    private struct Box
    {
        private uint _axes;
        private Extents _extent;
#pragma warning disable CS0169, IDE0044, IDE0051 // the kernel's struct has these bytes
        private uint _padding;
#pragma warning restore CS0169, IDE0044, IDE0051
        private Strides _read, _write;

        // Axes of one element vanish; an axis that goes on where the one inside it ends becomes one with it.
        public static Box Of(ReadOnlySpan<long> extents, ReadOnlySpan<long> read, ReadOnlySpan<long> write)
        {
            Span<long> e = stackalloc long[extents.Length], r = stackalloc long[extents.Length], w = stackalloc long[extents.Length];
            int axes = 0;
            for (int i = 0; i < extents.Length; i++)
            {
                if (extents[i] == 1) continue;
                if (axes > 0 && r[axes - 1] == read[i] * extents[i] && w[axes - 1] == write[i] * extents[i]) (e[axes - 1], r[axes - 1], w[axes - 1]) = (e[axes - 1] * extents[i], read[i], write[i]);
                else (e[axes], r[axes], w[axes++]) = (extents[i], read[i], write[i]);
            }
            if (axes > MostAxes) throw new UnsupportedException($"a copy over {axes} axes; the GPU's kernel takes {MostAxes}");
            var box = new Box { _axes = (uint)axes };
            for (int i = 0; i < axes; i++) (box._extent[i], box._read[i], box._write[i]) = (GpuTypes.Count(e[i]), r[i], w[i]);
            return box;
        }

        [InlineArray(MostAxes)]
        private struct Extents
        {
            private uint _first;
        }

        [InlineArray(MostAxes)]
        private struct Strides
        {
            private long _first;
        }
    }
}
