// Through the networks and back.
#include "sampler.h"

#include <algorithm>
#include <cmath>

namespace qgf {

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
  // The member that was the least last time is asked at last: if its weights are still in the second-level cache, the way
  // back finds them there. All members at once would mean fewer barriers, but the weights of all of them in between.
  Pass passes[kMostMembers];
  for (int i = 0; i < members_; i++) {
    const int e = (r.predicted + 1 + i) % members_;
    passes[i] = {&critics_[e], point, critic_base_ + (size_t)e * stride_, e, e};
  }
  lane.asked_last = r.predicted;
  const int at_once = members_at_once();
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
        if (chosen) r.predicted = e;
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
  for (int i = 0; i < members_; i++)
    if (const int e = (lane.asked_last + members_ - i) % members_; r.counts[e] > 0)
      jobs[count++] = {&critics_[e], e, e, r.counts[e], r.rows + e * capacity_};
  const int at_once = std::max(1, std::min(count, members_at_once()));
  for (int row = lane.first_row; row < lane.last_row; row++)
    std::fill_n(r.guidance + row * padded(vector_), padded(vector_), 0.0f);
  for (int i = 0; i < count; i += at_once) {
    backward(lane, jobs + i, std::min(at_once, count - i), false);
    for (int job = i; job < std::min(count, i + at_once); job++) {
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

}  // namespace qgf
