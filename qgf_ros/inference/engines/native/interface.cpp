// What cpu.py calls. Plain C, so that no Python headers are needed to build it and any Python can load it.
#include <cstring>
#include <new>

#include "sampler.h"

namespace {

const qgf::Kernels* best_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
    return qgf::kernels_avx512();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return qgf::kernels_avx2();
#endif
  return qgf::kernels_portable();
}

// The named level if this machine has it, the best one for "", else null. A better machine has the lesser levels too.
const qgf::Kernels* find_level(const char* name) {
  const qgf::Kernels* best = best_level();
  if (*name == '\0') return best;
  bool reached = false;
  for (const qgf::Kernels* level : {qgf::kernels_avx512(), qgf::kernels_avx2(), qgf::kernels_portable()}) {
    reached = reached || level == best;
    if (reached && level != nullptr && std::strcmp(level->name, name) == 0) return level;
  }
  return nullptr;
}

}  // namespace

extern "C" {

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

// Grows when one of the structures or signatures changes: an old library beside a new cpu.py is then refused.
int qgf_version() { return 1; }

const char* qgf_level(const char* name) {
  const qgf::Kernels* level = find_level(name);
  return level == nullptr ? "" : level->name;
}

// Null when memory or threads are missing. `shape`: observation, flags, vector, depth, members, bf16, minimum, then
// the widths.
void* qgf_create(const int32_t* shape, const float* const* arrays, int threads, const char* level) {
  const qgf::Kernels* kernels = find_level(level);
  if (kernels == nullptr) return nullptr;
  try {
    return new qgf::Sampler({shape[0], shape[1], shape[2], shape[3], shape[4], shape[5] != 0, shape[6] != 0, shape + 7},
                            arrays, threads, *kernels);
  } catch (...) {
    return nullptr;
  }
}

void qgf_destroy(void* sampler) { delete static_cast<qgf::Sampler*>(sampler); }

// Bytes that are held for weights and buffers.
size_t qgf_bytes(const void* sampler) { return static_cast<const qgf::Sampler*>(sampler)->bytes(); }

// 0, or 1 when memory is missing.
int qgf_run(void* sampler, const qgf::Request* request, int first, int last, qgf::Answer* answer) {
  try {
    static_cast<qgf::Sampler*>(sampler)->run(*request, first, last, answer);
    return 0;
  } catch (...) {
    return 1;
  }
}

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
}
