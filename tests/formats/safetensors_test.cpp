// What is written is read back; readers accept everything the format allows.
#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "formats/safetensors_writer.h"
#include "formats/temporary_folder.h"
#include "formats/tensor_values.h"

namespace levin::formats {
namespace {

using tensor::DType;
using testing::TemporaryFolder;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// A file image: length, header, data.
std::string image(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return file + header + data;
}

template <typename Function>
std::string refusal(base::ErrorCode code, Function&& function) {
  try {
    function();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "accepted";
}

TEST(SafetensorsTest, WrittenTensorsAreReadBack) {
  const TemporaryFolder folder;
  const std::vector<float> floats = {1.5F, -2.0F, 3.25F, 0.0F, 7.0F, 8.0F};
  const std::vector<int64_t> tokens = {0, -1, int64_t{1} << 40};
  const std::vector<uint8_t> odd = {1, 2, 3};
  const std::vector<NamedTensor> tensors = {
      {"odd \"name\" é", DType::kU8, {3}, std::as_bytes(std::span(odd))},
      {"floats", DType::kF32, {2, 3}, std::as_bytes(std::span(floats))},
      {"empty", DType::kBf16, {0, 7}, {}},
      {"tokens", DType::kI64, {3}, std::as_bytes(std::span(tokens))},
      {"scalar", DType::kF32, {}, std::as_bytes(std::span(floats).first(1))},
  };
  write_safetensors(folder.file("t.safetensors"), tensors, {{"made by", "a test"}});

  const SafetensorsFile file(folder.file("t.safetensors"));
  EXPECT_EQ(file.tensors().size(), tensors.size());
  EXPECT_EQ(file.metadata().at("made by"), "a test");
  for (const NamedTensor& tensor : tensors) {
    const SafetensorsTensor& read = file.at(tensor.name);
    EXPECT_EQ(read.dtype, tensor.dtype);
    EXPECT_EQ(read.shape, tensor.shape);
    EXPECT_TRUE(std::ranges::equal(read.bytes, tensor.bytes)) << tensor.name;
  }
  // Three bytes precede them: the floats lie at an odd address.
  EXPECT_EQ(to_f32_values(file.at("floats"), ""), floats);
  EXPECT_EQ(to_i64_values(file.at("tokens"), ""), tokens);
  EXPECT_EQ(file.at("scalar").element_count(), 1);
  EXPECT_EQ(file.file_name(), "t.safetensors");
}

TEST(SafetensorsTest, HeaderIsPaddedSoThatDataBeginsAtAMultipleOfEight) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "ab", "abc", "abcdefgh"}) {
    const std::string path = folder.file("p.safetensors");
    write_safetensors(path, std::vector<NamedTensor>{{name, DType::kU8, {1}, bytes_of("x")}}, {});
    EXPECT_EQ(std::filesystem::file_size(path) % 8, 1U) << name;
  }
}

TEST(SafetensorsTest, AcceptsWhatTheFormatAllows) {
  const std::string spaced = image(
      R"({ "b":{"data_offsets":[1,3],"shape":[1],"dtype":"BF16"} , "a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}   )",
      "xyz");
  EXPECT_EQ(parse_safetensors(bytes_of(spaced), "f").tensors.size(), 2U);
  EXPECT_TRUE(parse_safetensors(bytes_of(image("{}", "")), "f").tensors.empty());
  const std::string empty_between = image(
      R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"e":{"dtype":"F32","shape":[0],"data_offsets":[2,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
      "xyz");
  EXPECT_EQ(parse_safetensors(bytes_of(empty_between), "f").tensors.size(), 3U);
}

TEST(SafetensorsTest, KeepsATensorOfUnknownTypeByName) {
  const std::string file = image(R"({"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}})", "xy");
  const SafetensorsContent content = parse_safetensors(bytes_of(file), "f");
  const SafetensorsTensor& tensor = content.tensors.at("a");
  EXPECT_FALSE(tensor.dtype);
  EXPECT_EQ(tensor.dtype_name, "F4");
  EXPECT_EQ(refusal(base::ErrorCode::kInvalidFile, [&] { to_f32_values(tensor, "f: a"); }),
            "f: a: dtype is F4, expected F32, BF16, F16, F64 or F8_E4M3");
  EXPECT_EQ(refusal(base::ErrorCode::kInvalidFile, [&] { to_i64_values(tensor, "f: a"); }),
            "f: a: dtype is F4, expected I64, I32, U8, I8 or BOOL");
}

TEST(SafetensorsTest, ReadsValuesOfEveryNumericType) {
  const auto values = [](DType dtype, const auto& elements) {
    const auto bytes = std::as_bytes(std::span(elements));
    return SafetensorsTensor{"", dtype, {static_cast<int64_t>(elements.size())}, bytes};
  };
  const std::vector<double> doubles = {0.5, -2.0};
  const std::vector<uint16_t> bf16 = {0x3F00, 0xC000};
  const std::vector<uint16_t> f16 = {0x3800, 0xC000};
  const std::vector<uint8_t> fp8 = {0x30, 0xC0};
  const std::vector<float> expected = {0.5F, -2.0F};
  EXPECT_EQ(to_f32_values(values(DType::kF64, doubles), ""), expected);
  EXPECT_EQ(to_f32_values(values(DType::kBf16, bf16), ""), expected);
  EXPECT_EQ(to_f32_values(values(DType::kF16, f16), ""), expected);
  EXPECT_EQ(to_f32_values(values(DType::kF8E4m3, fp8), ""), expected);
  const std::vector<int32_t> i32 = {-1, 7};
  const std::vector<int8_t> i8 = {-1, 7};
  const std::vector<uint8_t> u8 = {0, 1};
  EXPECT_EQ(to_i64_values(values(DType::kI32, i32), ""), (std::vector<int64_t>{-1, 7}));
  EXPECT_EQ(to_i64_values(values(DType::kI8, i8), ""), (std::vector<int64_t>{-1, 7}));
  EXPECT_EQ(to_i64_values(values(DType::kBool, u8), ""), (std::vector<int64_t>{0, 1}));
}

TEST(SafetensorsTest, MissingFilesAndTensorsAreNamed) {
  EXPECT_EQ(refusal(base::ErrorCode::kNotFound, [] { SafetensorsFile("/no/file.safetensors"); }),
            "/no/file.safetensors: cannot open: No such file or directory");
  const TemporaryFolder folder;
  write_safetensors(folder.file("t.safetensors"), {});
  const SafetensorsFile file(folder.file("t.safetensors"));
  EXPECT_EQ(refusal(base::ErrorCode::kNotFound, [&] { (void)file.at("logits"); }),
            folder.file("t.safetensors") + ": holds no tensor \"logits\"");
}

TEST(SafetensorsWriterTest, StreamsPiecesOfAnySizeAcrossTensors) {
  const TemporaryFolder folder;
  const std::string path = folder.file("s.safetensors");
  const std::vector<TensorDeclaration> tensors = {{"a", DType::kU8, {3 << 20}},
                                                  {"b", DType::kI32, {1000}}};
  std::string content;
  {
    SafetensorsWriter writer(path, tensors);
    ASSERT_EQ(writer.data_bytes(), (3 << 20) + 4000);
    content.resize(static_cast<size_t>(writer.data_bytes()));
    for (size_t i = 0; i < content.size(); ++i) {
      content[i] = static_cast<char>(i * 7 % 251);
    }
    size_t piece = 1;
    for (size_t at = 0; at < content.size(); at += piece, piece = piece * 3 + 1) {
      writer.append(bytes_of(content.substr(at, piece)));
    }
    EXPECT_FALSE(std::filesystem::exists(path)) << "the file has its name before it is finished";
    writer.finish();
  }
  const SafetensorsFile file(path);
  EXPECT_TRUE(std::ranges::equal(file.at("a").bytes, bytes_of(content).first(3 << 20)));
  EXPECT_TRUE(std::ranges::equal(file.at("b").bytes, bytes_of(content).subspan(3 << 20)));
}

TEST(SafetensorsWriterTest, LeavesNothingBehindUnlessFinished) {
  const TemporaryFolder folder;
  const std::vector<TensorDeclaration> tensors = {{"a", DType::kU8, {10}}};
  {
    SafetensorsWriter writer(folder.file("x.safetensors"), tensors);
    writer.append(bytes_of("12345"));
    EXPECT_EQ(refusal(base::ErrorCode::kInvalidArgument, [&] { writer.finish(); }),
              folder.file("x.safetensors") + ": 5 of 10 declared bytes were appended");
    EXPECT_EQ(
        refusal(base::ErrorCode::kInvalidArgument, [&] { writer.append(bytes_of("123456")); }),
        folder.file("x.safetensors") + ": more than the declared 10 bytes were appended");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriterTest, RefusesImpossibleDeclarations) {
  const auto declare = [](std::vector<TensorDeclaration> tensors) {
    return refusal(base::ErrorCode::kInvalidArgument,
                   [&] { const SafetensorsWriter writer("/tmp/never.safetensors", tensors); });
  };
  const std::string where = "/tmp/never.safetensors: ";
  EXPECT_EQ(declare({{"a", DType::kU8, {1}}, {"a", DType::kU8, {1}}}),
            where + "tensor name \"a\" is taken");
  EXPECT_EQ(declare({{"__metadata__", DType::kU8, {1}}}),
            where + "tensor name \"__metadata__\" is taken");
  EXPECT_EQ(declare({{"a", DType::kU8, {-1}}}), where + "tensor \"a\": impossible shape [-1]");
  EXPECT_EQ(declare({{"a", DType::kF64, {int64_t{1} << 61}}}),
            where + "tensor \"a\": impossible shape [2305843009213693952]");
  EXPECT_EQ(declare({{"\xFF", DType::kU8, {1}}}), where + "a name or metadata is not UTF-8");
  EXPECT_EQ(refusal(base::ErrorCode::kInvalidArgument,
                    [] {
                      write_safetensors(
                          "/tmp/never.safetensors",
                          std::vector<NamedTensor>{{"a", DType::kF32, {1}, bytes_of("xy")}});
                    }),
            where + "tensor \"a\": shape needs 4 bytes, got 2");
}

TEST(SafetensorsWriterTest, UnwritablePlacesAndFullDisksAreOneSentence) {
  const std::vector<TensorDeclaration> tensors = {{"a", DType::kU8, {1 << 20}}};
  EXPECT_EQ(refusal(base::ErrorCode::kIo,
                    [&] { const SafetensorsWriter writer("/no/folder/x.safetensors", tensors); }),
            "/no/folder/x.safetensors: cannot create the file: No such file or directory; nothing "
            "was left behind");
  if (std::filesystem::exists("/dev/full")) {
    const TemporaryFolder folder;
    // The writer's temporary name leads to a device that is always full.
    const std::string path = folder.file("x.safetensors");
    std::filesystem::create_symlink("/dev/full", path + ".tmp." + std::to_string(::getpid()));
    EXPECT_EQ(refusal(base::ErrorCode::kIo, [&] { const SafetensorsWriter writer(path, tensors); }),
              path +
                  ": cannot write 1048576 bytes of data: No space left on device; nothing was "
                  "left behind");
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  }
}

}  // namespace
}  // namespace levin::formats
