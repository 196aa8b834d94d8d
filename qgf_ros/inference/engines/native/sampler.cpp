// The walk: who computes it, what is constant over a chunk, a step, the end.
#include "sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qgf {

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
          shared() ? share_begin(n(), thread + 1, threads()) : n(), 0, unpacked_[thread], 0};
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
  if (!shared() || thread == 0) r.predicted = 0;  // nothing of the last walk is left
  const int d = padded(vector_);
  for (int n = lane.first_row; n < lane.last_row; n++) {
    std::copy(request_.noise + n * vector_, request_.noise + (n + 1) * vector_, r.state + n * d);
    r.norms[n] = 0.0;
    r.q_first[n] = std::numeric_limits<float>::quiet_NaN();
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
