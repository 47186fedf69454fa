#include "serve/api/worker.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/log.h"

namespace levin::serve::api {
namespace {

/// A task that fails ends alone: what it holds is destroyed, and clients learn it from that.
void run_one(const std::function<void()>& task) {
  try {
    task();
  } catch (const std::exception& error) {
    base::log_line(base::LogLevel::kError,
                   fmt::format("an answer could not be completed: {}", error.what()));
  }
}

}  // namespace

Worker::Worker() : thread_([this] { run(); }) {}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  has_news_.notify_one();
  thread_.join();
}

void Worker::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  has_news_.notify_one();
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    has_news_.wait(lock, [this] { return is_stopping_ || !tasks_.empty(); });
    if (tasks_.empty()) {
      return;
    }
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    run_one(task);
    task = nullptr;
    lock.lock();
  }
}

}  // namespace levin::serve::api
