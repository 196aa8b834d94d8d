// What one machine level (AVX-512, AVX2, portable) offers to the sampler, and how a weight matrix lies in memory.
#pragma once
#include <cstddef>
#include <cstdint>

namespace qgf {

// A matrix (in, out) is cut into panels of up to 128 columns; a panel holds its rows one after the other, so that
// x W runs through memory in one direction and g W^T, which takes dot products with the same rows, does too: one copy
// of each weight serves both. 128 floats are eight AVX-512 registers: as many sums as hide the latency of an FMA.
constexpr int kPanel = 128;
// Columns are padded with zeros to multiples of 32: sixteen 32-bit words, each with two bfloat16 (lane j and j + 16).
constexpr int kPad = 32;

inline int padded(int width) { return (width + kPad - 1) / kPad * kPad; }

struct Panel {
  const void* weights;  // (rows, columns) float or bfloat16, columns in the order of `column_place`
  int rows, columns;
  bool bf16;
};

// Place of column c of a panel in a row of bfloat16: word w of a group holds columns w (low half) and w + 16 (high).
inline int bf16_place(int c) { return c / kPad * kPad + (c % 16) * 2 + (c % kPad) / 16; }

// All row strides are multiples of kPad floats and all buffers are aligned to 64 bytes. `columns` is always padded.
struct Kernels {
  const char* name;
  // y[n] = init[n] + x[n] W for n < count. init's stride may be 0: one row for all.
  void (*forward)(const Panel& w, const float* x, int x_stride, int count, const float* init, int init_stride,
                  float* y, int y_stride);
  // gx[n] (+)= g[n] W^T for n < count; `add` false overwrites.
  void (*backward)(const Panel& w, const float* g, int g_stride, int count, float* gx, int gx_stride, bool add,
                   float* unpacked);
  // h = gelu(scale * normal(y) + bias); normal and slope (scale * gelu') may be null: then nothing is kept.
  // Returns 1 / standard deviation. `width` is the true width.
  float (*norm_gelu)(const float* y, int width, const float* scale, const float* bias, float* h, float* normal,
                     float* slope);
  // h = gelu(y); slope may be null.
  void (*gelu)(const float* y, int columns, float* h, float* slope);
  // out = d norm_gelu, applied to the sum of `parts` vectors at g, `stride` apart. normal null: d gelu.
  void (*backward_gelu)(const float* g, int parts, int stride, int width, const float* normal, const float* slope,
                        float deviation_inverse, float* out);
  float (*dot)(const float* a, const float* b, int columns);
};

// Rows of a panel that are unpacked or reused at a time; kUnpacked floats (32 KB) stay in the first-level cache.
constexpr int kRowsAtOnce = 64;
constexpr int kUnpacked = kRowsAtOnce * kPanel;

const Kernels* kernels_avx512();    // null where this build has none
const Kernels* kernels_avx2();
const Kernels* kernels_portable();

}  // namespace qgf
