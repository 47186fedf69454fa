// The one exception type of the project and the checks that throw it.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace levin::base {

/// What kind of failure ended a load, a request or a run. `cli` maps codes to exit codes and
/// `serve` to HTTP status, each in one function.
enum class ErrorCode {
  kInvalidArgument,  ///< a parameter, option or prompt that cannot be used
  kInvalidFile,      ///< a file whose content breaks its format or contradicts another file
  kNotFound,         ///< a file, tensor or name that is not there
  kUnsupported,      ///< valid, but not something this program does
  kIo,               ///< the operating system refused to read or write
  kOutOfMemory,      ///< the memory that the work needs is not there
  kContextTooLong,   ///< a prompt that exceeds the model's or the cache's context
  kCancelled,        ///< stopped on request
  kInternal,         ///< a broken invariant: a bug of ours
};

/// Short name of a code, as printed in JSON output ("invalid_file", ...).
std::string_view error_code_name(ErrorCode code);

/// Thrown for whatever ends a load, a request or a run. `message` is one sentence: what is wrong,
/// where, wanted and got, what to do. `where` names the file, tensor or parameter; it may be empty.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string where = {})
      : std::runtime_error(where.empty() ? message : where + ": " + message),
        code_(code),
        where_(std::move(where)) {}

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

 private:
  ErrorCode code_;
  std::string where_;
};

/// Throws Error(code) with a formatted message: `throw_error(ErrorCode::kIo, path, "cannot ...")`.
template <typename... Args>
[[noreturn]] void throw_error(ErrorCode code, std::string where, fmt::format_string<Args...> format,
                              Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...), std::move(where));
}

/// `text` of unknown origin fit for a message, because a file may name its tensors with escape
/// sequences, line breaks or megabytes: cut to 80 characters (then "..." follows), with control and
/// other invisible characters, quotes, backslashes and ill-formed UTF-8 escaped.
[[nodiscard]] std::string shown(std::string_view text);

/// shown() in quotes.
[[nodiscard]] std::string quote(std::string_view text);

namespace detail {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace detail

}  // namespace levin::base

/// A broken invariant throws Error(kInternal). Neither user input nor a file may reach it.
#define LEVIN_CHECK(condition)                                             \
  do {                                                                     \
    if (!(condition)) [[unlikely]] {                                       \
      ::levin::base::detail::check_failed(#condition, __FILE__, __LINE__); \
    }                                                                      \
  } while (false)

#ifdef NDEBUG
#define LEVIN_DCHECK(condition) \
  do {                          \
  } while (false)
#else
#define LEVIN_DCHECK(condition) LEVIN_CHECK(condition)
#endif
