using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Bench;

/// <summary>Reads of the widest vectors from data that fits one level of the caches and no lower one; a turn of a loop reads all of it.</summary>
internal static unsafe class ReadLoops
{
    // Ahead of the loads of a stream; the pages that are asked for beyond the end do no harm.
    private const int Ahead = 2048;

    public static IEnumerable<LimitLoop> All(CacheSizes caches, int threads)
    {
        LoopFn one = Vector512.IsHardwareAccelerated ? One512 : One256, four = Vector512.IsHardwareAccelerated ? Four512 : Four256;
        return from w in caches.Working(threads)
               from l in (LimitLoop[])
               [
                   new(w.Level, "one stream", true, w.Bytes, w.Bytes, one),
                   new(w.Level, "four streams, prefetched", Sse.IsSupported && w.Level is (LimitKind.L3 or LimitKind.Dram), w.Bytes, w.Bytes, four),
               ]
               select l;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One512(byte* data, long bytes, long times, byte* sink)
    {
        Vector512<long> s0 = default, s1 = default, s2 = default, s3 = default;
        for (; times > 0; times--)
            for (byte* p = data, end = data + bytes; p < end; p += 512)
            {
                s0 ^= Vector512.Load((long*)p);
                s1 ^= Vector512.Load((long*)(p + 64));
                s2 ^= Vector512.Load((long*)(p + 128));
                s3 ^= Vector512.Load((long*)(p + 192));
                s0 ^= Vector512.Load((long*)(p + 256));
                s1 ^= Vector512.Load((long*)(p + 320));
                s2 ^= Vector512.Load((long*)(p + 384));
                s3 ^= Vector512.Load((long*)(p + 448));
            }
        (s0 ^ s1 ^ s2 ^ s3).Store((long*)sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One256(byte* data, long bytes, long times, byte* sink)
    {
        Vector256<long> s0 = default, s1 = default, s2 = default, s3 = default;
        for (; times > 0; times--)
            for (byte* p = data, end = data + bytes; p < end; p += 256)
            {
                s0 ^= Vector256.Load((long*)p);
                s1 ^= Vector256.Load((long*)(p + 32));
                s2 ^= Vector256.Load((long*)(p + 64));
                s3 ^= Vector256.Load((long*)(p + 96));
                s0 ^= Vector256.Load((long*)(p + 128));
                s1 ^= Vector256.Load((long*)(p + 160));
                s2 ^= Vector256.Load((long*)(p + 192));
                s3 ^= Vector256.Load((long*)(p + 224));
            }
        (s0 ^ s1 ^ s2 ^ s3).Store((long*)sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four512(byte* data, long bytes, long times, byte* sink)
    {
        Vector512<long> s0 = default, s1 = default, s2 = default, s3 = default;
        long quarter = bytes / 4;
        for (; times > 0; times--)
            for (byte* a = data, b = a + quarter, c = b + quarter, d = c + quarter, end = b; a < end; a += 128, b += 128, c += 128, d += 128)
            {
                Sse.Prefetch0(a + Ahead);
                Sse.Prefetch0(a + Ahead + 64);
                Sse.Prefetch0(b + Ahead);
                Sse.Prefetch0(b + Ahead + 64);
                Sse.Prefetch0(c + Ahead);
                Sse.Prefetch0(c + Ahead + 64);
                Sse.Prefetch0(d + Ahead);
                Sse.Prefetch0(d + Ahead + 64);
                s0 ^= Vector512.Load((long*)a);
                s1 ^= Vector512.Load((long*)b);
                s2 ^= Vector512.Load((long*)c);
                s3 ^= Vector512.Load((long*)d);
                s0 ^= Vector512.Load((long*)(a + 64));
                s1 ^= Vector512.Load((long*)(b + 64));
                s2 ^= Vector512.Load((long*)(c + 64));
                s3 ^= Vector512.Load((long*)(d + 64));
            }
        (s0 ^ s1 ^ s2 ^ s3).Store((long*)sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four256(byte* data, long bytes, long times, byte* sink)
    {
        Vector256<long> s0 = default, s1 = default, s2 = default, s3 = default;
        long quarter = bytes / 4;
        for (; times > 0; times--)
            for (byte* a = data, b = a + quarter, c = b + quarter, d = c + quarter, end = b; a < end; a += 64, b += 64, c += 64, d += 64)
            {
                Sse.Prefetch0(a + Ahead);
                Sse.Prefetch0(b + Ahead);
                Sse.Prefetch0(c + Ahead);
                Sse.Prefetch0(d + Ahead);
                s0 ^= Vector256.Load((long*)a);
                s1 ^= Vector256.Load((long*)b);
                s2 ^= Vector256.Load((long*)c);
                s3 ^= Vector256.Load((long*)d);
                s0 ^= Vector256.Load((long*)(a + 32));
                s1 ^= Vector256.Load((long*)(b + 32));
                s2 ^= Vector256.Load((long*)(c + 32));
                s3 ^= Vector256.Load((long*)(d + 32));
            }
        (s0 ^ s1 ^ s2 ^ s3).Store((long*)sink);
    }
}
