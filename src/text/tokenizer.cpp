#include "text/tokenizer.h"

#include <filesystem>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/utf8.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/byte_level.h"
#include "text/piece_cache.h"
#include "text/pre_tokenizer.h"
#include "text/regex.h"
#include "text/token_table.h"
#include "text/tokenizer_config.h"
#include "text/tokenizer_json.h"

namespace levin::text {

using base::ErrorCode;
using base::throw_error;

namespace {

constexpr std::string_view kDeepSeekBos = "<｜begin▁of▁sentence｜>";
constexpr std::string_view kDeepSeekEos = "<｜end▁of▁sentence｜>";

// Longer pieces are rare and their cost is in the merges anyway.
constexpr size_t kMaxCachedPieceBytes = 64;

constexpr size_t kBytesBetweenWatches = size_t{16} << 10;

/// What encoding reads of a tokenizer.
struct PieceTables {
  const PreTokenizer& pre_tokenizer;
  const BytePairEncoder& merger;
  const std::unordered_map<std::string, int32_t>& piece_ids;
  size_t longest_merged_bytes;
};

std::unordered_map<std::string, int32_t> whole_piece_ids(const TokenizerSpec& spec) {
  std::unordered_map<std::string, int32_t> ids;
  if (spec.ignore_merges) {
    for (const VocabEntry& entry : spec.vocab) {
      if (auto bytes = bytes_from_stand_ins(entry.content)) {
        ids.emplace(std::move(*bytes), entry.id);
      }
    }
  }
  return ids;
}

}  // namespace

struct Tokenizer::Data {
  Data(TokenizerSpec spec, const std::string& where)
      : table(spec),
        piece_ids(whole_piece_ids(spec)),
        pre_tokenizer(spec.split_patterns, where),
        merger(spec.byte_ids, spec.merges),
        added(std::move(spec.added_tokens)),
        bos_id(added.id_of(kDeepSeekBos)),
        eos_id(added.id_of(kDeepSeekEos)) {}

  [[nodiscard]] PieceTables tables() const {
    return {.pre_tokenizer = pre_tokenizer,
            .merger = merger,
            .piece_ids = piece_ids,
            .longest_merged_bytes = table.longest_merged_bytes()};
  }

  TokenTable table;
  std::unordered_map<std::string, int32_t> piece_ids;  // by bytes; filled for ignore_merges only
  PreTokenizer pre_tokenizer;
  BytePairEncoder merger;
  AddedTokenMatcher added;
  std::optional<int32_t> bos_id;
  std::optional<int32_t> eos_id;
};

namespace {

/// One call of encode: working memory and the tokens of pieces seen before.
class PieceEncoder {
 public:
  PieceEncoder(const PieceTables& tables, const EncodeWatch& watch)
      : tables_(tables), watch_(watch) {}

  /// Appends the ids of `text` (well-formed UTF-8), matching no added tokens.
  void append(std::string_view text, std::vector<int32_t>& ids) {
    tables_.pre_tokenizer.split(text, regex_scratch_, [&](std::string_view piece) {
      unwatched_bytes_ += piece.size();
      if (unwatched_bytes_ >= kBytesBetweenWatches) {
        unwatched_bytes_ = 0;
        watch(ids.size() + piece.size() / tables_.longest_merged_bytes);
      }
      append_piece(piece, ids);
    });
  }

 private:
  void watch(size_t tokens) const {
    if (watch_) {
      watch_(static_cast<int64_t>(tokens));
    }
  }

  void append_piece(std::string_view piece, std::vector<int32_t>& ids) {
    if (piece.size() > kMaxCachedPieceBytes) {
      merge_piece(piece, ids);
      return;
    }
    if (const std::vector<int32_t>* known = cache_.find(piece)) {
      ids.insert(ids.end(), known->begin(), known->end());
      return;
    }
    const size_t first = ids.size();
    merge_piece(piece, ids);
    cache_.add(piece, std::span(ids).subspan(first));
  }

  void merge_piece(std::string_view piece, std::vector<int32_t>& ids) {
    if (!tables_.piece_ids.empty()) {
      const auto whole = tables_.piece_ids.find(std::string(piece));
      if (whole != tables_.piece_ids.end()) {
        ids.push_back(whole->second);
        return;
      }
    }
    tables_.merger.encode(piece, bpe_scratch_, ids, [&] { watch(ids.size()); });
  }

  const PieceTables tables_;
  const EncodeWatch& watch_;
  size_t unwatched_bytes_ = 0;
  RegexScratch regex_scratch_;
  BpeScratch bpe_scratch_;
  PieceCache cache_;
};

/// `text` itself, or its repaired copy kept in `storage`.
std::string_view well_formed(std::string_view text, std::string& storage, int64_t& replacements) {
  if (base::is_valid_utf8(text)) {
    return text;
  }
  base::RepairedText repaired = base::repair_utf8(text);
  replacements += repaired.replacements;
  storage = std::move(repaired.text);
  return storage;
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&& other) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&& other) noexcept = default;

Tokenizer Tokenizer::from_json(std::string_view json, const std::string& where) {
  return Tokenizer(std::make_unique<Data>(parse_tokenizer_json(json, where), where));
}

Tokenizer Tokenizer::load(const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / "tokenizer.json").string();
  Tokenizer tokenizer = from_json(base::read_regular_file(path, kMaxTokenizerBytes), path);
  const SequenceMarks marks = read_sequence_marks(folder, tokenizer);
  Data& data = *tokenizer.data_;
  data.bos_id = marks.bos_id ? marks.bos_id : data.bos_id;
  data.eos_id = marks.eos_id ? marks.eos_id : data.eos_id;
  return tokenizer;
}

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  Encoding encoding;
  std::string storage;
  text = well_formed(text, storage, encoding.replacements);
  PieceEncoder pieces(data_->tables(), options.watch);
  size_t done = 0;
  if (options.match_added_tokens) {
    while (const auto match = data_->added.find(text, done)) {
      pieces.append(text.substr(done, match->begin - done), encoding.ids);
      encoding.ids.push_back(match->id);
      done = match->begin + match->length;
    }
  }
  pieces.append(text.substr(done), encoding.ids);
  if (options.add_bos) {
    if (!data_->bos_id) {
      throw_error(ErrorCode::kInvalidArgument, "", "the tokenizer has no BOS token to add");
    }
    if (encoding.ids.empty() || encoding.ids.front() != *data_->bos_id) {
      encoding.ids.insert(encoding.ids.begin(), *data_->bos_id);
    }
  }
  return encoding;
}

Encoding Tokenizer::encode(std::span<const PromptSegment> segments,
                           const EncodeWatch& watch) const {
  Encoding encoding;
  PieceEncoder pieces(data_->tables(), watch);
  std::string pending;  // text since the last added token; may span segments
  std::string storage;
  for (const PromptSegment& segment : segments) {
    if (segment.mark != PromptSegment::Mark::kNone) {
      const auto id = segment.mark == PromptSegment::Mark::kBos ? data_->bos_id : data_->eos_id;
      if (id.has_value()) {
        pieces.append(pending, encoding.ids);
        pending.clear();
        encoding.ids.push_back(*id);
      }
      continue;
    }
    const std::string_view text = well_formed(segment.text, storage, encoding.replacements);
    size_t done = 0;
    if (segment.is_markup) {
      while (const auto match = data_->added.find(text, done)) {
        pending += text.substr(done, match->begin - done);
        pieces.append(pending, encoding.ids);
        pending.clear();
        encoding.ids.push_back(match->id);
        done = match->begin + match->length;
      }
    }
    pending += text.substr(done);
  }
  pieces.append(pending, encoding.ids);
  return encoding;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string bytes;
  for (const int32_t id : ids) {
    if (!skip_special || !is_special(id)) {
      bytes += token_bytes(id);
    }
  }
  return base::is_valid_utf8(bytes) ? bytes : base::repair_utf8(bytes).text;
}

std::string_view Tokenizer::token_bytes(int32_t id) const { return data_->table.bytes(id); }
bool Tokenizer::is_known(int32_t id) const { return data_->table.is_known(id); }
bool Tokenizer::is_special(int32_t id) const { return data_->table.is_special(id); }
bool Tokenizer::is_added(int32_t id) const { return data_->table.is_added(id); }
std::optional<int32_t> Tokenizer::bos_id() const { return data_->bos_id; }
std::optional<int32_t> Tokenizer::eos_id() const { return data_->eos_id; }
int32_t Tokenizer::vocab_size() const { return data_->table.id_count(); }

std::optional<int32_t> Tokenizer::id_of(std::string_view content) const {
  return data_->added.id_of(content);
}

}  // namespace levin::text
