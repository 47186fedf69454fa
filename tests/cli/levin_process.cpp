#include "cli/levin_process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

namespace levin::testing {
namespace {

namespace fs = std::filesystem;

std::string read_whole(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

void redirect(const std::string& path, int flags, int descriptor) {
  const int file = ::open(path.c_str(), flags, 0644);
  if (file < 0 || ::dup2(file, descriptor) < 0) {
    ::_exit(127);
  }
}

void limit_resource(__rlimit_resource resource, int64_t bytes) {
  if (bytes > 0) {
    const rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
    ::setrlimit(resource, &limit);
  }
}

/// As fork, but the child counts as process 1. It keeps its rights on files, and needs none for
/// this.
pid_t fork_first_process() {
  constexpr unsigned long kFlags = CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD;
  return static_cast<pid_t>(::syscall(SYS_clone, kFlags, nullptr, nullptr, nullptr, nullptr));
}

}  // namespace

LevinProcess::LevinProcess(const std::vector<std::string>& args, const std::string& input,
                           const ProcessOptions& options) {
  std::string pattern = (fs::temp_directory_path() / "levin_cli_XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
  std::ofstream(path("in"), std::ios::binary) << input;
  std::vector<std::string> words = {LEVIN_BINARY};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  const std::string out = options.stdout_path.empty() ? path("out") : options.stdout_path;
  std::ofstream(path("out")).flush();
  pid_ = options.is_first_process ? fork_first_process() : ::fork();
  if (pid_ == 0) {
    redirect(path("in"), O_RDONLY, STDIN_FILENO);
    redirect(out, O_WRONLY | O_CREAT, STDOUT_FILENO);
    redirect(path("err"), O_WRONLY | O_CREAT, STDERR_FILENO);
    limit_resource(RLIMIT_AS, options.address_space_bytes);
    limit_resource(RLIMIT_FSIZE, options.file_size_bytes);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
}

LevinProcess::~LevinProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void LevinProcess::send(int signal) const { ::kill(pid_, signal); }

bool LevinProcess::wait_for_output(size_t bytes) {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + std::chrono::seconds(30);
  while (steady_clock::now() < deadline) {
    if (fs::file_size(path("out")) >= bytes) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

ProcessResult LevinProcess::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  ProcessResult result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = read_whole(path("out"));
  result.err = read_whole(path("err"));
  return result;
}

ProcessResult run_levin(const std::vector<std::string>& args, const std::string& input,
                        const ProcessOptions& options) {
  return LevinProcess(args, input, options).wait();
}

std::string test_data(const std::string& name) { return std::string(LEVIN_TEST_DATA) + "/" + name; }

std::string short_document() {
  std::ifstream file(mini_model() + "/demo/document.txt", std::ios::binary);
  std::string text(1600, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

DemoQuestion short_question() {
  const std::string document = short_document();
  DemoQuestion last;
  size_t last_place = 0;
  for (const auto& entry :
       nlohmann::json::parse(read_whole(mini_model() + "/demo/questions.json"))) {
    const DemoQuestion question{entry.at("question"), entry.at("answer")};
    const size_t place = document.find(question.answer);
    if (place != std::string::npos && place >= last_place) {
      last = question;
      last_place = place;
    }
  }
  return last;
}

}  // namespace levin::testing
