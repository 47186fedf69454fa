#include "serve/api/engine_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "base/log.h"
#include "runtime/page_pool.h"

namespace levin::serve::api {
namespace {

using runtime::FinishReason;
using runtime::RequestId;
using runtime::TokenEvent;

// How often jobs are asked again while no step runs.
constexpr std::chrono::milliseconds kIdleTick{20};

/// A job that the engine has taken.
struct RunningJob {
  std::shared_ptr<Job> job;
  size_t held_bytes = 0;
  bool has_begun = false;  // something of it has been computed
  bool is_paused = false;
  Clock::time_point begin;
};

/// A line in the log, if there is memory for one: what this thread does after a failure must not
/// fail itself.
template <typename... Args>
void log_failure(fmt::format_string<Args...> format, Args&&... args) noexcept {
  try {
    base::log_line(base::LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
  } catch (const std::exception&) {
    return;
  }
}

/// A job that fails is cancelled, and the others go on.
template <typename Ask>
Wish guarded(Ask&& ask) noexcept {
  try {
    return ask();
  } catch (const std::exception& error) {
    log_failure("a request is cancelled: {}", error.what());
  } catch (...) {
    log_failure("a request is cancelled, it does not say why");
  }
  return Wish::kCancel;
}

Wish tell(Job& job, const TokenEvent& event) noexcept {
  return guarded([&] { return job.on_event(event); });
}

/// The end of a request that failed; without memory it does not say why.
TokenEvent failure(RequestId id, const char* reason,
                   base::ErrorCode code = base::ErrorCode::kInternal) noexcept {
  TokenEvent event;
  event.request = id;
  event.finish = FinishReason::kError;
  event.error_code = code;
  try {
    event.error = reason;
  } catch (const std::bad_alloc&) {
    return event;
  }
  return event;
}

}  // namespace

struct EngineHost::State {
  State(std::unique_ptr<runtime::Engine> host_engine, const EngineHostOptions& host_options)
      : engine(std::move(host_engine)), options(host_options) {}

  base::CancelToken step_end;               // breaks off the running step when all jobs must end
  std::unique_ptr<runtime::Engine> engine;  // of the thread alone, but for what never changes
  const EngineHostOptions options;
  std::unordered_map<RequestId, RunningJob> jobs;  // of the thread alone
  int64_t ended = 0;                               // of the thread alone: since the last publish

  mutable std::mutex mutex;           // guards what follows
  std::condition_variable work;       // new jobs, or the end
  std::condition_variable all_ended;  // for drain
  std::vector<std::shared_ptr<Job>> inbox;
  int64_t waiting = 0;
  size_t waiting_bytes = 0;
  int64_t unfinished = 0;
  double seconds_per_job = 0.1;  // average over the last ones
  bool is_draining = false;
  bool is_cancelling = false;
  bool is_stopping = false;
  EngineHostStats published;

  std::thread thread;  // last: it uses all of the above

  [[nodiscard]] Admission admission_of(int64_t count, size_t bytes) const;
  void cancel_all();
  void run();
  [[nodiscard]] std::vector<std::shared_ptr<Job>> take_inbox(bool may_wait, bool& cancels,
                                                             bool& stops);
  void start(std::shared_ptr<Job> job) noexcept;
  void tick(bool cancels_all) noexcept;
  [[nodiscard]] bool step();
  [[nodiscard]] bool has_paused() const;
  void fail_all(const char* reason) noexcept;
  void deliver(const TokenEvent& event) noexcept;
  void obey(RequestId id, RunningJob& running, Wish wish) noexcept;
  void note_begin(RunningJob& running);
  void note_end(const RunningJob& running);
  void publish();
};

EngineHost::EngineHost(std::unique_ptr<runtime::Engine> engine, const EngineHostOptions& options)
    : state_(std::make_unique<State>(std::move(engine), options)) {
  state_->engine->set_cancel(&state_->step_end);  // in place of one that a signal sets
  state_->publish();
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

EngineHost::~EngineHost() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_draining = true;
    state_->is_stopping = true;
    state_->cancel_all();
  }
  state_->work.notify_all();
  state_->thread.join();
}

/// Under the mutex.
EngineHost::Admission EngineHost::State::admission_of(int64_t count, size_t bytes) const {
  if (is_draining) {
    return Admission::kDraining;
  }
  const bool is_too_much = waiting > 0 && waiting_bytes + bytes > options.max_waiting_bytes;
  return is_too_much || waiting + count > options.max_waiting ? Admission::kQueueFull
                                                              : Admission::kAccepted;
}

/// Under the mutex. The token goes last: once a step has been broken off, the next round cancels.
void EngineHost::State::cancel_all() {
  is_cancelling = true;
  step_end.cancel();
}

EngineHost::Admission EngineHost::ask() const {
  const std::lock_guard lock(state_->mutex);
  return state_->admission_of(1, 0);
}

EngineHost::Admission EngineHost::submit(std::span<const std::shared_ptr<Job>> jobs) {
  const auto count = static_cast<int64_t>(jobs.size());
  size_t bytes = 0;
  for (const std::shared_ptr<Job>& job : jobs) {
    bytes += job->held_bytes();
  }
  {
    const std::lock_guard lock(state_->mutex);
    const Admission admission = state_->admission_of(count, bytes);
    if (admission != Admission::kAccepted) {
      return admission;
    }
    state_->inbox.insert(state_->inbox.end(), jobs.begin(), jobs.end());
    state_->waiting += count;
    state_->waiting_bytes += bytes;
    state_->unfinished += count;
  }
  state_->work.notify_all();
  return Admission::kAccepted;
}

int64_t EngineHost::retry_after_s() const {
  const std::lock_guard lock(state_->mutex);
  const double seconds = state_->seconds_per_job * static_cast<double>(state_->waiting);
  return std::clamp(static_cast<int64_t>(seconds), int64_t{1}, int64_t{60});
}

int64_t EngineHost::drain(std::chrono::milliseconds patience) {
  std::unique_lock lock(state_->mutex);
  state_->is_draining = true;
  const auto has_ended = [this] { return state_->unfinished == 0; };
  if (state_->all_ended.wait_for(lock, patience, has_ended)) {
    return 0;
  }
  const int64_t cut_off = state_->unfinished;
  state_->cancel_all();
  state_->work.notify_all();
  state_->all_ended.wait(lock, has_ended);
  return cut_off;
}

EngineHostStats EngineHost::stats() const {
  const std::lock_guard lock(state_->mutex);
  EngineHostStats stats = state_->published;
  stats.waiting = state_->waiting;
  stats.running = state_->unfinished - state_->waiting;
  return stats;
}

int64_t EngineHost::max_waiting() const noexcept { return state_->options.max_waiting; }
const model::Config& EngineHost::config() const noexcept { return state_->engine->config(); }
int64_t EngineHost::context_tokens() const noexcept { return state_->engine->context_tokens(); }
bool EngineHost::is_sparse() const noexcept { return state_->engine->transformer().is_sparse(); }

void EngineHost::State::run() {
  bool is_idle = true;
  while (true) {
    bool cancels = false;
    bool stops = false;
    for (std::shared_ptr<Job>& job : take_inbox(is_idle, cancels, stops)) {
      start(std::move(job));
    }
    if (stops && jobs.empty()) {
      return;
    }
    tick(cancels);
    is_idle = !step() && (jobs.empty() || has_paused());
    publish();
  }
}

/// New jobs, at once or, if `may_wait`, as soon as there are any or a tick is due.
std::vector<std::shared_ptr<Job>> EngineHost::State::take_inbox(bool may_wait, bool& cancels,
                                                                bool& stops) {
  std::unique_lock lock(mutex);
  if (may_wait && jobs.empty()) {
    work.wait(lock, [this] { return !inbox.empty() || is_stopping; });
  } else if (may_wait) {
    work.wait_for(lock, kIdleTick, [this] { return !inbox.empty() || is_cancelling; });
  }
  cancels = is_cancelling;
  stops = is_stopping && inbox.empty();
  return std::exchange(inbox, {});
}

void EngineHost::State::start(std::shared_ptr<Job> job) noexcept {
  const size_t held_bytes = job->held_bytes();
  RunningJob running{.job = std::move(job), .held_bytes = held_bytes, .begin = Clock::now()};
  TokenEvent event;
  std::optional<RequestId> id;
  try {
    id = engine->submit(running.job->take_request());
    jobs.emplace(*id, running);
    return;
  } catch (const base::Error& error) {
    event = failure({}, error.what(), error.code());
  } catch (const std::exception& error) {
    event = failure({}, error.what());
  } catch (...) {
    event = failure({}, "the request could not be made");
  }
  if (id.has_value()) {
    engine->abandon(*id);  // nobody would hear of it
  }
  (void)tell(*running.job, event);
  note_begin(running);
  note_end(running);
}

void EngineHost::State::tick(bool cancels_all) noexcept {
  const Clock::time_point now = Clock::now();
  for (auto& [id, running] : jobs) {
    Wish wish = Wish::kCancel;
    if (!cancels_all) {
      wish = guarded([&job = *running.job, now] { return job.on_tick(now); });
    }
    obey(id, running, wish);
  }
}

/// True if a step that does nothing may be one of many: what waits may wait for a paused job.
bool EngineHost::State::has_paused() const {
  return std::ranges::any_of(jobs, [](const auto& entry) { return entry.second.is_paused; });
}

/// One step of the engine. False if there was nothing to compute.
bool EngineHost::State::step() {
  if (!engine->has_work()) {
    return false;
  }
  const int64_t steps_before = engine->stats().steps;
  std::vector<TokenEvent> events;
  try {
    events = engine->step();
  } catch (const std::exception& error) {
    if (!step_end.is_cancelled()) {
      fail_all(error.what());
    }
    return true;
  }
  for (const TokenEvent& event : events) {
    deliver(event);
  }
  return !events.empty() || engine->stats().steps > steps_before;
}

/// The engine could not even plan: ends every job, so that none waits for ever.
void EngineHost::State::fail_all(const char* reason) noexcept {
  log_failure("a step of the engine failed, {} requests end: {}", jobs.size(), reason);
  while (!jobs.empty()) {
    const RequestId id = jobs.begin()->first;
    engine->abandon(id);
    deliver(failure(id, reason));
  }
}

void EngineHost::State::deliver(const TokenEvent& event) noexcept {
  const auto found = jobs.find(event.request);
  if (found == jobs.end()) {
    return;
  }
  RunningJob& running = found->second;
  note_begin(running);
  const Wish wish = tell(*running.job, event);
  if (event.finish.has_value()) {
    note_end(running);
    jobs.erase(found);
  } else {
    obey(event.request, running, wish);
  }
}

void EngineHost::State::obey(RequestId id, RunningJob& running, Wish wish) noexcept {
  if (wish == Wish::kCancel) {
    try {
      engine->cancel(id);
    } catch (const std::exception& error) {  // the next tick asks again
      log_failure("a request could not be cancelled yet: {}", error.what());
    }
    return;
  }
  const bool pauses = wish == Wish::kPause;
  if (pauses != running.is_paused) {
    running.is_paused = pauses;
    engine->set_paused(id, pauses);
  }
}

void EngineHost::State::note_begin(RunningJob& running) {
  if (!running.has_begun) {
    running.has_begun = true;
    const std::lock_guard lock(mutex);
    --waiting;
    waiting_bytes -= running.held_bytes;
  }
}

void EngineHost::State::note_end(const RunningJob& running) {
  constexpr double kWeight = 0.1;  // of the newest in the average
  const double seconds = std::chrono::duration<double>(Clock::now() - running.begin).count();
  ++ended;
  const std::lock_guard lock(mutex);
  // Jobs run beside each other: the queue moves on faster than one of them takes.
  const double seconds_per_slot = seconds / static_cast<double>(std::max<size_t>(1, jobs.size()));
  seconds_per_job += kWeight * (seconds_per_slot - seconds_per_job);
}

void EngineHost::State::publish() {
  const std::lock_guard lock(mutex);
  published.engine = engine->stats();
  published.paused = std::ranges::count_if(jobs, [](const auto& entry) {
    return entry.second.is_paused && entry.second.has_begun;  // others count as waiting
  });
  published.cache = engine->cache_stats();
  published.idle_pages = engine->pages().idle_pages();
  unfinished -= std::exchange(ended, 0);
  if (unfinished == 0) {
    all_ended.notify_all();
  }
}

}  // namespace levin::serve::api
