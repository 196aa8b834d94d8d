#include "network.h"

#include <algorithm>
#include <cstring>

namespace qgf {
namespace {

uint16_t to_bf16(float value) {  // to the nearest, ties to even; weights are finite
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void pack(const float* kernel, int width, int first_column, const Panel& panel) {
  for (int i = 0; i < panel.rows; i++)
    for (int c = 0; c < panel.columns && first_column + c < width; c++) {
      const float value = kernel[(size_t)i * width + first_column + c];
      const size_t row = (size_t)i * panel.columns;
      if (panel.bf16)
        static_cast<uint16_t*>(const_cast<void*>(panel.weights))[row + bf16_place(c)] = to_bf16(value);
      else
        static_cast<float*>(const_cast<void*>(panel.weights))[row + c] = value;
    }
}

}  // namespace

void Builder::build(Memory& memory, Network& policy, std::vector<Network>& critics) {
  lay_out(policy, critics);
  memory.allocate(used_);
  base_ = memory.at<char>(0);
  used_ = 0;
  lay_out(policy, critics);
}

void Builder::lay_out(Network& policy, std::vector<Network>& critics) {
  critics.resize(shape_.members);
  for (int thread = 0; thread < threads_; thread++) {
    const float* const* array = arrays_;
    network(policy, true, array, thread);
    for (Network& critic : critics) network(critic, false, array, thread);
  }
}

void Builder::network(Network& net, bool is_policy, const float* const*& array, int thread) {
  const int depth = shape_.depth, vector_dim = shape_.vector;
  const int observation = shape_.observation + (is_policy ? shape_.flags : 0);
  net.layers.resize(depth);
  for (int l = 0; l < depth; l++) {
    Layer& layer = net.layers[l];
    layer.width = shape_.widths[l];
    layer.columns = padded(layer.width);
    const float* kernel = *array++;
    if (l == 0) {
      const float* after = kernel + (size_t)(observation + vector_dim) * layer.width;
      matrix(net.of_observation, kernel, observation, layer.width, false, thread);
      if (is_policy) matrix(net.of_time, after, 16, layer.width, false, thread);
      kernel += (size_t)observation * layer.width;
    }
    // The first layer and the head see actions, times and Q, and are small: they stay float32 as well.
    matrix(layer.weights, kernel, l == 0 ? vector_dim : shape_.widths[l - 1], layer.width, shape_.bf16 && l > 0, thread);
    layer.bias = vector(*array++, layer.width, thread, layer.bias);
    if (!is_policy || l < depth - 1) {
      layer.scale = vector(*array++, layer.width, thread, layer.scale);
      layer.offset = vector(*array++, layer.width, thread, layer.offset);
    }
  }
  const int last = shape_.widths[depth - 1];
  const float *kernel = *array++, *bias = *array++;
  if (is_policy) {
    matrix(net.head, kernel, last, vector_dim, false, thread);
    net.head_bias = vector(bias, vector_dim, thread, net.head_bias);
  } else {
    net.head_row = vector(kernel, last, thread, net.head_row);
    net.head_offset = *bias;
  }
}

// The panels that belong to `thread`.
void Builder::matrix(Matrix& m, const float* kernel, int rows, int width, bool bf16, int thread) {
  m.rows = rows;
  m.width = width;
  m.columns = padded(width);
  m.panels.resize((m.columns + kPanel - 1) / kPanel);
  const int first = m.first_panel(share_begin(m.shares(), thread, threads_));
  const int last = m.first_panel(share_begin(m.shares(), thread + 1, threads_));
  for (int p = first; p < last; p++) {
    const int columns = std::min(kPanel, m.columns - p * kPanel);
    m.panels[p] = {take((size_t)rows * columns * (bf16 ? 2 : 4)), rows, columns, bf16};
    if (base_ != nullptr) pack(kernel, width, p * kPanel, m.panels[p]);
  }
}

// Vectors are read by all threads; they lie with the first one's.
const float* Builder::vector(const float* values, int width, int thread, const float* old) {
  if (thread > 0) return old;
  float* place = static_cast<float*>(take((size_t)padded(width) * 4));
  if (base_ != nullptr) std::copy(values, values + width, place);
  return place;
}

void* Builder::take(size_t bytes) {
  void* place = base_ == nullptr ? nullptr : base_ + used_;
  used_ += (bytes + 63) / 64 * 64;
  return place;
}

}  // namespace qgf
