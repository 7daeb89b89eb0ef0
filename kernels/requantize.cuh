// What turns integer sums into f32 or codes u8; the definitions of src/Engine.Kernels/Quantized/RequantizeU8.cs and RequantizeDyadic.cs, to the bit.
#pragma once
#include "steps.cuh"

struct Requantize
{
    // A factor and an addend a channel; or, dyadic, a multiplier and a shift.
    const void *scale_global_read, *offset_global_read;
    i32 zero, low, high;
    i32 padding;
};

// sum * scale + offset, rounded once.
device float requantized_f32(const Requantize &r, i32 sum, u32 channel) { return fused((float)sum, ((const float *)r.scale_global_read)[channel], ((const float *)r.offset_global_read)[channel]); }

// clamp(round(sum * scale + offset) + zero), to nearest even.
device u8 requantized_code(const Requantize &r, float v)
{
    v = clamp(v, (float)(r.low - r.zero), (float)(r.high - r.zero));
    return (u8)((i32)nearest_even(v) + r.zero);
}

// clamp(floor((sum * multiplier + 2^(shift - 1)) / 2^shift) + zero), the product in 64 bits.
device u8 requantized_dyadic(const Requantize &r, i32 sum, u32 channel)
{
    i32 multiplier = ((const i32 *)r.scale_global_read)[channel], shift = ((const i32 *)r.offset_global_read)[channel];
    i64 q = ((i64)sum * multiplier + ((i64)1 << (shift - 1))) >> shift;
    i64 low = r.low - r.zero, high = r.high - r.zero;
    return (u8)((q < low ? low : q > high ? high : q) + r.zero);
}

// What becomes of sums: f32 with steps behind, codes by a factor, codes by dyadic numbers.
enum Finish { FLOATS, CODES, DYADIC };

// Stores element i of the result, in this channel, of which this is the sum.
template <Finish FINISH, typename TOut> device void finish(const Requantize &r, const Steps &steps, const i32 *bias_global_read, TOut *y_global_write, u32 i, u32 channel, i32 sum)
{
    if (bias_global_read) sum += bias_global_read[channel];
    if constexpr (FINISH == DYADIC) y_global_write[i] = requantized_dyadic(r, sum, channel);
    else
    {
        float v[1] = {requantized_f32(r, sum, channel)};
        if constexpr (FINISH == FLOATS)
        {
            apply<float>(steps, v, i);
            y_global_write[i] = v[0];
        }
        else y_global_write[i] = requantized_code(r, v[0]);
    }
}
