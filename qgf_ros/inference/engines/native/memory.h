// Aligned memory in huge pages where the system gives them: weights are read from end to end at every step.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace qgf {

class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { std::free(data_); }

  // Zeroed bytes; what was there before is lost.
  void allocate(size_t bytes) {
    constexpr size_t huge = size_t{2} << 20;
    const size_t alignment = bytes >= huge ? huge : 64;
    const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    std::free(data_);
    data_ = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
    if (data_ == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    if (bytes >= huge) madvise(data_, rounded, MADV_HUGEPAGE);
#endif
    std::memset(data_, 0, rounded);
    size_ = rounded;
  }

  template <class T>
  T* at(size_t byte) const {
    return reinterpret_cast<T*>(static_cast<char*>(data_) + byte);
  }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace qgf
