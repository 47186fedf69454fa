#include "formats/checkpoint_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "formats/safetensors_writer.h"
#include "formats/temporary_folder.h"

namespace levin::formats {
namespace {

using testing::TemporaryFolder;

void write_tensors(const std::string& path, const std::vector<std::string>& names) {
  const std::string data = "data";
  std::vector<NamedTensor> tensors;
  for (const std::string& name : names) {
    tensors.push_back({name, tensor::DType::kU8, {4}, std::as_bytes(std::span(data))});
  }
  write_safetensors(path, tensors);
}

std::string refusal(const std::string& model_dir, base::ErrorCode code) {
  try {
    const CheckpointFiles files(model_dir);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "accepted";
}

TEST(CheckpointFilesTest, OpensASingleFile) {
  const TemporaryFolder folder;
  write_tensors(folder.file("model.safetensors"), {"a", "b"});
  const CheckpointFiles files(folder.path());
  EXPECT_EQ(files.tensors().size(), 2U);
  EXPECT_EQ(files.find("b")->file->file_name(), "model.safetensors");
  EXPECT_EQ(files.find("c"), nullptr);
  EXPECT_EQ(files.list_path(), folder.file("model.safetensors"));
}

TEST(CheckpointFilesTest, FollowsTheIndexAlsoBesideASingleFile) {
  const TemporaryFolder folder;
  write_tensors(folder.file("model.safetensors"), {"a", "other"});
  write_tensors(folder.file("x.safetensors"), {"a"});
  write_tensors(folder.file("y.safetensors"), {"b", "unmapped"});
  base::write_file_atomically(
      folder.file("model.safetensors.index.json"),
      R"({"metadata":{"total_size":99},"weight_map":{"a":"x.safetensors","b":"y.safetensors"}})");
  const CheckpointFiles files(folder.path());
  EXPECT_EQ(files.tensors().size(), 2U);
  EXPECT_EQ(files.find("a")->file->file_name(), "x.safetensors");
  EXPECT_EQ(files.find("unmapped"), nullptr);
  EXPECT_EQ(files.list_path(), folder.file("model.safetensors.index.json"));
}

TEST(CheckpointFilesTest, TensorsThatTheIndexLeavesOutAreOneWarning) {
  const TemporaryFolder folder;
  write_tensors(folder.file("x.safetensors"), {"a", "u1", "u2", "u3", "u4", "u5", "u6", "\x1b[2J"});
  const std::string index = folder.file("model.safetensors.index.json");
  base::write_file_atomically(index, R"({"weight_map":{"a":"x.safetensors"}})");
  ::testing::internal::CaptureStderr();
  const CheckpointFiles files(folder.path());
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "levin: warning: " + index +
                ": 7 tensors of its files that it does not map there ignored: \"\\x1b[2J\" in "
                "x.safetensors, \"u1\" in x.safetensors, \"u2\" in x.safetensors, \"u3\" in "
                "x.safetensors, \"u4\" in x.safetensors, ...\n");
}

TEST(CheckpointFilesTest, RefusesAnIndexThatNamesWhatIsNotThere) {
  const TemporaryFolder folder;
  write_tensors(folder.file("x.safetensors"), {"a"});
  const std::string index = folder.file("model.safetensors.index.json");
  base::write_file_atomically(index, R"({"weight_map":{"b":"x.safetensors"}})");
  EXPECT_EQ(refusal(folder.path(), base::ErrorCode::kInvalidFile),
            index + ": places tensor \"b\" in x.safetensors, which does not hold it");
  base::write_file_atomically(index, R"({"weight_map":{"a":"gone.safetensors"}})");
  EXPECT_EQ(refusal(folder.path(), base::ErrorCode::kNotFound),
            folder.file("gone.safetensors") + ": cannot open: No such file or directory");
}

TEST(CheckpointFilesTest, RefusesATruncatedShard) {
  const TemporaryFolder folder;
  write_tensors(folder.file("model.safetensors"), {"a", "b"});
  const auto size = std::filesystem::file_size(folder.file("model.safetensors"));
  std::filesystem::resize_file(folder.file("model.safetensors"), size - 1);
  EXPECT_EQ(refusal(folder.path(), base::ErrorCode::kInvalidFile),
            folder.file("model.safetensors") +
                ": tensor \"b\" ends at byte 8 of the data, but the file has only 7; it is "
                "truncated, download it again");
}

TEST(CheckpointFilesTest, RefusesAFolderWithoutWeights) {
  const TemporaryFolder folder;
  EXPECT_EQ(refusal(folder.path(), base::ErrorCode::kNotFound),
            folder.path() +
                ": holds no weights: neither model.safetensors nor "
                "model.safetensors.index.json is there");
  EXPECT_EQ(refusal("/no/such/folder", base::ErrorCode::kNotFound),
            "/no/such/folder: is not a folder; a checkpoint folder is expected");
}

}  // namespace
}  // namespace levin::formats
