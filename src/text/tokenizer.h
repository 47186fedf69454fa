// Byte-level BPE tokenizer: text to token ids and back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace levin::text {

/// The largest tokenizer.json that is read; DeepSeek's is 8 MB.
inline constexpr int64_t kMaxTokenizerBytes = int64_t{256} << 20;

/// Told now and then while a long text is encoded how many tokens it has at least. What it throws
/// ends the encoding. Empty: nobody watches.
using EncodeWatch = std::function<void(int64_t tokens)>;

struct EncodeOptions {
  bool add_bos = false;            ///< put BOS in front unless the ids begin with it already
  bool match_added_tokens = true;  ///< off for untrusted text: no added token can come out
  EncodeWatch watch = {};
};

struct Encoding {
  std::vector<int32_t> ids;
  int64_t replacements = 0;  ///< ill-formed UTF-8 subparts that became U+FFFD; worth one warning
};

/// A stretch of a prompt. Added tokens are matched in markup only, so `text` of others (what users
/// and tools wrote) never becomes markup.
struct PromptSegment {
  /// A token that each tokenizer names for itself.
  enum class Mark : uint8_t { kNone, kBos, kEos };

  std::string text;
  bool is_markup = false;
  Mark mark = Mark::kNone;  ///< if any, becomes the tokenizer's own, or nothing, instead of `text`
};

/// Immutable after loading; threads may share it.
class Tokenizer {
 public:
  /// Reads `folder`/tokenizer.json. BOS and EOS come from tokenizer_config.json, else from the ids
  /// in config.json, else from the added tokens with DeepSeek's names; both files may be missing.
  /// Throws Error(kNotFound|kIo|kInvalidFile|kUnsupported) naming the file and the key.
  [[nodiscard]] static Tokenizer load(const std::string& folder);

  /// From the content of a tokenizer.json; BOS and EOS by DeepSeek's names. `where` begins errors.
  [[nodiscard]] static Tokenizer from_json(std::string_view json, const std::string& where);

  ~Tokenizer();
  Tokenizer(Tokenizer&& other) noexcept;
  Tokenizer& operator=(Tokenizer&& other) noexcept;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  /// Ids of `text`; each maximal ill-formed UTF-8 subpart is read as U+FFFD. Throws
  /// Error(kUnsupported) if a pattern of the file fails on it, Error(kInvalidArgument) if add_bos
  /// is asked of a tokenizer without BOS.
  [[nodiscard]] Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;

  /// Ids of the segments as one text, except that added tokens are matched within markup segments
  /// only, and that a mark becomes this tokenizer's BOS or EOS. Adds no BOS otherwise.
  [[nodiscard]] Encoding encode(std::span<const PromptSegment> segments,
                                const EncodeWatch& watch = {}) const;

  /// Text of `ids`; incomplete or ill-formed UTF-8 becomes U+FFFD, unknown ids become nothing.
  /// `skip_special` leaves out the tokens with is_special.
  [[nodiscard]] std::string decode(std::span<const int32_t> ids, bool skip_special = false) const;

  /// Bytes that a token stands for, not necessarily whole characters; empty for unknown ids.
  [[nodiscard]] std::string_view token_bytes(int32_t id) const;

  /// Id of the added token whose content is `content` ("</think>").
  [[nodiscard]] std::optional<int32_t> id_of(std::string_view content) const;

  [[nodiscard]] bool is_known(int32_t id) const;
  /// True for added tokens with the flag "special" (BOS, EOS, padding); `</think>` has it not.
  [[nodiscard]] bool is_special(int32_t id) const;
  [[nodiscard]] bool is_added(int32_t id) const;
  [[nodiscard]] std::optional<int32_t> bos_id() const;
  [[nodiscard]] std::optional<int32_t> eos_id() const;
  /// Largest id + 1. The model's vocab_size may be larger: ids beyond are unknown here.
  [[nodiscard]] int32_t vocab_size() const;

 private:
  struct Data;
  explicit Tokenizer(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

}  // namespace levin::text
