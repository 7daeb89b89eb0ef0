using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Tests.Tensors;

public sealed unsafe class TensorStorageTests
{
    [Fact]
    public void A_span_keeps_the_memory_of_a_dropped_tensor_alive()
    {
        for (int i = 0; i < 50; i++)
        {
            var span = Dropped(i + 1);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            // New tensors would take the place of a freed one.
            for (int j = 0; j < 20; j++) Tensor.Allocate(DType.F32, new Shape(5000)).Span<float>().Fill(-1);
            foreach (float v in span) Assert.Equal(i + 1, v);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Span<float> Dropped(float value)
        {
            var t = Tensor.Allocate(DType.F32, new Shape(5000));
            t.Span<float>().Fill(value);
            return t.Span<float>();
        }
    }

    [Fact]
    public void Memory_is_zeroed_aligned_and_does_not_move()
    {
        foreach (int bytes in (int[])[0, 1, 63, 64, 65, 4096, 1 << 20])
        {
            var s = TensorStorage.Allocate(bytes);
            Assert.Equal(bytes, s.Length);
            Assert.Equal(0u, (nuint)s.Pointer % 64);
            Assert.True(s.Slice(0, bytes).IndexOfAnyExcept((byte)0) < 0);
            if (bytes > 0) s.Slice(bytes - 1, 1)[0] = 7;
            GC.Collect(2, GCCollectionMode.Aggressive, true, true);
            if (bytes > 0) Assert.Equal(7, s.Pointer[bytes - 1]);
            GC.KeepAlive(s);
        }
    }

    [Fact]
    public void A_slice_outside_is_refused()
    {
        var s = TensorStorage.Allocate(10);
        Assert.Throws<ArgumentOutOfRangeException>(() => s.Slice(0, 11));
        Assert.Throws<ArgumentOutOfRangeException>(() => s.Slice(10, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => s.Slice(-1, 1));
        Assert.True(s.Slice(10, 0).IsEmpty);
        Assert.Throws<MemoryLimitException>(() => TensorStorage.Allocate(long.MaxValue / 2));
    }
}
