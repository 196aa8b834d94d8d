// LayerNorm and tanh-GELU of one hidden layer in one pass, forward and backward, for training on a CPU (../hidden.py).
// Plain loops that a compiler vectorises; on x86-64 the widest instructions that the machine has are chosen when it is loaded.
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define WIDEST __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif
#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

constexpr float kA = 1.5957691216057308f;           // 2 sqrt(2 / pi): tanh-GELU(n) = n / (1 + exp(-n (A + B n^2)))
constexpr float kB = 0.044715f * 1.5957691216057308f;

// exp(x) to about two roundings for |x| <= 87; x is kept in that range. Cephes' reduction and polynomial degree.
__attribute__((always_inline)) inline float exp_of(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 87.0f ? 87.0f : x;
  const float scaled = x * 1.4426950408889634f;
  const int32_t power = static_cast<int32_t>(scaled + (scaled < 0.0f ? -0.5f : 0.5f));
  const float whole = static_cast<float>(power);
  const float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const int32_t bits = (power + 127) << 23;
  float two;
  std::memcpy(&two, &bits, sizeof two);
  return p * two;
}

__attribute__((always_inline)) inline float gate_of(float n) {
  return 1.0f / (1.0f + exp_of(-n * (kA + kB * n * n)));
}

__attribute__((always_inline)) inline float slope_of(float n) {
  const float gate = gate_of(n);
  return gate + n * gate * (1.0f - gate) * (kA + 3.0f * kB * n * n);
}

}  // namespace

// sums, output (rows, width); scale, shift (width), null where there is no Norm; mean, reciprocal deviation (rows).
EXPORTED WIDEST void qgf_hidden_forward(const float* __restrict sums, const float* __restrict scale,
                                        const float* __restrict shift, float* __restrict output,
                                        float* __restrict mean, float* __restrict inverse, int rows, int width,
                                        float eps) {
  for (int row = 0; row < rows; ++row) {
    const float* x = sums + int64_t(row) * width;
    float* y = output + int64_t(row) * width;
    if (scale == nullptr) {
      for (int i = 0; i < width; ++i) y[i] = x[i] * gate_of(x[i]);
      continue;
    }
    float total = 0.0f, squares = 0.0f;
    for (int i = 0; i < width; ++i) total += x[i];
    const float centre = total / width;
    for (int i = 0; i < width; ++i) squares += (x[i] - centre) * (x[i] - centre);
    const float reciprocal = 1.0f / std::sqrt(squares / width + eps);
    mean[row] = centre;
    inverse[row] = reciprocal;
    for (int i = 0; i < width; ++i) {
      const float n = (x[i] - centre) * reciprocal * scale[i] + shift[i];
      y[i] = n * gate_of(n);
    }
  }
}

// d_output, d_sums (rows, width); d_scale, d_shift (width) sums over rows; d_bias (width) the sum of d_sums over rows.
EXPORTED WIDEST void qgf_hidden_backward(const float* __restrict sums, const float* __restrict scale,
                                         const float* __restrict shift, const float* __restrict mean,
                                         const float* __restrict inverse, const float* __restrict d_output,
                                         float* __restrict d_sums, float* __restrict d_scale,
                                         float* __restrict d_shift, float* __restrict d_bias, int rows, int width) {
  for (int i = 0; i < width; ++i) d_bias[i] = 0.0f;
  if (scale != nullptr)
    for (int i = 0; i < width; ++i) d_scale[i] = d_shift[i] = 0.0f;
  for (int row = 0; row < rows; ++row) {
    const float* x = sums + int64_t(row) * width;
    const float* dy = d_output + int64_t(row) * width;
    float* dx = d_sums + int64_t(row) * width;
    if (scale == nullptr) {
      for (int i = 0; i < width; ++i) {
        dx[i] = dy[i] * slope_of(x[i]);
        d_bias[i] += dx[i];
      }
      continue;
    }
    const float centre = mean[row], reciprocal = inverse[row];
    float along_one = 0.0f, along_normal = 0.0f;
    for (int i = 0; i < width; ++i) {
      const float normal = (x[i] - centre) * reciprocal;
      const float dn = dy[i] * slope_of(normal * scale[i] + shift[i]);
      d_scale[i] += dn * normal;
      d_shift[i] += dn;
      const float scaled = dn * scale[i];
      along_one += scaled;
      along_normal += scaled * normal;
      dx[i] = scaled;
    }
    along_one /= width;
    along_normal /= width;
    for (int i = 0; i < width; ++i) {
      dx[i] = reciprocal * (dx[i] - along_one - (x[i] - centre) * reciprocal * along_normal);
      d_bias[i] += dx[i];
    }
  }
}
