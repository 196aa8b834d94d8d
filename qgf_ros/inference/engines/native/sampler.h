// The guided walk from noise to actions: what flow/denoise.py and flow/guidance.py say, with the gradients written out.
#pragma once
#include <vector>

#include "kernels.h"
#include "memory.h"
#include "network.h"
#include "team.h"

namespace qgf {

constexpr int kMostMembers = 16;

enum Estimator { kOneStep = 0, kJacobian = 1, kNoisy = 2 };

// Plain C structures: cpu.py declares them once more, field by field.
struct Request {
  const float* observation;  // (O + flags), normalised
  const float* noise;        // (N, D)
  const double* times;       // (K + 1)
  const double* weights;     // (K); 0: the critic is not evaluated
  const float* embedding;    // (K, 16), of times
  const float* committed;    // (D), or null without a prefix
  const float* freedom;      // (D), 1 - soft mask
  int32_t steps, candidates, estimator, entries;
  int32_t clean_prefix;  // committed entries stand as they are at every t (prefix conditioning), not on the line
};

struct Answer {
  float* actions;  // (N, D)
  float* scores;   // (N)
  float q_first, guidance_norm;
  int32_t best;
};

// For so many walks a thread works alone after a stall: at first, and at most.
constexpr int kPatience = 8, kMostPatience = 4096;

// Weights of this size stay in a second-level cache while they are used.
constexpr size_t kCached = 3 << 19;

class Sampler {
 public:
  Sampler(const Shape& shape, const float* const* arrays, int threads, const Kernels& kernels);

  // Steps [first, last) of the walk. first == 0 begins it. With an answer the walk ends there and is scored.
  void run(const Request& request, int first, int last, Answer* answer);

  size_t bytes() const { return weights_.size() + buffers_.size(); }

 private:
  // One evaluation of one network by all threads.
  struct Pass {
    const Network* net;
    const float* input;  // (N, D)
    const float* init;   // the first layer's sums without the action's share, (columns)
    int slot;            // whose buffers: of y, h, g, parts
    int tape;            // where normal, slope and deviation are kept
  };
  // A way back through one network, for some of the candidates.
  struct Job {
    const Network* net;
    int slot, tape, count;
    const int* rows;
  };
  // What a thread works on. With one candidate each thread has a replica of all that is not a matrix product: to compute it
  // twice costs less than to wait for it. With several they share one, and each thread has its rows.
  struct Replica {
    float *state, *velocity, *estimate, *point, *guidance;     // (N, D)
    float *h, *g;                                              // [slot] (N, columns)
    float *normal, *slope, *deviation;                         // [tape][layer] (N, columns); deviation [tape][layer] (N)
    float *q, *share, *q_first, *score;                        // q and share [member] (N): dQ / dQ_member
    double* norms;                                             // (N) sums over guided steps of |w g|
    int *rows, *place;                                         // [member] (N): candidates of a job; place of a candidate, or -1
    int* counts;                                               // [member]: how many they are
    int predicted;                                             // the member that was the least last time
  };
  struct Lane {  // one thread
    int thread;
    Replica* r;
    int first_row, last_row;
    int phase;
    float* unpacked;
    int asked_last;  // the member that `critics` asked last
  };

  void prepare(const Request& request);
  void lay_out(class Carver& carve);
  void all(Team::Work work);
  void begin(int thread);
  void step(int thread);
  void finish(int thread);
  Lane lane(int thread);

  void multiply(Lane& lane, const Matrix& m, const float* x, int stride, int count, const float* init, int init_stride,
                float* y, int y_stride);
  void multiply_back(Lane& lane, const Matrix& m, const float* g, int g_stride, int count, float* parts);
  void forward(Lane& lane, const Pass* passes, int count, bool keep);
  void backward(Lane& lane, const Job* jobs, int count, bool from_parts);
  void critics(Lane& lane, const float* point, bool keep);
  void choose_members(Lane& lane);
  void critic_gradient(Lane& lane);
  void policy_gradient(Lane& lane, float rest);
  void guide(Lane& lane, int k, float rest);
  void place(Lane& lane, int k);
  void replace(float* row) const;
  float aggregate(const Replica& r, int n) const;

  int n() const { return request_.candidates; }
  size_t plane() const { return (size_t)capacity_ * stride_; }
  float* y(const Lane& lane, int slot) const { return y_ + (size_t)(lane.phase & 1) * members_ * plane() + slot * plane(); }
  float* parts(const Lane& lane, int slot) const {
    return parts_ + ((size_t)(lane.phase & 1) * members_ + slot) * shares_ * plane();
  }
  size_t tape(int tape, int layer) const { return ((size_t)tape * depth_ + layer) * plane(); }
  size_t tape_row(int tape, int layer) const { return ((size_t)tape * depth_ + layer) * capacity_; }
  int threads() const { return together_ ? team_.size() : 1; }
  int members_at_once() const { return threads() > 1 && critic_bytes_ / threads() < kCached ? members_ : 1; }
  bool shared() const { return request_.candidates > 1 && threads() > 1; }
  void rows_barrier(const Lane& lane) {
    if (shared()) team_.barrier(lane.thread);
  }

  const int vector_, depth_, members_;
  const bool minimum_;
  const Kernels& kernels_;
  Memory weights_, buffers_;
  Network policy_;
  std::vector<Network> critics_;
  Team team_;

  size_t critic_bytes_ = 0;             // of all members' weights
  int stride_ = 0, shares_ = 0;         // widest row of any buffer; most shares of any matrix
  int capacity_ = 0, step_capacity_ = 0;  // candidates and steps that the buffers hold
  std::vector<double> table_times_;     // times whose shares stand in table_
  bool table_is_old_ = true;
  std::vector<Replica> replicas_;
  std::vector<float*> unpacked_;
  float *y_ = nullptr, *parts_ = nullptr, *table_ = nullptr, *base_ = nullptr, *critic_base_ = nullptr;
  float *embedding_ = nullptr, *zeros_ = nullptr, *observed_ = nullptr;
  int* everyone_ = nullptr;  // 0, 1, ... N - 1
  Request request_{};
  int step_ = 0;  // now, or how many were walked
  Answer* answer_ = nullptr;

  bool together_ = true;
  int alone_for_ = 0, patience_ = kPatience;  // walks
};

}  // namespace qgf
