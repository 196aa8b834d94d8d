// Threads that run the same function side by side and meet at barriers.
#pragma once
#include <atomic>
#include <climits>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace qgf {

// A counter that threads wait on. Waiting spins for some microseconds, because the layers of a network are that short, and
// then sleeps: where another process has the other core, spinning on would take from it the time it needs to come.
class Gate {
 public:
  uint32_t now() const { return value_.load(std::memory_order_acquire); }

  void open() {
    value_.fetch_add(1);
    if (sleepers_.load() > 0) wake();
  }

  void wait_past(uint32_t seen) {
    for (int spin = 0; spin < kSpins; spin++) {
      if (now() != seen) return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#elif defined(__aarch64__)
      asm volatile("yield");
#endif
    }
    sleepers_.fetch_add(1);
    while (now() == seen) sleep(seen);
    sleepers_.fetch_sub(1);
  }

 private:
  static constexpr int kSpins = 1000;  // tens of microseconds
  std::atomic<uint32_t> value_{0};
  std::atomic<int> sleepers_{0};

#if defined(__linux__)
  void wake() { syscall(SYS_futex, &value_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0); }
  void sleep(uint32_t seen) { syscall(SYS_futex, &value_, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0); }
#else
  void wake() {}
  void sleep(uint32_t) { std::this_thread::yield(); }
#endif
};

class Team {
 public:
  using Work = void (*)(void* context, int thread);

  explicit Team(int size) : size_(size) {
    for (int thread = 1; thread < size; thread++) threads_.emplace_back([this, thread] { serve(thread); });
  }

  ~Team() {
    work_ = nullptr;
    start_.open();
    for (std::thread& thread : threads_) thread.join();
  }

  int size() const { return size_; }

  // Runs work(context, t) for t = 0 .. size - 1; the caller is thread 0. Returns when all have come to the end.
  void run(Work work, void* context) {
    work_ = work;
    context_ = context;
    if (size_ > 1) start_.open();
    work(context, 0);
    barrier();
  }

  // Nobody leaves before all have come.
  void barrier() {
    if (size_ == 1) return;
    const uint32_t seen = met_.now();
    if (arrived_.fetch_add(1) + 1 == size_) {
      arrived_.store(0);
      met_.open();
    } else {
      met_.wait_past(seen);
    }
  }

 private:
  void serve(int thread) {
    for (uint32_t seen = 0;; seen++) {
      start_.wait_past(seen);
      if (work_ == nullptr) return;
      work_(context_, thread);
      barrier();
    }
  }

  const int size_;
  Work work_ = nullptr;
  void* context_ = nullptr;
  alignas(64) Gate start_;
  alignas(64) Gate met_;
  alignas(64) std::atomic<int> arrived_{0};
  std::vector<std::thread> threads_;
};

}  // namespace qgf
