// Unicode regular expressions of tokenizer files, on PCRE2 with its just-in-time compiler.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace levin::text {

/// What a search writes to. One per thread; any Regex may use it.
class RegexScratch {
 public:
  RegexScratch();
  ~RegexScratch();
  RegexScratch(const RegexScratch&) = delete;
  RegexScratch& operator=(const RegexScratch&) = delete;

 private:
  friend class Regex;
  struct State;
  std::unique_ptr<State> state_;
};

/// An immutable compiled pattern; threads may share it.
class Regex {
 public:
  struct Match {
    size_t begin = 0;  ///< byte offsets into the searched text
    size_t end = 0;
  };

  /// `pattern` is in the syntax of Oniguruma (what tokenizer files use) as far as PCRE2 reads it
  /// alike. `\s` and `\S` mean Unicode White_Space, which PCRE2's own do not (they add U+180E).
  /// Throws Error(kInvalidFile) with `where` for a pattern that does not compile,
  /// Error(kUnsupported) for syntax that the two engines read differently.
  Regex(std::string_view pattern, const std::string& where);
  ~Regex();
  Regex(Regex&& other) noexcept;
  Regex& operator=(Regex&& other) noexcept;
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  /// The leftmost match at or after byte `from`; `text` must be well-formed UTF-8.
  /// Throws Error(kUnsupported) if the pattern needs more steps or memory than PCRE2 allows.
  [[nodiscard]] std::optional<Match> find(std::string_view text, size_t from,
                                          RegexScratch& scratch) const;

 private:
  struct Code;
  std::string pattern_;
  std::unique_ptr<Code> code_;
};

/// The pattern with `\s` and `\S` spelt out as classes of the 25 White_Space code points.
/// Throws Error(kUnsupported) for what the two engines read differently: `\S` or a nested class
/// inside a class, `&&`, `\h`, the anchors `^` and `$`, and options other than `(?i:...)` or a
/// `(?i)` at the very beginning.
[[nodiscard]] std::string spell_out_white_space(std::string_view pattern, const std::string& where);

}  // namespace levin::text
