// The line of a progress bar and the width of the window.
#include "base/status_line.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <string>

namespace levin::base {
namespace {

/// A terminal of our own whose window has so many columns.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) {
    winsize window{};
    window.ws_row = 24;
    window.ws_col = columns;
    EXPECT_EQ(::openpty(&screen_, &program_, nullptr, nullptr, &window), 0);
  }
  ~Terminal() {
    ::close(screen_);
    ::close(program_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// What the program's side writes to.
  [[nodiscard]] int fd() const { return program_; }

  /// What `write` draws on stderr.
  template <typename Write>
  std::string drawn(const Write& write) const {
    const int stderr_before = ::dup(STDERR_FILENO);
    ::dup2(program_, STDERR_FILENO);
    write();
    ::dup2(stderr_before, STDERR_FILENO);
    ::close(stderr_before);
    std::string text(4096, '\0');
    const auto bytes = ::read(screen_, text.data(), text.size());
    text.resize(bytes > 0 ? static_cast<size_t>(bytes) : 0);
    return text;
  }

 private:
  int screen_ = -1;
  int program_ = -1;
};

TEST(StatusLine, KnowsTheWindow) {
  EXPECT_EQ(terminal_columns(Terminal(80).fd()), 80);
  EXPECT_EQ(terminal_columns(Terminal(132).fd()), 132);
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  EXPECT_EQ(terminal_columns(pipe[1]), 0) << "no terminal";
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(StatusLine, IsCutBetweenCharacters) {
  EXPECT_EQ(cut_to_columns("abcdef", 4), "abcd");
  EXPECT_EQ(cut_to_columns("abcd", 4), "abcd");
  EXPECT_EQ(cut_to_columns("äöüß", 3), "äöü");
  EXPECT_EQ(cut_to_columns("日本語", 1), "日");
  EXPECT_EQ(cut_to_columns("abcdef", 0), "abcdef") << "nobody knows the width";
  EXPECT_EQ(cut_to_columns("", 4), "");
}

TEST(StatusLine, NeverReachesTheLastColumn) {
  const std::string line(100, 'x');
  EXPECT_EQ(Terminal(80).drawn([&] { draw_status_line(line); }), "\r\x1b[K" + std::string(79, 'x'));
  EXPECT_EQ(Terminal(120).drawn([&] { draw_status_line(line); }), "\r\x1b[K" + line);
  EXPECT_EQ(Terminal(1).drawn([&] { draw_status_line(line); }), "\r\x1b[Kx");
  EXPECT_EQ(Terminal(0).drawn([&] { draw_status_line(line); }), "\r\x1b[K" + line)
      << "a terminal that does not say";
  EXPECT_EQ(Terminal(80).drawn([] { wipe_status_line(); }), "\r\x1b[K");
}

}  // namespace
}  // namespace levin::base
