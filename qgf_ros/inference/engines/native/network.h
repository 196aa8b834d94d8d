// The weights of one network in panels, and where each thread finds its own.
#pragma once
#include <vector>

#include "kernels.h"
#include "memory.h"

namespace qgf {

// Panels are dealt to this many shares at most, shares to threads: sums that run over all panels are made share by share,
// so that their rounding does not depend on the number of threads.
constexpr int kShares = 8;

// A share [first, last) of `count` things.
inline int share_begin(int count, int share, int shares) { return (int)((long long)count * share / shares); }

struct Matrix {
  int rows = 0, width = 0, columns = 0;
  std::vector<Panel> panels;

  int shares() const { return (int)panels.size() < kShares ? (int)panels.size() : kShares; }
  int first_panel(int share) const { return share_begin((int)panels.size(), share, shares()); }
};

struct Layer {
  Matrix weights;
  int width = 0, columns = 0;
  const float *bias = nullptr, *scale = nullptr, *offset = nullptr;  // scale null: a layer without a norm
};

// Row blocks of the first kernel: what is constant over a chunk, the action (D), for a policy the time embedding (16).
struct Network {
  Matrix of_observation, of_time;
  std::vector<Layer> layers;  // layers[0].weights are the action's
  Matrix head;                // a policy's, (width, D)
  const float* head_bias = nullptr;
  const float* head_row = nullptr;  // a critic's, (width)
  float head_offset = 0.0f;
};

// Where weights come from: arrays in the order of `Builder::build`.
struct Shape {
  int observation, flags, vector, depth, members;  // flags: a policy's further inputs that are constant over a chunk
  bool bf16, minimum;
  const int* widths;
};

// Lays all networks out, in the order in which a step reads them and thread by thread: what a thread reads then runs
// through memory in one direction. Run twice: first to count, then to write.
class Builder {
 public:
  Builder(const Shape& shape, const float* const* arrays, int threads) : shape_(shape), arrays_(arrays), threads_(threads) {}

  // Order of the arrays, for the policy and then for each member: for each hidden layer kernel (in, out), bias, and where
  // it has a norm its scale and bias; then the head's kernel and bias. First kernels have rows [observation, action], a
  // policy's [observation, flags, action, time].
  void build(Memory& memory, Network& policy, std::vector<Network>& critics);

 private:
  void lay_out(Network& policy, std::vector<Network>& critics);
  void network(Network& net, bool is_policy, const float* const*& array, int thread);
  void matrix(Matrix& m, const float* kernel, int rows, int width, bool bf16, int thread);
  const float* vector(const float* values, int width, int thread, const float* old);
  void* take(size_t bytes);

  const Shape& shape_;
  const float* const* arrays_;
  const int threads_;
  char* base_ = nullptr;
  size_t used_ = 0;
};

}  // namespace qgf
