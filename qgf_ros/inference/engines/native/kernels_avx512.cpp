// 16 floats a vector: Xeon since 2017, Ryzen since Zen 4.
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cmath>

// Only what follows may use these instructions; headers came before, so that no function they share is built with them.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif
#define QGF_LANES 16
#define QGF_LEVEL "avx512"
#include "kernels.inc"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const qgf::Kernels* qgf::kernels_avx512() { return &kKernels; }
#else
const qgf::Kernels* qgf::kernels_avx512() { return nullptr; }
#endif
