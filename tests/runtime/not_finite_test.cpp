// A checkpoint with a weight that is NaN or infinite ends with one sentence that names it, under
// every instruction set: never with tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "engine_helpers.h"
#include "kernels/op_table.h"
#include "model/checkpoint_builder.h"
#include "runtime/engine.h"
#include "runtime/page_pool.h"

namespace levin::runtime {
namespace {

using model::testing::CheckpointBuilder;
using ::testing::HasSubstr;
using testing::load_engine;
using testing::make_request;
using testing::Outcome;
using testing::run_alone;

/// Every matrix that a long enough prompt reads, with its number of columns.
struct Matrix {
  const char* name;
  size_t cols;
};
constexpr Matrix kMatrices[] = {
    {"model.embed_tokens.weight", 136},
    {"model.layers.0.self_attn.q_a_proj.weight", 136},
    {"model.layers.0.self_attn.q_b_proj.weight", 12},
    {"model.layers.0.self_attn.kv_a_proj_with_mqa.weight", 136},
    {"model.layers.0.self_attn.o_proj.weight", 20},
    {"model.layers.0.self_attn.indexer.wk.weight", 136},
    {"model.layers.0.self_attn.indexer.wq_b.weight", 12},
    {"model.layers.0.self_attn.indexer.weights_proj.weight", 136},
    {"model.layers.0.mlp.up_proj.weight", 136},
    {"model.layers.0.mlp.down_proj.weight", 24},
    {"model.layers.1.mlp.gate.weight", 136},
    {"model.layers.1.mlp.shared_experts.gate_proj.weight", 136},
    {"lm_head.weight", 136},
};
constexpr size_t kRow = 1;
constexpr size_t kCol = 3;

std::vector<int32_t> prompt_of(int32_t tokens) {
  std::vector<int32_t> prompt;
  for (int32_t i = 0; i < tokens; ++i) {
    prompt.push_back(1 + i % 30);  // token 1 is the row that is damaged
  }
  return prompt;
}

std::unique_ptr<Engine> load_with(const char* isa, const std::string& dir,
                                  model::Numerics numerics = model::Numerics::kFast) {
  ::setenv("LEVIN_ISA", isa, 1);
  EngineOptions options;
  options.forward.numerics = numerics;
  auto engine = load_engine(dir, 0, options);
  ::unsetenv("LEVIN_ISA");
  return engine;
}

void expect_blame(Engine& engine, const std::string& sentence) {
  const Outcome outcome = run_alone(engine, make_request(prompt_of(31), 4));
  EXPECT_EQ(outcome.finish, FinishReason::kError);
  EXPECT_TRUE(outcome.tokens.empty());
  EXPECT_THAT(outcome.error, HasSubstr(sentence));
}

TEST(NotFinite, EveryMatrixIsNamedUnderEveryInstructionSet) {
  const kernels::TableList tables = kernels::supported_tables();
  for (const Matrix& matrix : kMatrices) {
    for (const float value : {NAN, std::numeric_limits<float>::infinity()}) {
      SCOPED_TRACE(fmt::format("{} {}", matrix.name, value));
      CheckpointBuilder builder;
      builder.fill(tensor::DType::kF32);
      builder.set_f32(matrix.name, kRow * matrix.cols + kCol, value);
      const std::string dir = builder.write();
      const std::string sentence = fmt::format(
          "{}: row {}, column {} is {}, a finite weight is expected; the checkpoint is "
          "damaged, get it again",
          matrix.name, kRow, kCol, value);
      for (int i = 0; i < tables.count; ++i) {
        SCOPED_TRACE(tables.tables[i]->name);
        expect_blame(*load_with(tables.tables[i]->name.data(), dir), sentence);
      }
      expect_blame(*load_with("", dir, model::Numerics::kReference), sentence);
    }
  }
}

TEST(NotFinite, AnFp8CodeThatIsNanIsNamed) {
  const kernels::TableList tables = kernels::supported_tables();
  const std::string name = "model.layers.0.self_attn.o_proj.weight";
  CheckpointBuilder builder;
  builder.fill(tensor::DType::kF8E4m3);
  builder.tensors().at(name).bytes[5] = std::byte{0x7F};
  const std::string dir = builder.write();
  for (int i = 0; i < tables.count; ++i) {
    SCOPED_TRACE(tables.tables[i]->name);
    expect_blame(*load_with(tables.tables[i]->name.data(), dir), name + ": row 0, column 5 is nan");
  }
}

TEST(NotFinite, NumbersThatOutgrowFloat32AreNamedByTheirLayer) {
  CheckpointBuilder builder;
  builder.fill(tensor::DType::kF32);
  for (size_t i = 0; i < size_t{136} * 24; ++i) {
    builder.set_f32("model.layers.0.mlp.down_proj.weight", i, 3e38F);
  }
  expect_blame(*load_with("", builder.write()),
               "model.layers.0.mlp: its output is not finite although its weights are");
}

/// One forward pass serves several requests; where it fails, each is tried alone.
TEST(NotFinite, OnlyTheRequestThatReadsTheBadRowEnds) {
  CheckpointBuilder builder;
  builder.fill(tensor::DType::kF32);
  builder.set_f32("model.embed_tokens.weight", kRow * 136 + kCol, NAN);
  EngineOptions options;
  options.cache_bytes = 16 << 20;
  const auto engine = load_engine(builder.write(), 0, options);
  const Request good_request = make_request({5, 6, 7, 8, 9}, 1);
  const Outcome expected = run_alone(*engine, good_request);
  ASSERT_EQ(expected.finish, FinishReason::kLength);

  const RequestId before = engine->submit(good_request);
  const RequestId bad = engine->submit(make_request({5, 1, 7}, 1));
  const RequestId after = engine->submit(good_request);
  const auto outcomes = testing::run_all(*engine);
  EXPECT_EQ(outcomes.at(before), expected);
  EXPECT_EQ(outcomes.at(after), expected);
  EXPECT_EQ(outcomes.at(bad).finish, FinishReason::kError);
  EXPECT_THAT(outcomes.at(bad).error, HasSubstr("model.embed_tokens.weight: row 1, column 3"));
  EXPECT_EQ(engine->pages().held_pages(), 0);
}

}  // namespace
}  // namespace levin::runtime
