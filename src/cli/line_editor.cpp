#include "cli/line_editor.h"

#include <histedit.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstring>
#include <cwchar>
#include <utility>

#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace levin::cli {
namespace {

constexpr int kHistoryLines = 1000;
constexpr size_t kMaxLineBytes = size_t{64} << 20;

/// libedit's own reader goes on after a signal; this one returns, so that Ctrl-C ends the line.
int read_character(EditLine* /*editor*/, wchar_t* character) {
  std::mbstate_t state{};
  for (;;) {
    char byte = 0;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR && !interrupt_token().is_cancelled()) {
      continue;
    }
    if (got <= 0) {
      return static_cast<int>(got);
    }
    const size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used == static_cast<size_t>(-2)) {
      continue;  // more bytes of the same character follow
    }
    if (used == static_cast<size_t>(-1)) {
      *character = L'\uFFFD';
    }
    return 1;
  }
}

char* current_prompt(EditLine* editor) {
  void* prompt = nullptr;
  el_get(editor, EL_CLIENTDATA, &prompt);
  return static_cast<std::string*>(prompt)->data();
}

}  // namespace

struct LineEditor::Terminal {
  std::string prompt;
  EditLine* editor = nullptr;
  History* history = nullptr;
  HistEvent event{};

  explicit Terminal(std::string prompt_text) : prompt(std::move(prompt_text)) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
    editor = el_init("levin", stdin, stdout, stderr);
    history = history_init();
    ::history(history, &event, H_SETSIZE, kHistoryLines);
    el_set(editor, EL_CLIENTDATA, &prompt);
    el_set(editor, EL_PROMPT, current_prompt);
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_HIST, ::history, history);
    el_set(editor, EL_GETCFN, read_character);
  }
  ~Terminal() {
    history_end(history);
    el_end(editor);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Outcome read(std::string& line) {
    int length = 0;
    const char* text = el_gets(editor, &length);
    if (interrupt_token().is_cancelled()) {
      interrupt_token().reset();
      write_output("\n");
      return Outcome::kInterrupted;
    }
    if (text == nullptr || length <= 0) {
      write_output("\n");
      return Outcome::kEnd;
    }
    line.assign(text, static_cast<size_t>(length));
    if (line.find_first_not_of(" \t\n") != std::string::npos) {
      ::history(history, &event, H_ENTER, line.c_str());
    }
    if (line.ends_with('\n')) {
      line.pop_back();
    }
    return Outcome::kLine;
  }
};

LineEditor::LineEditor(std::string prompt) {
  if (::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1) {
    terminal_ = std::make_unique<Terminal>(std::move(prompt));
  }
}

LineEditor::~LineEditor() = default;

LineEditor::Outcome LineEditor::read(std::string& line) {
  return terminal_ != nullptr ? terminal_->read(line) : read_plain(line);
}

LineEditor::Outcome LineEditor::read_plain(std::string& line) {
  char buffer[4096];
  for (size_t searched = 0;;) {
    const size_t newline = pending_.find('\n', searched);
    if (newline != std::string::npos) {
      line = pending_.substr(0, newline);
      pending_.erase(0, newline + 1);
      return Outcome::kLine;
    }
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (interrupt_token().is_cancelled()) {
      interrupt_token().reset();
      return Outcome::kInterrupted;
    }
    if (got == 0) {
      line = std::exchange(pending_, {});
      return line.empty() ? Outcome::kEnd : Outcome::kLine;
    }
    if (got < 0 && errno != EINTR) {
      base::throw_error(base::ErrorCode::kIo, "standard input", "cannot read: {}",
                        std::strerror(errno));
    }
    searched = pending_.size();
    if (searched > kMaxLineBytes) {
      base::throw_error(base::ErrorCode::kInvalidArgument, "standard input",
                        "a line is longer than {} bytes, the most that is read", kMaxLineBytes);
    }
    pending_.append(buffer, static_cast<size_t>(got > 0 ? got : 0));
  }
}

}  // namespace levin::cli
