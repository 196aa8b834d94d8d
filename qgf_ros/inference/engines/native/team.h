// Threads that run the same function side by side and meet at barriers.
#pragma once
#include <atomic>
#include <chrono>
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

// How long thread 0 may wait for the others before that counts as a stall: they have lost their core to somebody else.
// The work since the last barrier allows for shares of unequal size.
constexpr double kStall = 300e-6, kStallPerWork = 2.0;  // seconds; share of the work

class Team {
 public:
  using Work = void (*)(void* context, int thread);

  explicit Team(int size) : size_(size) {
    try {
      for (int thread = 1; thread < size; thread++) threads_.emplace_back([this, thread] { serve(thread); });
    } catch (...) {  // the system has no more threads: those that run already must end first
      dismiss();
      throw;
    }
  }

  ~Team() { dismiss(); }

  int size() const { return size_; }
  bool stalled() const { return stalled_; }

  // Runs work(context, t) for t = 0 .. size - 1, or only for t = 0; the caller is thread 0. Returns when all are done.
  void run(Work work, void* context, bool together) {
    work_ = work;
    context_ = context;
    together_ = together && size_ > 1;
    stalled_ = false;
    if (!together_) return work(context, 0);
    start_.open();
    left_ = Clock::now();
    work(context, 0);
    barrier(0);
  }

  // Nobody leaves before all have come.
  void barrier(int thread) {
    if (!together_) return;
    const Clock::time_point came = thread == 0 ? Clock::now() : Clock::time_point();
    const uint32_t seen = met_.now();
    if (arrived_.fetch_add(1) + 1 == size_) {
      arrived_.store(0);
      met_.open();
    } else {
      met_.wait_past(seen);
    }
    if (thread > 0) return;
    const Clock::time_point leaves = Clock::now();
    const double waited = seconds(leaves - came), worked = seconds(came - left_);
    stalled_ = stalled_ || waited > kStall + kStallPerWork * worked;
    left_ = leaves;
  }

 private:
  void dismiss() {
    work_ = nullptr;
    start_.open();
    for (std::thread& thread : threads_) thread.join();
  }

  using Clock = std::chrono::steady_clock;
  static double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

  void serve(int thread) {
    for (uint32_t seen = 0;; seen++) {
      start_.wait_past(seen);
      if (work_ == nullptr) return;
      work_(context_, thread);
      barrier(thread);
    }
  }

  const int size_;
  Work work_ = nullptr;
  void* context_ = nullptr;
  bool together_ = false, stalled_ = false;
  Clock::time_point left_;  // when thread 0 left the last barrier
  alignas(64) Gate start_;
  alignas(64) Gate met_;
  alignas(64) std::atomic<int> arrived_{0};
  std::vector<std::thread> threads_;
};

}  // namespace qgf
