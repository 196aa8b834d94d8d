// 4 floats a vector: SSE2 on any x86-64, NEON on any aarch64, or whatever the compiler makes of it.
#include "kernels.h"

#include <cmath>

#define QGF_LANES 4
#define QGF_LEVEL "portable"
#include "kernels.inc"

const qgf::Kernels* qgf::kernels_portable() { return &kKernels; }
