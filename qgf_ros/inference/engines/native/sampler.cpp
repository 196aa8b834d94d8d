#include "sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

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
    r.predicted = 0;
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
    buffers_.allocate(count.used());
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

void Sampler::run(const Request& request, int first, int last, Answer* answer) {
  if (first == 0) {
    prepare(request);
    together_ = alone_for_ == 0;
    alone_for_ -= alone_for_ > 0;
    all([](void* self, int thread) { static_cast<Sampler*>(self)->begin(thread); });
  }
  for (step_ = first; step_ < last; step_++)
    all([](void* self, int thread) { static_cast<Sampler*>(self)->step(thread); });
  if (answer == nullptr) return;
  answer_ = answer;
  all([](void* self, int thread) { static_cast<Sampler*>(self)->finish(thread); });
  if (together_) patience_ = kPatience;
}

// All threads, unless one has had to wait for its core: then the caller goes on alone, to the end of this walk and for some
// walks more, for longer each time that it happens again. What is computed does not depend on who computes it.
void Sampler::all(Team::Work work) {
  team_.run(work, this, together_);
  if (!team_.stalled()) return;
  together_ = false;
  alone_for_ = patience_;
  patience_ = std::min(2 * patience_, kMostPatience);
}

Sampler::Lane Sampler::lane(int thread) {
  return {thread, &replicas_[n() > 1 ? 0 : thread], shared() ? share_begin(n(), thread, threads()) : 0,
          shared() ? share_begin(n(), thread + 1, threads()) : n(), 0, unpacked_[thread]};
}

// y = init + x m, each thread its panels.
void Sampler::multiply(Lane& lane, const Matrix& m, const float* x, int stride, int count, const float* init,
                       int init_stride, float* y, int y_stride) {
  const int first = m.first_panel(share_begin(m.shares(), lane.thread, threads()));
  const int last = m.first_panel(share_begin(m.shares(), lane.thread + 1, threads()));
  for (int p = first; p < last; p++)
    kernels_.forward(m.panels[p], x, stride, count, init + p * kPanel, init_stride, y + p * kPanel, y_stride);
}

// parts[share] = the share's part of g m^T, each thread its shares.
void Sampler::multiply_back(Lane& lane, const Matrix& m, const float* g, int g_stride, int count, float* parts) {
  const int first = share_begin(m.shares(), lane.thread, threads());
  const int last = share_begin(m.shares(), lane.thread + 1, threads());
  for (int share = first; share < last; share++)
    for (int p = m.first_panel(share); p < m.first_panel(share + 1); p++)
      kernels_.backward(m.panels[p], g + p * kPanel, g_stride, count, parts + share * plane(), stride_,
                        p > m.first_panel(share), lane.unpacked);
}

// The shares of the first layers that are the same for the whole chunk, and those of each time. A thread reads only columns
// that it has written itself: nobody waits.
void Sampler::begin(int thread) {
  Lane lane = this->lane(thread);
  const Layer& first = policy_.layers[0];
  const Matrix& m = first.weights;
  if (table_is_old_)
    multiply(lane, policy_.of_time, embedding_, 16, request_.steps, first.bias, 0, table_, stride_);
  multiply(lane, policy_.of_observation, request_.observation, 0, 1, zeros_, 0, observed_, stride_);
  const int from = m.first_panel(share_begin(m.shares(), lane.thread, threads())) * kPanel;
  const int to = std::min(m.columns, m.first_panel(share_begin(m.shares(), lane.thread + 1, threads())) * kPanel);
  for (int k = 0; k < request_.steps; k++)
    for (int c = from; c < to; c++) base_[k * stride_ + c] = table_[k * stride_ + c] + observed_[c];
  for (int e = 0; e < members_; e++)
    multiply(lane, critics_[e].of_observation, request_.observation, 0, 1, critics_[e].layers[0].bias, 0,
             critic_base_ + (size_t)e * stride_, stride_);
  Replica& r = *lane.r;
  const int d = padded(vector_);
  for (int n = lane.first_row; n < lane.last_row; n++) {
    std::copy(request_.noise + n * vector_, request_.noise + (n + 1) * vector_, r.state + n * d);
    r.norms[n] = 0.0;
    r.q_first[n] = std::numeric_limits<float>::quiet_NaN();
  }
}

void Sampler::forward(Lane& lane, const Pass* passes, int count, bool keep) {
  Replica& r = *lane.r;
  for (int l = 0; l < depth_; l++) {
    lane.phase++;
    for (int i = 0; i < count; i++) {
      const Pass& pass = passes[i];
      const Layer& layer = pass.net->layers[l];
      const float* x = l == 0 ? pass.input : r.h + pass.slot * plane();
      multiply(lane, layer.weights, x, l == 0 ? padded(vector_) : stride_, n(), l == 0 ? pass.init : layer.bias, 0,
               y(lane, pass.slot), stride_);
    }
    team_.barrier(lane.thread);
    for (int i = 0; i < count; i++) {
      const Pass& pass = passes[i];
      const Layer& layer = pass.net->layers[l];
      for (int row = lane.first_row; row < lane.last_row; row++) {
        const float* sums = y(lane, pass.slot) + row * stride_;
        float* h = r.h + pass.slot * plane() + row * stride_;
        float* slope = keep ? r.slope + tape(pass.tape, l) + row * stride_ : nullptr;
        if (layer.scale == nullptr) {
          kernels_.gelu(sums, layer.columns, h, slope);
          continue;
        }
        float* normal = keep ? r.normal + tape(pass.tape, l) + row * stride_ : nullptr;
        r.deviation[tape_row(pass.tape, l) + row] =
            kernels_.norm_gelu(sums, layer.width, layer.scale, layer.offset, h, normal, slope);
      }
    }
    rows_barrier(lane);
  }
}

// The gradient at the action from that at the head: parts of it, in `parts` of the last phase. `from_parts`: parts hold the
// gradient at the last hidden layer's output already; else it is the critic's head itself.
void Sampler::backward(Lane& lane, const Job* jobs, int count, bool from_parts) {
  Replica& r = *lane.r;
  for (int l = depth_ - 1; l >= 0; l--) {
    for (int i = 0; i < count; i++) {
      const Job& job = jobs[i];
      const Layer& layer = job.net->layers[l];
      const Matrix* above = l < depth_ - 1 ? &job.net->layers[l + 1].weights : from_parts ? &job.net->head : nullptr;
      const int from = shared() ? share_begin(job.count, lane.thread, threads()) : 0;
      const int to = shared() ? share_begin(job.count, lane.thread + 1, threads()) : job.count;
      for (int j = from; j < to; j++) {
        const int row = job.rows[j];
        const float* upper = above == nullptr ? job.net->head_row : parts(lane, job.slot) + j * stride_;
        const size_t at = tape(job.tape, l) + (size_t)row * stride_;
        kernels_.backward_gelu(upper, above == nullptr ? 1 : above->shares(), plane(), layer.width,
                               layer.scale == nullptr ? nullptr : r.normal + at, r.slope + at,
                               r.deviation[tape_row(job.tape, l) + row], r.g + job.slot * plane() + j * stride_);
      }
    }
    rows_barrier(lane);
    lane.phase++;
    for (int i = 0; i < count; i++)
      multiply_back(lane, jobs[i].net->layers[l].weights, r.g + jobs[i].slot * plane(), stride_, jobs[i].count,
                    parts(lane, jobs[i].slot));
    team_.barrier(lane.thread);
  }
}

// Q of every member at `point` (N, D).
void Sampler::critics(Lane& lane, const float* point, bool keep) {
  Replica& r = *lane.r;
  // Alone, a thread goes through one member after the other, and last through the one that it probably has to come back
  // through: its weights are then still in the second-level cache. Several threads share all members, to wait less often.
  const int at_once = threads() == 1 ? 1 : members_;
  Pass passes[kMostMembers];
  for (int i = 0; i < members_; i++) {
    const int e = (r.predicted + 1 + i) % members_;
    passes[i] = {&critics_[e], point, critic_base_ + (size_t)e * stride_, e, e};
  }
  for (int i = 0; i < members_; i += at_once) forward(lane, passes + i, at_once, keep);
  for (int e = 0; e < members_; e++)
    for (int row = lane.first_row; row < lane.last_row; row++)
      r.q[e * capacity_ + row] = critics_[e].head_offset + kernels_.dot(r.h + e * plane() + row * stride_,
                                                                        critics_[e].head_row,
                                                                        critics_[e].layers[depth_ - 1].columns);
}

float Sampler::aggregate(const Replica& r, int n) const {
  float result = r.q[n];
  for (int e = 1; e < members_; e++) {
    const float q = r.q[e * capacity_ + n];
    result = minimum_ ? (q < result ? q : result) : result + q;
  }
  return minimum_ ? result : result / (float)members_;
}

// Which members' gradients each candidate needs, and how much of each: all alike for a mean, the smallest for a minimum;
// equal smallest ones share, as autograd has it.
void Sampler::choose_members(Lane& lane) {
  Replica& r = *lane.r;
  rows_barrier(lane);  // all Q are there
  if (!shared() || lane.thread == 0) {
    std::fill(r.counts, r.counts + members_, 0);
    for (int row = 0; row < n(); row++) {
      const float least = aggregate(r, row);
      int equal = 0;
      for (int e = 0; e < members_; e++) equal += !minimum_ || r.q[e * capacity_ + row] == least;
      for (int e = 0; e < members_; e++) {
        const int at = e * capacity_ + row;
        const bool chosen = !minimum_ || r.q[at] == least;
        r.share[at] = chosen ? 1.0f / (float)equal : 0.0f;
        r.place[at] = chosen ? r.counts[e] : -1;
        if (chosen) r.rows[e * capacity_ + r.counts[e]++] = row;
        if (chosen && threads() == 1) r.predicted = e;
      }
    }
  }
  rows_barrier(lane);
}

// guidance = gradient of the aggregated Q where `critics` was asked last; nothing at committed entries.
void Sampler::critic_gradient(Lane& lane) {
  Replica& r = *lane.r;
  Job jobs[kMostMembers];
  int count = 0;
  for (int e = 0; e < members_; e++)
    if (r.counts[e] > 0) jobs[count++] = {&critics_[e], e, e, r.counts[e], r.rows + e * capacity_};
  const int at_once = threads() == 1 ? 1 : count;
  for (int row = lane.first_row; row < lane.last_row; row++)
    std::fill_n(r.guidance + row * padded(vector_), padded(vector_), 0.0f);
  for (int i = 0; i < count; i += at_once) {
    backward(lane, jobs + i, at_once, false);
    for (int job = i; job < i + at_once; job++) {
      const int e = jobs[job].tape;
      const int shares = critics_[e].layers[0].weights.shares();
      for (int row = lane.first_row; row < lane.last_row; row++) {
        const int at = e * capacity_ + row;
        if (r.place[at] < 0) continue;
        float* g = r.guidance + row * padded(vector_);
        for (int share = 0; share < shares; share++) {
          const float* part = parts(lane, e) + share * plane() + r.place[at] * stride_;
          for (int c = request_.entries; c < vector_; c++) g[c] += r.share[at] * part[c];
        }
      }
    }
  }
}

// guidance = J^T guidance, J = d clip(a + (1 - t) v(a)) / d a, `rest` = 1 - t; the policy's tape is from this step.
void Sampler::policy_gradient(Lane& lane, float rest) {
  Replica& r = *lane.r;
  const int d = padded(vector_);
  for (int row = lane.first_row; row < lane.last_row; row++)
    for (int c = 0; c < vector_; c++)
      if (std::fabs(r.estimate[row * d + c]) > 1.0f) r.guidance[row * d + c] = 0.0f;
  rows_barrier(lane);
  lane.phase++;
  multiply_back(lane, policy_.head, r.guidance, d, n(), parts(lane, 0));
  team_.barrier(lane.thread);
  const Job job{&policy_, 0, members_, n(), everyone_};
  backward(lane, &job, 1, true);
  for (int row = lane.first_row; row < lane.last_row; row++)
    for (int share = 0; share < policy_.layers[0].weights.shares(); share++) {
      const float* part = parts(lane, 0) + share * plane() + row * stride_;
      for (int c = 0; c < vector_; c++) r.guidance[row * d + c] += rest * part[c];
    }
}

// Committed entries of a_t: on the line from noise to action, or as they are.
void Sampler::place(Lane& lane, int k) {
  const float t = (float)request_.times[k];
  for (int row = lane.first_row; row < lane.last_row; row++)
    for (int c = 0; c < request_.entries; c++) {
      const float action = request_.committed[c], noise = request_.noise[row * vector_ + c];
      lane.r->state[row * padded(vector_) + c] = request_.clean_prefix ? action : (1.0f - t) * noise + t * action;
    }
}

void Sampler::replace(float* row) const {
  std::copy(request_.committed, request_.committed + request_.entries, row);
}

void Sampler::step(int thread) {
  Lane lane = this->lane(thread);
  Replica& r = *lane.r;
  const int k = step_;
  const int d = padded(vector_);
  const float rest = 1.0f - (float)request_.times[k], weight = (float)request_.weights[k];
  const bool guided = weight != 0.0f;
  place(lane, k);
  rows_barrier(lane);
  const Pass pass{&policy_, r.state, base_ + (size_t)k * stride_, 0, members_};
  forward(lane, &pass, 1, guided && request_.estimator == kJacobian);
  lane.phase++;
  multiply(lane, policy_.head, r.h, stride_, n(), policy_.head_bias, 0, y(lane, 0), stride_);
  team_.barrier(lane.thread);
  for (int row = lane.first_row; row < lane.last_row; row++)
    for (int c = 0; c < vector_; c++) {
      const int at = row * d + c;
      r.velocity[at] = y(lane, 0)[row * stride_ + c];
      r.estimate[at] = r.state[at] + rest * r.velocity[at];
      r.point[at] = std::min(std::max(r.estimate[at], -1.0f), 1.0f);
    }
  if (guided) guide(lane, k, rest);
  const float dt = (float)(request_.times[k + 1] - request_.times[k]);
  for (int row = lane.first_row; row < lane.last_row; row++) {
    double square = 0.0;
    for (int at = row * d; at < row * d + vector_; at++) {
      const float bend = guided ? weight * r.guidance[at] : 0.0f;
      square += (double)bend * bend;
      r.state[at] += dt * (r.velocity[at] + bend);
    }
    if (guided) r.norms[row] += std::sqrt(square);
  }
}

// guidance = what the estimator makes of the critic's gradient, times one minus the soft mask.
void Sampler::guide(Lane& lane, int k, float rest) {
  Replica& r = *lane.r;
  const int d = padded(vector_);
  const bool noisy = request_.estimator == kNoisy;
  const auto judge = [&](bool keep) {
    for (int row = lane.first_row; row < lane.last_row; row++) replace(r.point + row * d);
    rows_barrier(lane);
    critics(lane, r.point, keep);
  };
  const auto note_first = [&] {
    for (int row = lane.first_row; row < lane.last_row; row++) r.q_first[row] = aggregate(r, row);
  };
  if (noisy && k == 0) {  // Q of the clean estimate is reported, though the gradient is taken elsewhere
    judge(false);
    note_first();
    rows_barrier(lane);
  }
  if (noisy)
    for (int row = lane.first_row; row < lane.last_row; row++)
      std::copy(r.state + row * d, r.state + row * d + vector_, r.point + row * d);
  judge(true);
  if (k == 0 && !noisy) note_first();
  choose_members(lane);
  critic_gradient(lane);
  if (request_.estimator == kJacobian) policy_gradient(lane, rest);
  if (request_.freedom == nullptr) return;
  for (int row = lane.first_row; row < lane.last_row; row++)
    for (int c = 0; c < vector_; c++) r.guidance[row * d + c] *= request_.freedom[c];
}

// Clips and scores; a walk that was cut short keeps its last velocity up to t = 1.
void Sampler::finish(int thread) {
  Lane lane = this->lane(thread);
  Replica& r = *lane.r;
  Answer& answer = *answer_;
  const int walked = step_;
  const int d = padded(vector_);
  const float rest = (float)(1.0 - request_.times[walked]);
  bool asks = n() > 1;
  int guided = 0;
  for (int k = 0; k < request_.steps; k++) asks = asks || request_.weights[k] != 0.0;
  for (int k = 0; k < walked; k++) guided += request_.weights[k] != 0.0;
  for (int row = lane.first_row; row < lane.last_row; row++) {
    for (int at = row * d; at < row * d + vector_; at++)
      r.point[at] = std::min(std::max(r.state[at] + rest * r.velocity[at], -1.0f), 1.0f);
    replace(r.point + row * d);
  }
  rows_barrier(lane);
  if (asks) critics(lane, r.point, false);
  rows_barrier(lane);
  if (lane.thread > 0) return;
  answer.best = 0;
  for (int row = 0; row < n(); row++) {
    std::copy(r.point + row * d, r.point + row * d + vector_, answer.actions + row * vector_);
    answer.scores[row] = asks ? aggregate(r, row) : std::numeric_limits<float>::quiet_NaN();
    if (answer.scores[row] > answer.scores[answer.best]) answer.best = row;
  }
  answer.q_first = r.q_first[answer.best];
  answer.guidance_norm = guided > 0 ? (float)(r.norms[answer.best] / guided) : 0.0f;
}

}  // namespace qgf
