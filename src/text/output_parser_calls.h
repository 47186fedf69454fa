// Blocks of tool calls in model output: what output_parser.h needs of each chat style.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/output_parser.h"

namespace levin::text {

enum class ReadStatus : uint8_t {
  kMore,    ///< undecided: call again with more text
  kDone,    ///< read to its end
  kBroken,  ///< the text does not go on as it must
};

/// The longest that the opening of a block and the head of a call or parameter may be.
inline constexpr size_t kMaxHeadBytes = 1024;

/// Reads blocks of one output, one after the other.
class CallReader {
 public:
  CallReader() = default;
  virtual ~CallReader() = default;
  CallReader(const CallReader&) = delete;
  CallReader& operator=(const CallReader&) = delete;

  /// The strings that may open a block.
  [[nodiscard]] virtual std::span<const std::string_view> openings() const noexcept = 0;

  /// Reads the opening at the front of `text` and the head of the first call. With kDone they are
  /// taken off `text` and the call has begun (or the block was empty); else `text` is unchanged.
  virtual ReadStatus open(std::string& text, std::vector<OutputEvent>& events) = 0;

  /// Reads on inside the block and takes off `text` what it has read.
  virtual ReadStatus read(std::string& text, std::vector<OutputEvent>& events) = 0;

  /// The output ends inside the block. `text` belongs to what is being read.
  virtual void end(std::string_view text, std::vector<OutputEvent>& events) = 0;

  [[nodiscard]] int call_count() const noexcept { return call_count_; }
  [[nodiscard]] bool is_in_call() const noexcept { return is_in_call_; }

 protected:
  void begin_call(std::string_view name, std::vector<OutputEvent>& events);
  void add_arguments(std::string_view text, std::vector<OutputEvent>& events);
  void end_call(std::vector<OutputEvent>& events);

  /// True once the open call has got arguments.
  [[nodiscard]] bool has_arguments() const noexcept { return has_arguments_; }

 private:
  int call_count_ = 0;
  bool is_in_call_ = false;
  bool has_arguments_ = false;
};

[[nodiscard]] std::unique_ptr<CallReader> make_v31_call_reader();
[[nodiscard]] std::unique_ptr<CallReader> make_dsml_call_reader();

/// Appends an event, or its text to the last one if that is a piece of the same.
void add_event(std::vector<OutputEvent>& events, OutputEvent event);

/// Reads the head of a tag from a text that may still grow. The first step that fails decides
/// status(); later ones do nothing.
class HeadReader {
 public:
  explicit HeadReader(std::string_view text) : text_(text), rest_(text) {}

  HeadReader& literal(std::string_view wanted);
  HeadReader& space();
  /// The text before the first of `ends`, which is taken too; breaks if `forbidden` stands in it.
  /// `end_idx`, if not null, says which one it was.
  HeadReader& until(std::span<const std::string_view> ends, std::string_view forbidden,
                    std::string_view& found, size_t* end_idx = nullptr);

  /// kDone if every step succeeded. A head beyond kMaxHeadBytes is broken.
  [[nodiscard]] ReadStatus status() const noexcept;
  /// Bytes read so far.
  [[nodiscard]] size_t size() const noexcept { return text_.size() - rest_.size(); }

 private:
  std::string_view text_;
  std::string_view rest_;
  ReadStatus status_ = ReadStatus::kDone;
};

/// How many bytes at the end of `text` could begin one of `marks` without completing it.
[[nodiscard]] size_t partial_mark_bytes(std::string_view text,
                                        std::span<const std::string_view> marks) noexcept;

struct FoundMark {
  size_t pos = std::string_view::npos;
  size_t idx = 0;  ///< which of the marks
};

/// The mark that begins first in `text`; pos is npos if there is none.
[[nodiscard]] FoundMark find_mark(std::string_view text,
                                  std::span<const std::string_view> marks) noexcept;

/// Takes JSON white space off the front.
void skip_space(std::string& text);

}  // namespace levin::text
