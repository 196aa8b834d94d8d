// 8 floats a vector: x86 processors since 2013.
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cmath>

// Only what follows may use these instructions; headers came before, so that no function they share is built with them.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define QGF_LANES 8
#define QGF_LEVEL "avx2"
#include "kernels.inc"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const qgf::Kernels* qgf::kernels_avx2() { return &kKernels; }
#else
const qgf::Kernels* qgf::kernels_avx2() { return nullptr; }
#endif
