// Loops that run into the limits of a processor: nothing but the instruction, its operands in registers, or with one from the first-level cache.
#include "engine-kernels.h"

// 14 sums hide the latency of an instruction that starts twice a cycle. They start differently, or a compiler would make them one.
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f,avx512vnni"))) void engine_limit_dot8(const uint8_t *data, int64_t bytes, int64_t times, uint8_t *sink) {
  (void)bytes;
  const __m512i x = _mm512_loadu_si512(data), y = _mm512_loadu_si512(data + 64);
#define DECLARE(i) __m512i s##i = _mm512_loadu_si512(data + 64 * i);
#define STEP(i) s##i = _mm512_dpbusd_epi32(s##i, x, y);
#define STORE(i) _mm512_storeu_si512(sink, _mm512_add_epi32(_mm512_loadu_si512(sink), s##i));
  EACH(DECLARE)
  for (int64_t t = times; t > 0; t--) { EACH(STEP) }
  EACH(STORE)
#undef DECLARE
#undef STEP
#undef STORE
}

__attribute__((target("avx512f,avx512bf16"))) void engine_limit_bf16(const uint8_t *data, int64_t bytes, int64_t times, uint8_t *sink) {
  (void)bytes;
  const __m512bh x = (__m512bh)_mm512_loadu_si512(data), y = (__m512bh)_mm512_loadu_si512(data + 64);
#define DECLARE(i) __m512 s##i = _mm512_loadu_ps(data + 64 * i);
#define STEP(i) s##i = _mm512_dpbf16_ps(s##i, x, y);
#define STORE(i) _mm512_storeu_ps(sink, _mm512_add_ps(_mm512_loadu_ps(sink), s##i));
  EACH(DECLARE)
  for (int64_t t = times; t > 0; t--) { EACH(STEP) }
  EACH(STORE)
}

// Four vectors of the first-level cache against two of registers.
__attribute__((target("avx512f,avx512vpopcntdq"))) void engine_limit_popcount(const uint8_t *data, int64_t bytes, int64_t times, uint8_t *sink) {
  const __m512i x = _mm512_loadu_si512(data), y = _mm512_loadu_si512(data + 64);
  __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  int64_t at = 0;
  for (int64_t t = times; t > 0; t--) {
    const __m512i a = _mm512_loadu_si512(data + at), b = _mm512_loadu_si512(data + at + 64), c = _mm512_loadu_si512(data + at + 128), d = _mm512_loadu_si512(data + at + 192);
    at = at + 256 < bytes ? at + 256 : 0;
    s0 = _mm512_add_epi64(s0, _mm512_popcnt_epi64(_mm512_xor_si512(a, x)));
    s1 = _mm512_add_epi64(s1, _mm512_popcnt_epi64(_mm512_xor_si512(b, x)));
    s2 = _mm512_add_epi64(s2, _mm512_popcnt_epi64(_mm512_xor_si512(c, x)));
    s3 = _mm512_add_epi64(s3, _mm512_popcnt_epi64(_mm512_xor_si512(d, x)));
    s4 = _mm512_add_epi64(s4, _mm512_popcnt_epi64(_mm512_xor_si512(a, y)));
    s5 = _mm512_add_epi64(s5, _mm512_popcnt_epi64(_mm512_xor_si512(b, y)));
    s6 = _mm512_add_epi64(s6, _mm512_popcnt_epi64(_mm512_xor_si512(c, y)));
    s7 = _mm512_add_epi64(s7, _mm512_popcnt_epi64(_mm512_xor_si512(d, y)));
  }
  s0 = _mm512_add_epi64(_mm512_add_epi64(_mm512_add_epi64(s0, s1), _mm512_add_epi64(s2, s3)), _mm512_add_epi64(_mm512_add_epi64(s4, s5), _mm512_add_epi64(s6, s7)));
  _mm512_storeu_si512(sink, s0);
}

#elif defined(__aarch64__)
#include <arm_neon.h>

__attribute__((target("arch=armv8.2-a+i8mm"))) void engine_limit_dot8(const uint8_t *data, int64_t bytes, int64_t times, uint8_t *sink) {
  (void)bytes;
  const uint8x16_t x = vld1q_u8(data);
  const int8x16_t y = vld1q_s8((const int8_t *)data + 16);
#define DECLARE(i) int32x4_t s##i = vld1q_s32((const int32_t *)data + 4 * i);
#define STEP(i) s##i = vusmmlaq_s32(s##i, x, y);
#define STORE(i) vst1q_s32((int32_t *)sink, vaddq_s32(vld1q_s32((const int32_t *)sink), s##i));
  EACH(DECLARE)
  for (int64_t t = times; t > 0; t--) { EACH(STEP) }
  EACH(STORE)
#undef DECLARE
#undef STEP
#undef STORE
}

__attribute__((target("arch=armv8.2-a+bf16"))) void engine_limit_bf16(const uint8_t *data, int64_t bytes, int64_t times, uint8_t *sink) {
  (void)bytes;
  const bfloat16x8_t x = vreinterpretq_bf16_u8(vld1q_u8(data)), y = vreinterpretq_bf16_u8(vld1q_u8(data + 16));
#define DECLARE(i) float32x4_t s##i = vld1q_f32((const float *)data + 4 * i);
#define STEP(i) s##i = vbfmmlaq_f32(s##i, x, y);
#define STORE(i) vst1q_f32((float *)sink, vaddq_f32(vld1q_f32((const float *)sink), s##i));
  EACH(DECLARE)
  for (int64_t t = times; t > 0; t--) { EACH(STEP) }
  EACH(STORE)
}
#endif
