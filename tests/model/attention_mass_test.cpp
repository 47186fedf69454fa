// The share of dense attention mass that a selection keeps, against a plain computation with
// expanded keys (the observer works in absorbed form).
#include "model/attention_mass.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/op_table.h"
#include "model/attention_reference.h"
#include "model/checkpoint_builder.h"
#include "tensor/weight_matrix.h"

namespace levin::model {
namespace {

constexpr int64_t kContext = 80;  // more than a page
constexpr int64_t kFirst = 70;

/// One layer of a small checkpoint with random queries and a random cache of kContext tokens; the
/// step holds the tokens from kFirst on.
class MassCase {
 public:
  MassCase()
      : dir_(write_checkpoint(builder_)),
        pool_(2),
        kernels_(pool_, kernels::select_table_from_environment()),
        config_(load_config(dir_)),
        weights_(Weights::load(dir_, config_, pool_, {})),
        options_{.numerics = Numerics::kReference},
        layout_(kv_layout(config_, options_)),
        step_(config_) {
    uint64_t counter = 0;
    for (auto& page : storage_) {
      page.resize(static_cast<size_t>(layout_.page_bytes() / 4));
      for (float& value : page) {
        value = static_cast<float>(base::random_normal(7, counter++));
      }
      pages_.push_back(reinterpret_cast<std::byte*>(page.data()));
    }
    chunk_ = {.tokens = tokens_, .first_pos = kFirst, .is_decode = false, .pages = pages_.data()};
    step_.begin(config_, {&chunk_, 1});
    step_.activations.q.resize({step_.tokens, config_.num_attention_heads * config_.qk_head_dim()});
    for (int64_t i = 0; i < step_.activations.q.view().size(); ++i) {
      step_.activations.q.data()[i] = static_cast<float>(base::random_normal(8, counter++));
    }
    trace_.layers.resize(static_cast<size_t>(config_.num_hidden_layers));
    trace_.mass_stride = 1;
    step_.trace = &trace_;
  }

  Trace& trace() { return trace_; }

  /// What the observer writes if every token reads `selected`.
  std::vector<float> observe(const std::vector<std::vector<int32_t>>* selected) {
    step_.selection.forced = selected;
    const ModelContext model{.config = config_,
                             .weights = *weights_,
                             .kernels = kernels_,
                             .options = options_,
                             .layout = layout_,
                             .is_sparse = true,
                             .selection_budget = config_.indexer.index_topk};
    observe_mass(model, weights_->layers[0].attention, 0, step_);
    return trace_.layers[0].mass_kept;
  }

  /// The definition: keys per head, k = [W_UK c, k_rope].
  double plain(int64_t row, const std::vector<int32_t>& selected) const {
    const int64_t nope = config_.qk_nope_head_dim;
    const int64_t latent = config_.kv_lora_rank;
    double sum = 0.0;
    for (int64_t head = 0; head < config_.num_attention_heads; ++head) {
      const float* q = step_.activations.q.view().row(row) + head * config_.qk_head_dim();
      std::vector<double> weights;
      for (int64_t pos = 0; pos <= kFirst + row; ++pos) {
        const auto* kv = reinterpret_cast<const float*>(step_.kv(0, 0, layout_).latent_row(pos));
        double score = 0.0;
        for (int64_t i = 0; i < nope; ++i) {
          std::vector<float> up(static_cast<size_t>(latent));
          tensor::decode_row(weights_->layers[0].attention.kv_b_proj,
                             head * (nope + config_.v_head_dim) + i, up.data());
          score += static_cast<double>(q[i]) * std::inner_product(up.begin(), up.end(), kv, 0.0);
        }
        score += std::inner_product(q + nope, q + config_.qk_head_dim(), kv + latent, 0.0);
        weights.push_back(std::exp(score * config_.softmax_scale()));
      }
      double kept = 0.0;
      for (const int32_t pos : selected) {
        kept += weights[static_cast<size_t>(pos)];
      }
      sum += kept / std::accumulate(weights.begin(), weights.end(), 0.0);
    }
    return sum / static_cast<double>(config_.num_attention_heads);
  }

  [[nodiscard]] int64_t tokens() const { return step_.tokens; }

 private:
  static std::string write_checkpoint(testing::CheckpointBuilder& builder) {
    builder.config()["max_position_embeddings"] = 128;
    return builder.write();
  }

  testing::CheckpointBuilder builder_;
  std::string dir_;
  base::ThreadPool pool_;
  kernels::Context kernels_;
  Config config_;
  std::unique_ptr<Weights> weights_;
  ForwardOptions options_;
  kernels::KvLayout layout_;
  Step step_;
  std::array<std::vector<float>, 2> storage_;
  std::vector<std::byte*> pages_;
  std::vector<int32_t> tokens_ = std::vector<int32_t>(kContext - kFirst, 3);
  Chunk chunk_;
  Trace trace_;
};

TEST(AttentionMass, EqualsThePlainComputation) {
  MassCase mass;
  std::vector<std::vector<int32_t>> selected(static_cast<size_t>(mass.tokens()));
  for (size_t row = 0; row < selected.size(); ++row) {
    const auto position = static_cast<int32_t>(kFirst + static_cast<int64_t>(row));
    for (int32_t pos = position % 3; pos <= position; pos += 3) {
      selected[row].push_back(pos);
    }
  }
  const std::vector<float> kept = mass.observe(&selected);
  ASSERT_EQ(std::ssize(kept), mass.tokens());
  for (int64_t row = 0; row < mass.tokens(); ++row) {
    const auto idx = static_cast<size_t>(row);
    EXPECT_GT(kept[idx], 0.0F);
    EXPECT_LT(kept[idx], 1.0F);
    EXPECT_NEAR(kept[idx], mass.plain(row, selected[idx]), 1e-5) << row;
  }
}

TEST(AttentionMass, IsOneWhereEverythingIsRead) {
  MassCase mass;
  std::vector<std::vector<int32_t>> all(static_cast<size_t>(mass.tokens()));
  for (size_t row = 0; row < all.size(); ++row) {
    all[row].resize(static_cast<size_t>(kFirst) + row + 1);
    std::iota(all[row].begin(), all[row].end(), 0);
  }
  for (const float kept : mass.observe(&all)) {
    EXPECT_EQ(kept, 1.0F);
  }
  for (const float kept : mass.observe(nullptr)) {
    EXPECT_EQ(kept, 1.0F);
  }
}

TEST(AttentionMass, IsMeasuredAtMultiplesOfTheStrideAlone) {
  MassCase mass;
  mass.trace().mass_stride = 4;
  const std::vector<float> kept = mass.observe(nullptr);
  for (size_t row = 0; row < kept.size(); ++row) {
    const bool is_measured = (kFirst + static_cast<int64_t>(row)) % 4 == 0;
    EXPECT_EQ(kept[row], is_measured ? 1.0F : kMassNotMeasured) << row;
  }
}

}  // namespace
}  // namespace levin::model
