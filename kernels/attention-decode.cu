// One new token a sequence against its cache of keys and values: y[b, h] = softmax(scale q[b, h] k[b, h / sharing]) v, in two kernels: parts of the sequence, each in a block of its own, and their sum.
// q, y [batch, heads, D]; k, v [batch, key heads, capacity, D], of which the first length[b] are read; D is 64 or 128.
// Roofline: 4 length D bytes a key head for 16-bit elements, read once (once for each head that shares it, mostly from L2): memory.
// target sm_75: nothing newer is needed, and newer devices run it as it is.
#include "math.cuh"

constexpr int WARPS = 4, THREADS = WARPS * WARP, EACH = 8;

// What a stretch of keys gives: the largest score, the sum of weights and the weighted sum of values, both for that score.
template <int N> struct Stretch
{
    float largest, sum, values[N];

    member void clear()
    {
        largest = -__builtin_inff();
        sum = 0.0f;
#pragma unroll
        for (int i = 0; i < N; i++) values[i] = 0.0f;
    }

    // A stretch of no keys changes nothing and is changed to the other.
    member void merge(float other_largest, float other_sum, const float (&other_values)[N])
    {
        if (other_sum == 0.0f) return;
        float m = larger(largest, other_largest), own = sum == 0.0f ? 0.0f : exponential(largest - m), other = exponential(other_largest - m);
        sum = sum * own + other_sum * other;
#pragma unroll
        for (int i = 0; i < N; i++) values[i] = values[i] * own + other_values[i] * other;
        largest = m;
    }
};

template <typename T> struct alignas(EACH * sizeof(T)) Chunk { T at[EACH]; };

template <typename T, int D>
device void part(const T *restrict q_global_read, const T *restrict k_global_read, const T *restrict v_global_read, const i32 *restrict length_global_read, float *restrict parts_global_write, u32 heads, u32 sharing, u32 capacity, float scale)
{
    constexpr int LANES = D / EACH, KEYS = WARP / LANES;
    shared float merged_shared[WARPS][D + 2];
    u32 head = block_x(), split = block_y(), splits = __nvvm_read_ptx_sreg_nctaid_y(), batch = block_z(), length = (u32)length_global_read[batch];
    u32 stretch = (length + splits - 1) / splits, begin = split * stretch, end = begin + stretch < length ? begin + stretch : length;
    u32 chunk = lane() % LANES, key_in_warp = lane() / LANES;
    u64 keys = ((u64)batch * (heads / sharing) + head / sharing) * capacity;

    Chunk<T> q_chunk = ((const Chunk<T> *)(q_global_read + ((u64)batch * heads + head) * D))[chunk];
    float q[EACH];
#pragma unroll
    for (int i = 0; i < EACH; i++) q[i] = widen(q_chunk.at[i]) * scale;

    // ---- phase 1: every group of lanes its own keys ----
    Stretch<EACH> own;
    own.clear();
    for (u32 first = begin + warp() * KEYS; first < end; first += WARPS * KEYS)
    {
        u32 key = first + key_in_warp;
        bool inside = key < end;
        Chunk<T> k = ((const Chunk<T> *)(k_global_read + (keys + (inside ? key : begin)) * D))[chunk], v = ((const Chunk<T> *)(v_global_read + (keys + (inside ? key : begin)) * D))[chunk];
        float score = 0.0f, values[EACH];
#pragma unroll
        for (int i = 0; i < EACH; i++) score = fused(q[i], widen(k.at[i]), score);
#pragma unroll
        for (int mask = LANES / 2; mask > 0; mask /= 2) score += from_lane_xor(score, mask);
#pragma unroll
        for (int i = 0; i < EACH; i++) values[i] = widen(v.at[i]);
        own.merge(score, inside ? 1.0f : 0.0f, values);
    }

    // ---- phase 2: the groups of a warp ----
#pragma unroll
    for (int mask = LANES; mask < WARP; mask *= 2)
    {
        float largest = from_lane_xor(own.largest, mask), sum = from_lane_xor(own.sum, mask), values[EACH];
#pragma unroll
        for (int i = 0; i < EACH; i++) values[i] = from_lane_xor(own.values[i], mask);
        own.merge(largest, sum, values);
    }

    // ---- phase 3: the warps of the block, and the part's result ----
    if (key_in_warp == 0)
    {
#pragma unroll
        for (int i = 0; i < EACH; i++) merged_shared[warp()][chunk * EACH + i] = own.values[i];
        if (chunk == 0) merged_shared[warp()][D] = own.largest, merged_shared[warp()][D + 1] = own.sum;
    }
    barrier();
    if (thread_x() >= D) return;
    Stretch<1> all;
    all.clear();
#pragma unroll
    for (int w = 0; w < WARPS; w++)
    {
        float value[1] = {merged_shared[w][thread_x()]};
        all.merge(merged_shared[w][D], merged_shared[w][D + 1], value);
    }
    float *result = parts_global_write + (((u64)batch * heads + head) * splits + split) * (D + 2);
    result[thread_x()] = all.values[0];
    if (thread_x() == 0) result[D] = all.largest, result[D + 1] = all.sum;
}

// A block a head: thread i sums element i over the parts. A sequence of no keys gives zeros.
template <typename T, int D> device void merge(const float *restrict parts_global_read, T *restrict y_global_write, u32 splits)
{
    const float *parts = parts_global_read + (u64)block_x() * splits * (D + 2);
    Stretch<1> all;
    all.clear();
    for (u32 s = 0; s < splits; s++)
    {
        float value[1] = {parts[s * (D + 2) + thread_x()]};
        all.merge(parts[s * (D + 2) + D], parts[s * (D + 2) + D + 1], value);
    }
    y_global_write[(u64)block_x() * D + thread_x()] = narrow<T>(all.sum == 0.0f ? 0.0f : all.values[0] / all.sum);
}

#define DECODE(name, T, D) \
    entry bounds(THREADS, 1) void attention_decode_part_##name(const T *q_global_read, const T *k_global_read, const T *v_global_read, const i32 *length_global_read, float *parts_global_write, u32 heads, u32 sharing, u32 capacity, float scale) \
    { part<T, D>(q_global_read, k_global_read, v_global_read, length_global_read, parts_global_write, heads, sharing, capacity, scale); } \
    entry bounds(D, 1) void attention_decode_merge_##name(const float *parts_global_read, T *y_global_write, u32 splits) { merge<T, D>(parts_global_read, y_global_write, splits); }

DECODE(f16_64, f16, 64)
DECODE(f16_128, f16, 128)
DECODE(bf16_64, bf16, 64)
DECODE(bf16_128, bf16, 128)
