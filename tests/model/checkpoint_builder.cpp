#include "model/checkpoint_builder.h"

#include <cstring>
#include <span>

#include "base/files.h"
#include "base/float_formats.h"
#include "base/integers.h"
#include "base/random.h"
#include "formats/safetensors_writer.h"
#include "model/weights.h"

namespace levin::model::testing {
namespace {

using tensor::DType;

constexpr int64_t kBlock = tensor::kFp8BlockSize;

template <typename T>
void append(std::vector<std::byte>& bytes, T value) {
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

template <typename T>
T read_at(const std::vector<std::byte>& bytes, int64_t idx) {
  T value;
  std::memcpy(&value, bytes.data() + idx * static_cast<int64_t>(sizeof(T)), sizeof value);
  return value;
}

void append_as(std::vector<std::byte>& bytes, DType dtype, float value) {
  if (dtype == DType::kF32) {
    append(bytes, value);
  } else if (dtype == DType::kBf16) {
    append(bytes, base::to_bf16(value));
  } else if (dtype == DType::kF16) {
    append(bytes, base::to_f16(value));
  } else {
    append(bytes, base::to_e4m3(value));
  }
}

/// Multiples of 1/8 in [-15/8, 15/8].
float random_value(uint64_t seed, uint64_t idx) {
  return (static_cast<float>(base::random_bits(seed, idx) % 31) - 15.0F) / 8.0F;
}

BuiltTensor random_tensor(DType dtype, const std::vector<int64_t>& shape, uint64_t seed) {
  BuiltTensor tensor{dtype, shape, {}};
  uint64_t count = 1;
  for (const int64_t extent : shape) {
    count *= static_cast<uint64_t>(extent);
  }
  for (uint64_t idx = 0; idx < count; ++idx) {
    append_as(tensor.bytes, dtype, random_value(seed, idx));
  }
  return tensor;
}

BuiltTensor block_scales(const std::vector<int64_t>& shape) {
  BuiltTensor scales{
      DType::kF32, {base::ceil_div(shape[0], kBlock), base::ceil_div(shape[1], kBlock)}, {}};
  for (int64_t i = 0; i < scales.shape[0] * scales.shape[1]; ++i) {
    append(scales.bytes, 0.011F * static_cast<float>(i + 1));
  }
  return scales;
}

}  // namespace

CheckpointBuilder::CheckpointBuilder()
    : config_(nlohmann::json::parse(R"({
        "architectures": ["DeepseekV32ForCausalLM"], "model_type": "deepseek_v32",
        "vocab_size": 40, "hidden_size": 136, "num_hidden_layers": 2, "first_k_dense_replace": 1,
        "intermediate_size": 24, "moe_intermediate_size": 130, "n_routed_experts": 4,
        "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1,
        "routed_scaling_factor": 2.5, "num_attention_heads": 2, "q_lora_rank": 12,
        "kv_lora_rank": 20, "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "v_head_dim": 10,
        "index_n_heads": 2, "index_head_dim": 128, "index_topk": 8, "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0, "max_position_embeddings": 64})")) {
  rebuild();
}

void CheckpointBuilder::rebuild() {
  tensors_.clear();
  uint64_t seed = 0;
  for (const ExpectedTensor& expected : expected_tensors(parse_config(config_.dump(), "test"))) {
    const DType dtype = expected.is_norm_or_bias ? DType::kF32 : DType::kBf16;
    tensors_[expected.name] = random_tensor(dtype, expected.shape, ++seed);
  }
}

void CheckpointBuilder::fill(DType dtype) {
  std::map<std::string, BuiltTensor> scales;
  uint64_t seed = 0;
  for (auto& [name, tensor] : tensors_) {
    if (tensor.shape.size() != 2) {
      continue;
    }
    tensor = random_tensor(dtype, tensor.shape, ++seed);
    if (dtype == DType::kF8E4m3) {
      scales[name + "_scale_inv"] = block_scales(tensor.shape);
    }
  }
  tensors_.merge(scales);
}

void CheckpointBuilder::shift_data_by_one_byte() {
  tensors_["!"] = {DType::kU8, {1}, {std::byte{0}}};  // sorts, and so lies, before all others
}

void CheckpointBuilder::set_f32(const std::string& name, size_t idx, float value) {
  std::memcpy(tensors_.at(name).bytes.data() + idx * sizeof value, &value, sizeof value);
}

std::vector<float> CheckpointBuilder::values(const std::string& name, int64_t row) const {
  const BuiltTensor& tensor = tensors_.at(name);
  const int64_t cols = tensor.shape.back();
  std::vector<float> out;
  for (int64_t col = 0; col < cols; ++col) {
    const int64_t idx = row * cols + col;
    if (tensor.dtype == DType::kF32) {
      out.push_back(read_at<float>(tensor.bytes, idx));
    } else if (tensor.dtype == DType::kBf16) {
      out.push_back(base::to_f32(read_at<base::Bf16>(tensor.bytes, idx)));
    } else if (tensor.dtype == DType::kF16) {
      out.push_back(base::to_f32(read_at<base::F16>(tensor.bytes, idx)));
    } else {
      const BuiltTensor& scales = tensors_.at(name + "_scale_inv");
      const int64_t scale_idx = row / kBlock * scales.shape[1] + col / kBlock;
      out.push_back(base::to_f32(read_at<base::E4m3>(tensor.bytes, idx)) *
                    read_at<float>(scales.bytes, scale_idx));
    }
  }
  return out;
}

std::string CheckpointBuilder::write() {
  std::vector<formats::NamedTensor> named;
  for (const auto& [name, tensor] : tensors_) {
    named.push_back({name, tensor.dtype, tensor.shape, tensor.bytes});
  }
  formats::write_safetensors(folder_.file("model.safetensors"), named);
  base::write_file_atomically(folder_.file("config.json"), config_.dump());
  return folder_.path();
}

}  // namespace levin::model::testing
