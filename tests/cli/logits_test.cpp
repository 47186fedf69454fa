// levin logits against the golden runs (tests/data/golden/README.md), and its refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "cli/levin_process.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "formats/temporary_folder.h"
#include "formats/tensor_values.h"

namespace levin::testing {
namespace {

using formats::SafetensorsFile;
using ::testing::HasSubstr;

std::vector<float> floats(const SafetensorsFile& file, const std::string& name) {
  return formats::to_f32_values(file.at(name), name);
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0.0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
  }
  return largest;
}

/// Writes a token file for misuse.
std::string write_tokens(const TemporaryFolder& folder, tensor::DType dtype,
                         const std::vector<int64_t>& shape, std::vector<int64_t> ids,
                         const std::string& name = "tokens") {
  std::string path = folder.file("tokens.safetensors");
  const std::vector<formats::NamedTensor> tensors = {
      {name, dtype, shape, std::as_bytes(std::span(ids))}};
  formats::write_safetensors(path, tensors);
  return path;
}

std::vector<int64_t> integers(const SafetensorsFile& file, const std::string& name) {
  return formats::to_i64_values(file.at(name), name);
}

/// The experts of each token with their weights, in an order that does not depend on the file's.
using Routing = std::vector<std::map<int64_t, float>>;

Routing routing(const SafetensorsFile& file, const std::string& layer) {
  const std::vector<int64_t> ids = integers(file, layer + "router_ids");
  const std::vector<float> weights = floats(file, layer + "router_weights");
  const auto experts = static_cast<size_t>(file.at(layer + "router_ids").shape[1]);
  Routing tokens(ids.size() / experts);
  for (size_t i = 0; i < ids.size(); ++i) {
    tokens[i / experts][ids[i]] = weights[i];
  }
  return tokens;
}

/// Every golden position that is safe: the same experts with the same weights.
void expect_golden_routing(const SafetensorsFile& out, const SafetensorsFile& golden,
                           const std::string& layer) {
  const Routing want = routing(golden, layer);
  const Routing got = routing(out, layer);
  const std::vector<int64_t> safe = integers(golden, layer + "router_safe");
  ASSERT_EQ(got.size(), want.size());
  for (size_t token = 0; token < want.size(); ++token) {
    if (safe[token] == 0) {
      continue;
    }
    for (const auto& [expert, weight] : want[token]) {
      ASSERT_TRUE(got[token].contains(expert)) << layer << token << " expert " << expert;
      EXPECT_NEAR(got[token].at(expert), weight, 1e-3) << layer << token << " expert " << expert;
    }
  }
}

class Logits : public ::testing::TestWithParam<const char*> {};

TEST_P(Logits, ReproduceTheGoldenRun) {
  const TemporaryFolder folder;
  const std::string model = test_data(std::string("golden/") + GetParam());
  const SafetensorsFile golden(model + "/golden.safetensors");
  const int64_t prefill_tokens = golden.at("prefill_logits").shape[0];
  const ProcessResult result = run_levin(
      {"logits", model, "--tokens", golden.path(), "--out", folder.file("out.safetensors"),
       "--numerics", "reference", "--chunk", "7", "--decode-from", std::to_string(prefill_tokens),
       "--dump", "hidden,indexer,topk,router", "--threads", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const SafetensorsFile out(folder.file("out.safetensors"));
  for (const auto* name : {"prefill_logits", "decode_logits", "layer.0.hidden",
                           "layer.1.decode_hidden", "layer.0.attn_out"}) {
    EXPECT_EQ(out.at(name).shape, golden.at(name).shape) << name;
    EXPECT_LT(largest_difference(floats(out, name), floats(golden, name)), 2e-3) << name;
  }
  for (const auto& [name, tensor] : golden.tensors()) {
    if (name.ends_with("topk_mask")) {
      EXPECT_EQ(out.at(name).shape, tensor.shape) << name;
      EXPECT_EQ(integers(out, name), formats::to_i64_values(tensor, name)) << name;
    } else if (name.ends_with("index_scores")) {  // 0 where not causal, in both
      EXPECT_EQ(out.at(name).shape, tensor.shape) << name;
      EXPECT_LT(largest_difference(floats(out, name), formats::to_f32_values(tensor, name)), 1e-3)
          << name;
    } else if (name.ends_with("router_weights")) {
      EXPECT_EQ(out.at(name).shape, tensor.shape) << name;
      expect_golden_routing(out, golden, name.substr(0, name.find("router_weights")));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Logits,
                         ::testing::Values("v32-f32", "v32-fp8", "v32-fp8-ue8m0", "v3-dense",
                                           "v2-lite"));

TEST(LogitsFile, HoldsOneRowPerTokenWhateverTheChunk) {
  const TemporaryFolder folder;
  const std::string model = test_data("golden/v32-f32");
  for (const std::string chunk : {"16", "64"}) {
    const ProcessResult result =
        run_levin({"logits", model, "--tokens", "-", "--out", folder.file(chunk), "--chunk", chunk},
                  "[1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45, 49, 53, 57, 61, 65, 69, 73, 77]");
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  const SafetensorsFile a(folder.file("16"));
  EXPECT_EQ(a.tensors().size(), 1U);
  EXPECT_EQ(a.at("logits").shape[0], 20);
  EXPECT_EQ(floats(a, "logits"), floats(SafetensorsFile(folder.file("64")), "logits"));
}

TEST(LogitsMisuse, IdsOutsideTheVocabularyAreNamed) {
  const TemporaryFolder folder;
  const std::string tokens = write_tokens(folder, tensor::DType::kI64, {3}, {1, 2, 288});
  const ProcessResult result = run_levin(
      {"logits", test_data("golden/v32-fp8"), "--tokens", tokens, "--out", folder.file("out")});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("token 288 at position 2 is outside the vocabulary [0, 288)"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("out")));
}

TEST(LogitsMisuse, OtherTensorsAreRefused) {
  const TemporaryFolder folder;
  const auto run = [&](const std::string& tokens) {
    return run_levin(
        {"logits", test_data("golden/v32-fp8"), "--tokens", tokens, "--out", folder.file("out")});
  };
  EXPECT_THAT(run(write_tokens(folder, tensor::DType::kI64, {1, 2}, {1, 2})).err,
              HasSubstr("dtype I64 and shape [n], got I64 [1, 2]"));
  EXPECT_THAT(run(write_tokens(folder, tensor::DType::kI64, {1}, {1}, "ids")).err,
              HasSubstr("got none of that name"));
  const ProcessResult empty = run(write_tokens(folder, tensor::DType::kI64, {0}, {}));
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_THAT(empty.err, HasSubstr("holds no tokens"));
}

TEST(LogitsMisuse, MoreTokensThanTheContextHoldsAreRefused) {
  const TemporaryFolder folder;
  const std::string tokens =
      write_tokens(folder, tensor::DType::kI64, {200}, std::vector<int64_t>(200, 5));
  const ProcessResult result = run_levin(
      {"logits", test_data("golden/v32-fp8"), "--tokens", tokens, "--out", folder.file("out")});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_THAT(result.err, HasSubstr("200 tokens do not fit into the context of 128"));
}

TEST(LogitsMisuse, ScoresOfAnIndexerThatDoesNotRunAreRefused) {
  const TemporaryFolder folder;
  const ProcessResult result =
      run_levin({"logits", test_data("golden/v32-f32"), "--tokens", "-", "--out",
                 folder.file("out"), "--attention", "dense", "--dump", "hidden,indexer"},
                "1 2 3");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              HasSubstr("--dump indexer: the indexer does not run under --attention dense"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("out")));
}

TEST(LogitsMisuse, UnwritableOutputIsFoundBeforeAnythingIsRead) {
  const TemporaryFolder folder;
  const std::string long_name(300, 'x');
  for (const std::string& out : {std::string("/proc/nowhere/out"), folder.file("no/out"),
                                 folder.file(long_name), test_data("configs/tiny.json/out")}) {
    const ProcessResult result =
        run_levin({"logits", test_data("golden/v32-fp8"), "--tokens", "/nowhere", "--out", out});
    EXPECT_THAT(result.err, HasSubstr("levin: error: " + out + ": cannot write: "));
    EXPECT_TRUE(result.exit_code == 6 || result.exit_code == 4) << result.exit_code;
  }
}

TEST(LogitsMisuse, ADeviceIsNotReplacedByTheOutput) {
  const ProcessResult result = run_levin(
      {"logits", test_data("golden/v32-fp8"), "--tokens", "-", "--out", "/dev/full"}, "1 2 3");
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("/dev/full: is not a regular file"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(LogitsMisuse, DecodeFromBeyondTheEndIsRefused) {
  const TemporaryFolder folder;
  const ProcessResult result = run_levin({"logits", test_data("golden/v32-fp8"), "--tokens", "-",
                                          "--out", folder.file("out"), "--decode-from", "4"},
                                         "1 2 3");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--decode-from: wanted a position in [0, 3], got 4"));
}

}  // namespace
}  // namespace levin::testing
