// Memory of the sampler: allocated when a call is larger than any before, never during a walk.
#include "sampler.h"

#include <algorithm>

namespace qgf {

// Hands out pieces of one block of memory. Run twice: first to count, then for good.
class Carver {
 public:
  explicit Carver(char* base) : base_(base) {}
  size_t used() const { return used_; }
  template <class T>
  void operator()(T*& pointer, size_t count) {
    pointer = base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + used_);
    used_ += (count * sizeof(T) + 63) / 64 * 64;
  }

 private:
  char* base_;
  size_t used_ = 0;
};

Sampler::Sampler(const Shape& shape, const float* const* arrays, int threads, const Kernels& kernels)
    : vector_(shape.vector), depth_(shape.depth), members_(shape.members),
      minimum_(shape.minimum), kernels_(kernels), team_(threads) {
  Builder(shape, arrays, threads).build(weights_, policy_, critics_);
  stride_ = padded(vector_);
  shares_ = policy_.head.shares();
  for (const Layer& layer : policy_.layers) {
    stride_ = std::max(stride_, layer.columns);
    shares_ = std::max(shares_, layer.weights.shares());
  }
  for (const Network& critic : critics_)
    for (const Layer& layer : critic.layers)
      for (const Panel& panel : layer.weights.panels)
        critic_bytes_ += (size_t)panel.rows * panel.columns * (panel.bf16 ? 2 : 4);
  replicas_.resize(threads);
  unpacked_.resize(threads);
}

void Sampler::lay_out(Carver& carve) {
  const size_t n = capacity_, d = (size_t)n * padded(vector_), tapes = members_ + 1;
  carve(y_, 2 * members_ * plane());
  carve(parts_, 2 * members_ * shares_ * plane());
  carve(table_, (size_t)step_capacity_ * stride_);
  carve(base_, (size_t)step_capacity_ * stride_);
  carve(critic_base_, (size_t)members_ * stride_);
  carve(embedding_, (size_t)step_capacity_ * 16);
  carve(zeros_, stride_);
  carve(observed_, stride_);
  carve(everyone_, n);
  for (float*& unpacked : unpacked_) carve(unpacked, kUnpacked);
  for (Replica& r : replicas_) {
    carve(r.state, d), carve(r.velocity, d), carve(r.estimate, d), carve(r.point, d), carve(r.guidance, d);
    carve(r.h, members_ * plane()), carve(r.g, members_ * plane());
    carve(r.normal, tapes * depth_ * plane()), carve(r.slope, tapes * depth_ * plane());
    carve(r.deviation, tapes * depth_ * n);
    carve(r.q, members_ * n), carve(r.share, members_ * n), carve(r.q_first, n), carve(r.score, n);
    carve(r.norms, n), carve(r.rows, members_ * n), carve(r.place, members_ * n);
    carve(r.counts, members_);
  }
}

// Makes room, where a call has more candidates or steps than any before it, and sees whether the times are known.
void Sampler::prepare(const Request& request) {
  request_ = request;
  if (request.candidates > capacity_ || request.steps > step_capacity_) {
    capacity_ = std::max(capacity_, (int)request.candidates);
    step_capacity_ = std::max(step_capacity_, (int)request.steps);
    Carver count(nullptr);
    lay_out(count);
    try {
      buffers_.allocate(count.used());
    } catch (const std::bad_alloc&) {
      capacity_ = step_capacity_ = 0;  // so that the next call makes room anew
      throw;
    }
    Carver carve(buffers_.at<char>(0));
    lay_out(carve);
    for (int row = 0; row < capacity_; row++) everyone_[row] = row;
    table_times_.clear();
  }
  table_is_old_ = (int)table_times_.size() != request.steps ||
                  !std::equal(table_times_.begin(), table_times_.end(), request.times);
  if (table_is_old_) {
    table_times_.assign(request.times, request.times + request.steps);
    std::copy(request.embedding, request.embedding + 16 * request.steps, embedding_);
  }
}

}  // namespace qgf
