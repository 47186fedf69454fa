#include "runtime/disk_cache.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <limits>
#include <mutex>
#include <new>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "runtime/segment_store.h"

namespace levin::runtime {
namespace {

using std::chrono::steady_clock;

// Notes of use beyond these are left out: they only decide what is evicted first.
constexpr size_t kMaxJobs = 1 << 16;
// Jobs between two commits of the index.
constexpr std::ptrdiff_t kBatchJobs = 64;

enum class Where { kQueued, kStored };

/// A page on its way to the disk.
struct PageCopy {
  PageRecord record;
  std::vector<std::byte> bytes;
};

enum class Task { kWrite, kNoteUse, kRemove };

struct Job {
  Task task = Task::kNoteUse;
  PageKey key;
  int64_t used_us = 0;
  std::unique_ptr<PageCopy> copy;  // of kWrite
};

}  // namespace

/// The engine's thread calls the public functions; `store` belongs to the worker once that runs.
struct DiskCache::State {
  explicit State(const DiskCacheOptions& wanted) : options(wanted) {}

  void open();
  void work() noexcept;
  [[nodiscard]] std::vector<Job> take_batch();
  [[nodiscard]] bool must_stop();
  void run(Job& job);
  void write(const PageCopy& copy, int64_t used_us);
  void add_job(const PageRecord& record, std::span<const std::byte> page, int64_t used_us);
  void remove_later(const PageKey& key) noexcept;
  void turn_off(const char* reason) noexcept;

  const DiskCacheOptions options;
  std::unique_ptr<SegmentStore> store;
  std::string folder;

  mutable std::mutex mutex;  // of what follows
  std::condition_variable has_jobs;
  std::condition_variable is_idle;
  std::unordered_map<PageKey, Where, PageKeyHash> known;
  std::deque<Job> jobs;
  int64_t queued_bytes = 0;
  bool is_working = false;
  bool is_ending = false;
  steady_clock::time_point stop_at;
  std::chrono::milliseconds flush_limit = std::chrono::seconds(10);
  int64_t latest_use_us = 0;
  DiskCacheStats stats;

  std::thread worker;
};

void DiskCache::State::open() {
  store = std::make_unique<SegmentStore>(options.cache_dir, options.limit_bytes);
  folder = store->folder();
  const auto room = store->make_room(0, std::numeric_limits<int64_t>::max());
  stats.evicted_pages = std::ssize(room.evicted);
  for (const IndexedSegment& segment : store->segments()) {
    known.emplace(segment.key, Where::kStored);
  }
  latest_use_us = store->latest_use_us();
  stats.is_on = true;
  stats.bytes = store->bytes();
  worker = std::thread([this] { work(); });
}

/// The log line is the only thing that anyone notices: answers are computed as without a cache.
void DiskCache::State::turn_off(const char* reason) noexcept {
  {
    const std::lock_guard lock(mutex);
    if (!std::exchange(stats.is_on, false)) {
      return;
    }
    jobs.clear();
    known.clear();
    queued_bytes = 0;
    stats.queued_pages = 0;
  }
  is_idle.notify_all();
  base::log_warning("the cache on disk is off from now on: {}", reason);
}

void DiskCache::State::work() noexcept {
  try {
    for (;;) {
      std::vector<Job> batch = take_batch();
      if (batch.empty()) {
        return;
      }
      store->begin();
      for (Job& job : batch) {
        if (must_stop()) {
          break;
        }
        run(job);
      }
      store->commit();
    }
  } catch (const std::exception& error) {
    turn_off(error.what());
  }
}

/// Waits for jobs; none when the worker shall end.
std::vector<Job> DiskCache::State::take_batch() {
  std::unique_lock lock(mutex);
  is_working = false;
  if (jobs.empty()) {
    is_idle.notify_all();
  }
  has_jobs.wait(lock, [this] { return !jobs.empty() || is_ending || !stats.is_on; });
  if (!stats.is_on || (is_ending && steady_clock::now() >= stop_at)) {
    return {};
  }
  const auto end = jobs.begin() + std::min(kBatchJobs, std::ssize(jobs));
  std::vector<Job> batch(std::make_move_iterator(jobs.begin()), std::make_move_iterator(end));
  jobs.erase(jobs.begin(), end);
  is_working = true;
  return batch;
}

bool DiskCache::State::must_stop() {
  const std::lock_guard lock(mutex);
  return !stats.is_on || (is_ending && steady_clock::now() >= stop_at);
}

void DiskCache::State::run(Job& job) {
  switch (job.task) {
    case Task::kWrite:
      write(*job.copy, job.used_us);
      return;
    case Task::kNoteUse:
      store->set_used(job.key, job.used_us);
      return;
    case Task::kRemove:
      store->remove(job.key);
      const std::lock_guard lock(mutex);
      stats.bytes = store->bytes();
      return;
  }
}

void DiskCache::State::write(const PageCopy& copy, int64_t used_us) {
  const PageRecord& record = copy.record;
  const auto page_bytes = std::ssize(copy.bytes);
  const SegmentStore::Room room = store->make_room(segment_bytes(page_bytes), used_us);
  bool is_wanted = room.fits;
  {
    const std::lock_guard lock(mutex);
    if (!stats.is_on) {
      return;  // a reader met a failure; what was queued is counted no longer
    }
    queued_bytes -= page_bytes;
    --stats.queued_pages;
    for (const PageKey& key : room.evicted) {
      known.erase(key);
    }
    stats.evicted_pages += std::ssize(room.evicted);
    // The page before it may have been evicted or dropped meanwhile.
    is_wanted = is_wanted && (record.depth == 0 || known.contains(record.previous));
    if (!is_wanted) {
      known.erase(record.key);
      ++stats.dropped_pages;
    }
  }
  if (is_wanted) {
    store->write(record, copy.bytes, used_us);
  }
  const std::lock_guard lock(mutex);
  stats.bytes = store->bytes();
  if (is_wanted && stats.is_on) {
    known[record.key] = Where::kStored;
    ++stats.written_pages;
  }
}

void DiskCache::State::add_job(const PageRecord& record, std::span<const std::byte> page,
                               int64_t used_us) {
  Job job{.task = Task::kNoteUse, .key = record.key, .used_us = used_us, .copy = {}};
  if (known.contains(record.key)) {
    if (jobs.size() < kMaxJobs) {
      jobs.push_back(std::move(job));
    }
  } else {
    const bool has_gap = record.depth > 0 && !known.contains(record.previous);
    if (has_gap || queued_bytes + std::ssize(page) > options.queue_bytes) {
      ++stats.dropped_pages;
      return;
    }
    job.task = Task::kWrite;
    job.copy = std::make_unique<PageCopy>(PageCopy{record, {page.begin(), page.end()}});
    const auto added = known.emplace(record.key, Where::kQueued).first;
    try {
      jobs.push_back(std::move(job));
    } catch (...) {  // nobody would ever write it
      known.erase(added);
      throw;
    }
    queued_bytes += std::ssize(page);
    ++stats.queued_pages;
  }
  has_jobs.notify_one();
}

DiskCache::DiskCache(const DiskCacheOptions& options) : state_(std::make_unique<State>(options)) {
  state_->stats.limit_bytes = options.limit_bytes;
  try {
    state_->open();
  } catch (const std::exception& error) {
    state_->stats.is_on = false;
    state_->known.clear();
    base::log_warning("the cache on disk stays off: {}", error.what());
  }
}

DiskCache::~DiskCache() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_ending = true;
    state_->stop_at = steady_clock::now() + state_->flush_limit;
  }
  state_->has_jobs.notify_all();
  if (state_->worker.joinable()) {
    state_->worker.join();
  }
}

int64_t DiskCache::new_use_us() {
  using std::chrono::microseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::lock_guard lock(state_->mutex);
  state_->latest_use_us = std::max<int64_t>(state_->latest_use_us + 1,
                                            std::chrono::duration_cast<microseconds>(now).count());
  return state_->latest_use_us;
}

bool DiskCache::contains(const PageKey& key) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->known.find(key);
  return found != state_->known.end() && found->second == Where::kStored;
}

/// Under the mutex. Without memory for the job the file stays, and is no longer known.
void DiskCache::State::remove_later(const PageKey& key) noexcept {
  try {
    jobs.push_back({.task = Task::kRemove, .key = key, .used_us = 0, .copy = {}});
    has_jobs.notify_one();
  } catch (const std::bad_alloc&) {
    return;
  }
}

bool DiskCache::try_read(const PageRecord& record, std::span<std::byte> page) {
  if (!contains(record.key)) {
    return false;
  }
  SegmentOutcome outcome = SegmentOutcome::kMissing;
  try {
    outcome = read_segment(state_->folder, record, page);
  } catch (const std::bad_alloc&) {
    return false;
  } catch (const std::exception& error) {
    state_->turn_off(error.what());
    return false;
  }
  const std::lock_guard lock(state_->mutex);
  if (outcome == SegmentOutcome::kRead) {
    ++state_->stats.read_pages;
    return true;
  }
  state_->stats.damaged_pages += outcome == SegmentOutcome::kDamaged ? 1 : 0;
  // What the worker evicted just now, and forgot, needs no second removal.
  if (state_->known.erase(record.key) > 0) {
    state_->remove_later(record.key);
  }
  return false;
}

void DiskCache::keep(const PageRecord& record, std::span<const std::byte> page, int64_t used_us) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->stats.is_on) {
    return;
  }
  try {
    state_->add_job(record, page, used_us);
  } catch (const std::bad_alloc&) {
    ++state_->stats.dropped_pages;
  }
}

bool DiskCache::flush(std::chrono::milliseconds limit) {
  std::unique_lock lock(state_->mutex);
  return state_->is_idle.wait_for(lock, limit, [this] {
    return (state_->jobs.empty() && !state_->is_working) || !state_->stats.is_on;
  });
}

void DiskCache::set_flush_limit(std::chrono::milliseconds limit) noexcept {
  const std::lock_guard lock(state_->mutex);
  state_->flush_limit = limit;
}

DiskCacheStats DiskCache::stats() const {
  const std::lock_guard lock(state_->mutex);
  DiskCacheStats stats = state_->stats;
  stats.pages = std::ssize(state_->known) - stats.queued_pages;
  return stats;
}

}  // namespace levin::runtime
