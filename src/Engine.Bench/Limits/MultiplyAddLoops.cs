using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Bench;

/// <summary>Multiply-adds of f32 in registers: twelve independent sums hide a latency of four to six cycles at two a cycle, and fit 16 registers.</summary>
internal static unsafe class MultiplyAddLoops
{
    private const int Sums = 12;

    public static IEnumerable<LimitLoop> All =>
    [
        Loop("avx512 fma", Vector512.IsHardwareAccelerated && Avx512F.IsSupported, 16, Chains<Vector512<float>, Lanes512>),
        Loop("avx2 fma", Avx2.IsSupported && Fma.IsSupported, 8, Chains<Vector256<float>, Lanes256>),
        Loop(AdvSimd.IsSupported ? "advsimd fmla" : Fma.IsSupported ? "128-bit fma" : "128-bit multiply and add", Vector128.IsHardwareAccelerated, 4, Chains<Vector128<float>, Lanes128>),
        Loop("scalar", true, 1, Chains<float, Lanes1>),
    ];

    private static LimitLoop Loop(string form, bool supported, int lanes, LoopFn run) => new(LimitKind.F32, form, supported, 64, 2.0 * Sums * lanes, run);

    private interface ILanes<V>
    {
        static abstract V Create(float x);
        static abstract V MultiplyAdd(V a, V b, V c);
        static abstract void Store(V v, float* p);
    }

    private readonly struct Lanes512 : ILanes<Vector512<float>>
    {
        public static Vector512<float> Create(float x) => Vector512.Create(x);
        public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.FusedMultiplyAdd(a, b, c);
        public static void Store(Vector512<float> v, float* p) => v.Store(p);
    }

    private readonly struct Lanes256 : ILanes<Vector256<float>>
    {
        public static Vector256<float> Create(float x) => Vector256.Create(x);
        public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.MultiplyAddEstimate(a, b, c);
        public static void Store(Vector256<float> v, float* p) => v.Store(p);
    }

    private readonly struct Lanes128 : ILanes<Vector128<float>>
    {
        public static Vector128<float> Create(float x) => Vector128.Create(x);
        public static Vector128<float> MultiplyAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) => Vector128.MultiplyAddEstimate(a, b, c);
        public static void Store(Vector128<float> v, float* p) => v.Store(p);
    }

    private readonly struct Lanes1 : ILanes<float>
    {
        public static float Create(float x) => x;
        public static float MultiplyAdd(float a, float b, float c) => a * b + c;
        public static void Store(float v, float* p) => *p = v;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Chains<V, L>(byte* data, long bytes, long times, byte* sink) where V : struct where L : struct, ILanes<V>
    {
        V x = L.Create(1), y = L.Create(1e-6f);
        V s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x, s10 = x, s11 = x;
        for (long i = times; i > 0; i--)
        {
            s0 = L.MultiplyAdd(x, y, s0);
            s1 = L.MultiplyAdd(x, y, s1);
            s2 = L.MultiplyAdd(x, y, s2);
            s3 = L.MultiplyAdd(x, y, s3);
            s4 = L.MultiplyAdd(x, y, s4);
            s5 = L.MultiplyAdd(x, y, s5);
            s6 = L.MultiplyAdd(x, y, s6);
            s7 = L.MultiplyAdd(x, y, s7);
            s8 = L.MultiplyAdd(x, y, s8);
            s9 = L.MultiplyAdd(x, y, s9);
            s10 = L.MultiplyAdd(x, y, s10);
            s11 = L.MultiplyAdd(x, y, s11);
        }
        s0 = L.MultiplyAdd(s0, s1, L.MultiplyAdd(s2, s3, L.MultiplyAdd(s4, s5, L.MultiplyAdd(s6, s7, L.MultiplyAdd(s8, s9, L.MultiplyAdd(s10, s11, x))))));
        L.Store(s0, (float*)sink);
    }
}
