#include "runtime/cache_identity.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/descriptor.h"
#include "base/error.h"
#include "runtime/io_error.h"
#include "runtime/page_key.h"

namespace levin::runtime {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

constexpr int64_t kWholeBytes = int64_t{64} << 20;
constexpr int64_t kSampleBytes = 4096;
constexpr int64_t kSamples = 256;

/// SHA-256 of what is added, piece by piece.
class Hasher {
 public:
  Hasher() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    LEVIN_CHECK(context_ != nullptr &&
                EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(std::string_view bytes) {
    LEVIN_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  std::string hex() {
    PageKey digest;
    LEVIN_CHECK(EVP_DigestFinal_ex(context_.get(), digest.bytes.data(), nullptr) == 1);
    return digest.hex();
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

/// A file open for reading.
class Input {
 public:
  explicit Input(std::string path)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!file_.is_open() || ::fstat(file_.get(), &status_) != 0) {
      throw_io_error(path_, "open the file for the cache's digest");
    }
  }

  [[nodiscard]] int64_t size() const { return status_.st_size; }
  [[nodiscard]] std::string changed() const {
    return fmt::format("{}.{}", status_.st_mtim.tv_sec, status_.st_mtim.tv_nsec);
  }

  /// Adds the bytes [offset, offset + length), or what of them the file has.
  void add_to(Hasher& hasher, int64_t offset, int64_t length) const {
    std::vector<char> block(static_cast<size_t>(std::min<int64_t>(length, int64_t{1} << 20)));
    while (length > 0) {
      const ssize_t got =
          ::pread(file_.get(), block.data(),
                  static_cast<size_t>(std::min<int64_t>(length, std::ssize(block))), offset);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        throw_io_error(path_, "read the file for the cache's digest");
      }
      if (got == 0) {
        return;
      }
      hasher.add({block.data(), static_cast<size_t>(got)});
      offset += got;
      length -= got;
    }
  }

 private:
  std::string path_;
  base::Descriptor file_;
  struct stat status_ {};
};

void add_samples(Hasher& hasher, const Input& file) {
  hasher.add(file.changed());
  for (int64_t i = 0; i <= kSamples; ++i) {
    const int64_t last = std::max<int64_t>(0, file.size() - kSampleBytes);
    // Divided first: the product of a size and a count could overflow.
    file.add_to(hasher, i == kSamples ? last : last / kSamples * i, kSampleBytes);
  }
}

std::vector<std::string> names_in(const std::string& folder, std::string_view ending) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.ends_with(ending)) {
      names.push_back(std::move(name));
    }
  }
  if (error) {
    base::throw_error(ErrorCode::kIo, folder, "cannot list the folder: {}", error.message());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

std::string model_digest(const std::string& model_dir) {
  Hasher hasher;
  const auto add_file = [&](const std::string& name, bool as_a_whole) {
    const Input file(model_dir + "/" + name);
    hasher.add(fmt::format("\n{} {} {}\n", name, file.size(), as_a_whole));
    if (as_a_whole) {
      file.add_to(hasher, 0, file.size());
    } else {
      add_samples(hasher, file);
    }
  };
  add_file("config.json", true);
  for (const std::string& name : names_in(model_dir, ".index.json")) {
    add_file(name, true);
  }
  const std::vector<std::string> shards = names_in(model_dir, ".safetensors");
  int64_t total_bytes = 0;
  for (const std::string& name : shards) {
    total_bytes += Input(std::filesystem::path(model_dir) / name).size();
  }
  for (const std::string& name : shards) {
    add_file(name, total_bytes <= kWholeBytes);
  }
  return hasher.hex();
}

std::string cache_identity(std::string_view model, const model::Config& config,
                           const model::ForwardOptions& forward, model::WeightEncoding encoding,
                           const kernels::KvLayout& layout, std::string_view isa) {
  const model::SelectionRule& rule = forward.selection;
  const bool reads_selection = model::reads_selection(config, forward);
  return fmt::format(
      "version {}\nmodel {}\nattention {}\nselection {} {} {}\nnumerics {} {} {}\nweights {}\n"
      "page {} layers {} row {} x {} key {} x {}\nisa {}\n",
      kPageBitsVersion, model, reads_selection, model::selection_kind_name(rule.kind),
      reads_selection ? model::selection_budget(config, rule) : 0, rule.seed,
      static_cast<int>(forward.numerics), forward.fp8_latent, forward.fp8_activations,
      static_cast<int>(encoding), kernels::kPageTokens, layout.num_layers, layout.kv_row_dim,
      layout.latent_bytes, layout.index_head_dim, layout.index_key_bytes, isa);
}

}  // namespace levin::runtime
