// Lines from a terminal, with editing and history; plain lines where stdin is no terminal.
#pragma once

#include <memory>
#include <string>

namespace levin::cli {

class LineEditor {
 public:
  enum class Outcome { kLine, kInterrupted, kEnd };

  explicit LineEditor(std::string prompt);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// Reads one line into `line`, without its newline. kInterrupted after Ctrl-C (the interrupt
  /// token is reset), kEnd at the end of input.
  [[nodiscard]] Outcome read(std::string& line);

 private:
  struct Terminal;
  [[nodiscard]] Outcome read_plain(std::string& line);

  std::unique_ptr<Terminal> terminal_;  // null: stdin is no terminal
  std::string pending_;                 // read from a pipe, not yet returned
};

}  // namespace levin::cli
