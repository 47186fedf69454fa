// The thread that owns the engine: requests of all clients meet here and are stepped together.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "runtime/engine.h"

namespace levin::serve::api {

using Clock = std::chrono::steady_clock;

/// What a job wants of the host next.
enum class Wish {
  kGoOn,
  kPause,   ///< compute nothing for it until it says otherwise; it keeps its pages
  kCancel,  ///< end it: its client has gone, or it has all it needs
};

/// One request of the engine and what happens to its tokens. Every function is called on the
/// host's thread; none may block, because all other answers wait meanwhile.
class Job {
 public:
  virtual ~Job() = default;

  /// The memory that it takes while it waits, as far as that depends on its request. Any thread.
  [[nodiscard]] virtual size_t held_bytes() const { return 0; }
  /// Called once, when the engine takes the job.
  virtual runtime::Request take_request() = 0;
  /// Called with each event; the last one has `finish`. A job that throws here is cancelled.
  virtual Wish on_event(const runtime::TokenEvent& event) = 0;
  /// Called before each step, and some times a second while nothing is stepped.
  virtual Wish on_tick(Clock::time_point now) = 0;
};

struct EngineHostOptions {
  /// Jobs of which nothing has been computed yet; more are refused.
  int64_t max_waiting = 256;
  /// What these may hold together; one that waits alone may hold more.
  size_t max_waiting_bytes = size_t{256} << 20;
};

/// A snapshot, taken after each step.
struct EngineHostStats {
  runtime::EngineStats engine;
  int64_t waiting = 0;  ///< jobs of which nothing has been computed yet
  int64_t running = 0;  ///< the others, paused ones included
  int64_t paused = 0;
  runtime::CacheStats cache;
  int64_t idle_pages = 0;  ///< of no sequence, kept for prompts that begin alike
};

class EngineHost {
 public:
  /// Starts the thread. The engine's cancel token is replaced by one of the host.
  EngineHost(std::unique_ptr<runtime::Engine> engine, const EngineHostOptions& options);
  /// Cancels what still runs; every job gets its last event.
  ~EngineHost();
  EngineHost(const EngineHost&) = delete;
  EngineHost& operator=(const EngineHost&) = delete;

  enum class Admission { kAccepted, kQueueFull, kDraining };

  /// Takes all of `jobs` or none. A request that the engine refuses ends with an event of kError.
  /// May be called from any thread.
  [[nodiscard]] Admission submit(std::span<const std::shared_ptr<Job>> jobs);

  /// What submit would say now to one job.
  [[nodiscard]] Admission ask() const;

  /// Seconds after which a refused client may find room: what the queue holds, at the rate of the
  /// last requests; 1 to 60.
  [[nodiscard]] int64_t retry_after_s() const;

  /// Refuses further jobs and waits until the others have ended; cancels what is left after
  /// `patience`, breaking off the running step, and returns how many these were. May be called from
  /// any thread.
  int64_t drain(std::chrono::milliseconds patience);

  [[nodiscard]] EngineHostStats stats() const;

  /// What does not change while the engine runs. May be called from any thread.
  [[nodiscard]] int64_t max_waiting() const noexcept;
  [[nodiscard]] const model::Config& config() const noexcept;
  [[nodiscard]] int64_t context_tokens() const noexcept;
  [[nodiscard]] bool is_sparse() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace levin::serve::api
