// Functions of one f32: the polynomials and the order of operations of the CPU's vectors (src/Engine.Kernels/Vectors/F32Math.cs), so that both give the same bits.
// Bounds of their errors are in docs/math.md.
#pragma once
#include "common.cuh"

device float clamp(float x, float low, float high) { return x < low ? low : x > high ? high : x; }
device float copy_sign(float x, float sign) { return __builtin_bit_cast(float, (__builtin_bit_cast(u32, x) & 0x7fffffffu) | (__builtin_bit_cast(u32, sign) & 0x80000000u)); }

// 2^n for whole n in [-126, 127].
device float power_of_two(float n) { return __builtin_bit_cast(float, ((int)n + 127) << 23); }

// x * 2^n with one rounding: the first factor keeps the product normal.
device float scale(float x, float n)
{
    float first = floored(n * 0.5f);
    return x * power_of_two(first) * power_of_two(n - first);
}

// x = n ln 2 + r with |r| <= ln 2 / 2.
device float reduced(float x, float &n)
{
    n = nearest_even(x * 1.44269504088896341f);
    return fused(n, 2.12194440e-4f, fused(n, -0.693359375f, x));
}

// e^r - 1.
device float exp_series(float r)
{
    float p = fused(1.9890982711e-4f, r, 1.3933642690e-3f);
    p = fused(p, r, 8.3333109328e-3f);
    p = fused(p, r, 4.1666464991e-2f);
    p = fused(p, r, 1.6666666682e-1f);
    p = fused(p, r, 0.5f);
    return fused(p, r * r, r);
}

device float exponential(float x)
{
    float n, r = reduced(clamp(x, -104.5f, 89.0f), n);
    return scale(exp_series(r) + 1.0f, n);
}

// e^x - 1 for x <= 24.
device float exponential_less_1(float x)
{
    float n, r = reduced(clamp(x, -24.0f, 24.0f), n);
    float p = exp_series(r), s = power_of_two(n);
    return fused(s, p, s - 1.0f);
}

device float logarithm(float x)
{
    bool tiny = x < 1.17549435e-38f;
    float scaled = tiny ? x * 8388608.0f : x;
    // The mantissa in [sqrt(1/2), sqrt(2)) and its exponent.
    int bits = __builtin_bit_cast(int, scaled) - 0x3f3504f3;
    float e = (float)(bits >> 23) - (tiny ? 23.0f : 0.0f);
    float f = __builtin_bit_cast(float, (bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
    float p = fused(7.0376836292e-2f, f, -1.1514610310e-1f);
    p = fused(p, f, 1.1676998740e-1f);
    p = fused(p, f, -1.2420140846e-1f);
    p = fused(p, f, 1.4249322787e-1f);
    p = fused(p, f, -1.6668057665e-1f);
    p = fused(p, f, 2.0000714765e-1f);
    p = fused(p, f, -2.4999993993e-1f);
    p = fused(p, f, 3.3333331174e-1f);
    float square = f * f;
    p = fused(e, -2.12194440e-4f, p * f * square);
    p = fused(-0.5f, square, p) + f;
    p = fused(e, 0.693359375f, p);
    p = x < __builtin_inff() ? p : x;
    p = x < 1.40129846e-45f ? -__builtin_inff() : p;
    return x < 0.0f ? __builtin_nanf("") : p;
}

// log(1 + x) for x in [0, 1].
device float logarithm_of_1_more(float x)
{
    float s = x / (x + 2.0f), z = s * s;
    float p = fused(1.1611962165e-1f, z, 1.0853287900e-1f);
    p = fused(p, z, 1.4296178997e-1f);
    p = fused(p, z, 1.9999853166e-1f);
    p = fused(p, z, 3.3333333660e-1f);
    s += s;
    return fused(p * z, s, s);
}

device float hyperbolic_tangent(float x)
{
    float a = magnitude(x), t = exponential_less_1(a + a);
    return copy_sign(t / (t + 2.0f), x);
}

device float sigmoid(float x)
{
    float e = exponential(-magnitude(x));
    return (x < 0.0f ? e : 1.0f) / (e + 1.0f);
}

// log(1 - erf t), and erf x near zero.
device float erf_log_tail(float t, float square)
{
    float q = fused(-1.72853470e-5f, t, 3.83197126e-4f), u = fused(-3.88396438e-3f, t, 2.42546219e-2f);
    q = fused(q, square, u);
    q = fused(q, t, -1.06777877e-1f);
    q = fused(q, t, -6.34846687e-1f);
    q = fused(q, t, -1.28717512e-1f);
    return fused(q, t, -t);
}

device float erf_near(float x, float square)
{
    float p = fused(-5.96761703e-4f, square, 4.99119423e-3f);
    p = fused(p, square, -2.67681349e-2f);
    p = fused(p, square, 1.12819925e-1f);
    p = fused(p, square, -3.76125336e-1f);
    p = fused(p, square, 1.28379166e-1f);
    return fused(p, x, x);
}

constexpr float ERF_NEAR_END = 0.927734375f;

device float error_function(float x)
{
    float t = clamp(magnitude(x), 0.0f, 4.0f), square = t * t;
    float far = 1.0f - exponential(erf_log_tail(t, square));
    return copy_sign(t < ERF_NEAR_END ? erf_near(t, square) : far, x);
}

// 1/2 (1 + erf(x / sqrt 2)), without cancellation where x is negative.
device float normal_distribution(float x)
{
    float u = x * 0.70710678118654752440f, t = clamp(magnitude(u), 0.0f, 10.5f), square = t * t;
    float tail = 0.5f * exponential(erf_log_tail(t, square));
    float near = fused(0.5f, copy_sign(erf_near(t, square), u), 0.5f);
    return t < ERF_NEAR_END ? near : u < 0.0f ? tail : 1.0f - tail;
}

// x tanh(log(1 + e^x)): tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2); from x = 20 on it is 1.
device float mish(float x)
{
    float e = exponential(x > 20.0f ? 20.0f : x), n = e * (e + 2.0f);
    return x * (n / (n + 2.0f));
}
