// Every file of data/bad/safetensors and data/bad/index_json is refused with the sentence that
// stands beside its name in safetensors.json and index_json.json (made by make_corpus.py).
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/files.h"
#include "formats/checkpoint_index.h"
#include "formats/refusals.h"
#include "formats/safetensors.h"

namespace levin::formats {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 20;

TEST(BadFilesTest, BrokenSafetensorsAreRefused) {
  testing::expect_refusals("safetensors",
                           [](const std::string& path) { const SafetensorsFile file(path); });
}

TEST(BadFilesTest, BrokenIndexesAreRefused) {
  testing::expect_refusals("index_json", [](const std::string& path) {
    parse_checkpoint_index(base::read_file(path, kMaxBytes), path);
  });
}

}  // namespace
}  // namespace levin::formats
