// Files that must be refused, each with the sentence that stands beside its name.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/error.h"

namespace levin::testing {

/// Opens every file of data/bad/`set`, which data/bad/`set`.json lists with its sentence and, where
/// that is not invalid_file, its error code (make_corpus.py writes them).
inline void expect_refusals(const std::string& set,
                            const std::function<void(const std::string& path)>& open) {
  const auto bad_path = [](const std::string& name) {
    return std::string(LEVIN_TEST_DATA) + "/bad/" + name;
  };
  std::ifstream list(bad_path(set + ".json"));
  std::set<std::string> listed;
  for (const auto& row : nlohmann::json::parse(list)) {
    const auto file = row["file"].get<std::string>();
    SCOPED_TRACE(file);
    listed.insert(bad_path(file));
    try {
      open(bad_path(file));
      ADD_FAILURE() << "accepted";
    } catch (const base::Error& error) {
      EXPECT_EQ(base::error_code_name(error.code()), row.value("code", "invalid_file"));
      EXPECT_EQ(error.what(), bad_path(file) + ": " + row["message"].get<std::string>());
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(bad_path(set))) {
    EXPECT_TRUE(listed.contains(entry.path().string())) << entry.path() << " has no sentence";
  }
}

}  // namespace levin::testing
