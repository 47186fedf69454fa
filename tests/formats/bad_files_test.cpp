// Every file of data/bad/safetensors and data/bad/index_json is refused with the sentence that
// stands beside its name in safetensors.json and index_json.json (made by make_corpus.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "formats/checkpoint_index.h"
#include "formats/safetensors.h"

namespace levin::formats {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 20;

std::string bad_path(const std::string& name) {
  return std::string(LEVIN_TEST_DATA) + "/bad/" + name;
}

void expect_refusals(const std::string& set, const std::function<void(const std::string&)>& open) {
  std::set<std::string> listed;
  for (const auto& row :
       nlohmann::json::parse(base::read_file(bad_path(set + ".json"), kMaxBytes))) {
    const auto file = row["file"].get<std::string>();
    SCOPED_TRACE(file);
    listed.insert(bad_path(file));
    try {
      open(bad_path(file));
      ADD_FAILURE() << "accepted";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::kInvalidFile);
      EXPECT_EQ(error.what(), bad_path(file) + ": " + row["message"].get<std::string>());
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(bad_path(set))) {
    EXPECT_TRUE(listed.contains(entry.path().string())) << entry.path() << " has no sentence";
  }
}

TEST(BadFilesTest, BrokenSafetensorsAreRefused) {
  expect_refusals("safetensors", [](const std::string& path) { const SafetensorsFile file(path); });
}

TEST(BadFilesTest, BrokenIndexesAreRefused) {
  expect_refusals("index_json", [](const std::string& path) {
    parse_checkpoint_index(base::read_file(path, kMaxBytes), path);
  });
}

}  // namespace
}  // namespace levin::formats
