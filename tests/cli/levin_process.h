// Runs the built `levin` program as a user would.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/mini_model.h"

namespace levin::testing {

struct ProcessResult {
  int exit_code = -1;  ///< 128 + signal if one killed it
  std::string out;
  std::string err;
};

struct ProcessOptions {
  std::string stdout_path = {};     ///< empty: collected
  int64_t address_space_bytes = 0;  ///< limit of the process; 0: none
  int64_t file_size_bytes = 0;      ///< limit of files that it writes; 0: none
  bool is_first_process = false;    ///< process 1, as in a container; not every system lets us
};

/// A running `levin`, its input and output in files of a folder that goes with it.
class LevinProcess {
 public:
  explicit LevinProcess(const std::vector<std::string>& args, const std::string& input = {},
                        const ProcessOptions& options = {});
  ~LevinProcess();
  LevinProcess(const LevinProcess&) = delete;
  LevinProcess& operator=(const LevinProcess&) = delete;

  /// False where the system refuses what the options ask.
  [[nodiscard]] bool has_started() const { return pid_ > 0; }
  void send(int signal) const;
  void interrupt() const { send(SIGINT); }
  /// Waits until stdout holds at least `bytes`; false after 30 seconds or once the program ended.
  [[nodiscard]] bool wait_for_output(size_t bytes);
  /// Waits for the end of the program.
  ProcessResult wait();

 private:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
  pid_t pid_ = -1;
};

ProcessResult run_levin(const std::vector<std::string>& args, const std::string& input = {},
                        const ProcessOptions& options = {});

/// `name` in tests/data.
std::string test_data(const std::string& name);
/// The beginning of its demo document.
std::string short_document();

/// A question of the demo, and the sentence that answers it.
struct DemoQuestion {
  std::string question;
  std::string answer;
};

/// The last question that short_document() answers.
DemoQuestion short_question();

}  // namespace levin::testing
