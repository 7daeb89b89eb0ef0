// Elementwise steps applied to a value in a register before it is stored: the epilogue of every kernel, and the whole of elementwise.cu.
// The numbers of operations and operands are those of src/Engine.Cuda/Launchers/GpuSteps.cs.
#pragma once
#include "math.cuh"

enum StepOp : i32
{
    ADD, SUBTRACT, SUBTRACT_FROM, MULTIPLY, DIVIDE, DIVIDE_INTO, MAXIMUM, MINIMUM,
    AFFINE, ABSOLUTE, NEGATE, SQUARE_ROOT, RECIPROCAL, FLOOR, CEILING, ROUND, EXPONENTIAL, LOGARITHM, ERF, RELU, CLIP, SIGMOID, TANH,
    LEAKY_RELU, HARD_SIGMOID, HARD_SWISH, ELU, SOFTPLUS, SOFTSIGN, GELU, GELU_TANH, SWISH, MISH, SQUARE,
};

// Which element of a second operand meets element i of the result.
enum StepOperand : i32
{
    NONE,      // p0 stands for it
    EVERY,     // operand[i]
    COLUMN,    // operand[i % extent]
    CHANNEL,   // operand[i / inner % extent]
};

struct Step
{
    i32 op;
    i32 operand_kind;
    float p0, p1;
    u32 inner, extent;
    const void *operand_global_read;
};

constexpr int MOST_STEPS = 6;

struct Steps
{
    i32 count;
    i32 padding;
    Step step[MOST_STEPS];
};

template <typename T> device float step_operand(const Step &s, u32 i)
{
    const T *operand = (const T *)s.operand_global_read;
    // Hidden from the compiler, which would load this and an element through one pointer, and for that copy the steps to local memory.
    float p0 = s.p0;
    asm("" : "+f"(p0));
    switch (s.operand_kind)
    {
        case EVERY: return widen(operand[i]);
        case COLUMN: return widen(operand[i % s.extent]);
        case CHANNEL: return widen(operand[i / s.inner % s.extent]);
        default: return p0;
    }
}

// One step on N neighbours, the first of them element i of the result: what to do is decided once for all of them.
template <typename T, int N> device void step(const Step &s, float (&x)[N], u32 i)
{
#define EACH(op, value) case op: { _Pragma("unroll") for (int k = 0; k < N; k++) { float v = x[k]; x[k] = value; } break; }
    if (s.op < AFFINE)
    {
        float b[N];
#pragma unroll
        for (int k = 0; k < N; k++) b[k] = step_operand<T>(s, i + k);
        switch (s.op)
        {
            EACH(ADD, v + b[k])
            EACH(SUBTRACT, v - b[k])
            EACH(SUBTRACT_FROM, b[k] - v)
            EACH(MULTIPLY, v * b[k])
            EACH(DIVIDE, v / b[k])
            EACH(DIVIDE_INTO, b[k] / v)
            EACH(MAXIMUM, larger(v, b[k]))
            EACH(MINIMUM, smaller(v, b[k]))
        }
        return;
    }
    switch (s.op)
    {
        EACH(AFFINE, fused(s.p0, v, s.p1))
        EACH(ABSOLUTE, magnitude(v))
        EACH(NEGATE, -v)
        EACH(SQUARE_ROOT, root(v))
        EACH(RECIPROCAL, 1.0f / v)
        EACH(FLOOR, floored(v))
        EACH(CEILING, ceiled(v))
        EACH(ROUND, nearest_even(v))
        EACH(EXPONENTIAL, exponential(v))
        EACH(LOGARITHM, logarithm(v))
        EACH(ERF, error_function(v))
        EACH(RELU, larger(v, 0.0f))
        EACH(CLIP, clamp(v, s.p0, s.p1))
        EACH(SIGMOID, sigmoid(v))
        EACH(TANH, hyperbolic_tangent(v))
        EACH(LEAKY_RELU, v < 0.0f ? s.p0 * v : v)
        EACH(HARD_SIGMOID, clamp(fused(s.p0, v, s.p1), 0.0f, 1.0f))
        EACH(HARD_SWISH, v * (clamp(v + 3.0f, 0.0f, 6.0f) * (1.0f / 6)))
        EACH(ELU, v < 0.0f ? s.p0 * exponential_less_1(v) : v)
        EACH(SOFTPLUS, larger(v, 0.0f) + logarithm_of_1_more(exponential(-magnitude(v))))
        EACH(SOFTSIGN, v / (magnitude(v) + 1.0f))
        EACH(GELU, v * normal_distribution(v))
        EACH(GELU_TANH, v * sigmoid(v * fused(v * v, 0.0713548162726f, 1.5957691216057f)))
        EACH(SWISH, v * sigmoid(s.p0 * v))
        EACH(MISH, mish(v))
        EACH(SQUARE, v * v)
    }
#undef EACH
}

// The steps in order on N neighbours, the first of them element i of the result; operands are of type T, arithmetic is f32.
template <typename T, int N> device void apply(const Steps &steps, float (&x)[N], u32 i)
{
#pragma unroll 1
    for (int k = 0; k < steps.count; k++) step<T>(steps.step[k], x, i);
}
