#include "device.cuh"

GLOBAL void axpy(const float *x, const float *y, float *z, float a, int n) {
  int i = block() * blockSize() + tid();
  if (i < n) z[i] = __builtin_fmaf(a, x[i], y[i]);
}

// The sum of n floats of every block's row, by shared memory and shuffles.
GLOBAL __attribute__((launch_bounds(256))) void rowSum(const float *x, float *sums, int n) {
  SHARED static float partial[8];
  const float *row = x + (u64)block() * n;
  float sum = 0;
  for (int i = tid(); i < n; i += blockSize()) sum += row[i];
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes >>= 1) sum += shuffleXor(sum, lanes);
  if (tid() % 32 == 0) partial[tid() / 32] = sum;
  __syncthreads();
  if (tid() < 32) {
    float v = tid() < blockSize() / 32 ? partial[tid()] : 0;
#pragma unroll
    for (int lanes = 4; lanes > 0; lanes >>= 1) v += shuffleXor(v, lanes);
    if (tid() == 0) sums[block()] = v;
  }
}

// Every thread goes round a loop another number of times.
GLOBAL void collatz(const u32 *x, u32 *steps, int n) {
  int i = block() * blockSize() + tid();
  if (i >= n) return;
  u32 v = x[i], count = 0;
  while (v != 1) {
    v = v % 2 ? 3 * v + 1 : v / 2;
    count++;
  }
  steps[i] = count;
}

// A matrix's transpose by tiles in dynamic shared memory, fetched asynchronously.
extern SHARED float tile[];
GLOBAL void transpose(const float *x, float *y, int rows, int columns) {
  u32 column = block() * 32, row = __nvvm_read_ptx_sreg_ctaid_y() * 32;
  u32 tx = tid(), ty = __nvvm_read_ptx_sreg_tid_y();
  if (tx < 8) copyAsync16(sharedAddress(&tile[ty * 36 + tx * 4]), &x[(row + ty) * columns + column + tx * 4]);
  copyCommit();
  copyWait<0>();
  __syncthreads();
  y[(column + ty) * rows + row + tx] = tile[tx * 36 + ty];
}

// The last block to come adds up what all left behind.
__attribute__((device)) u32 arrived;
GLOBAL void lastBlock(const float *x, float *partial, float *sum, int n) {
  SHARED static bool last;
  if (tid() == 0) {
    float s = 0;
    for (int i = block(); i < n; i += gridSize()) s += x[i];
    partial[block()] = s;
    __nvvm_membar_gl();
    last = __nvvm_atom_inc_gen_ui(&arrived, gridSize() - 1) == gridSize() - 1;
    __nvvm_membar_gl();
  }
  __syncthreads();
  if (last && tid() == 0) {
    float s = 0;
    for (u32 i = 0; i < gridSize(); i++) s += partial[i];
    *sum = s;
  }
}
