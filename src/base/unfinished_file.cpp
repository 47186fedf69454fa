#include "base/unfinished_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <utility>

namespace levin::base {
namespace {

constexpr std::string_view kTemporaryMark = ".tmp.";

}  // namespace

/// A signal handler walks the entries as a linked list and takes no lock, so every change of the
/// list is one atomic store, and an entry that a handler may stand on is never freed.
struct UnfinishedFile::Entry {
  explicit Entry(std::string name) : path(std::move(name)) {}

  const std::string path;
  std::atomic<bool> is_kept{false};
  std::atomic<Entry*> next{nullptr};

  void link();
  void unlink_from_list();

  // A signal handler can reach nothing but globals.
  static inline std::mutex changes;
  static inline std::atomic<Entry*> first{nullptr};
  static inline std::atomic<bool> is_program_ending{false};
};

void UnfinishedFile::Entry::link() {
  const std::lock_guard lock(changes);
  next.store(first.load());
  first.store(this);
}

void UnfinishedFile::Entry::unlink_from_list() {
  const std::lock_guard lock(changes);
  std::atomic<Entry*>* link = &first;
  while (link->load() != this) {
    link = &link->load()->next;
  }
  link->store(next.load());
}

UnfinishedFile::UnfinishedFile(std::string path)
    : entry_(std::make_unique<Entry>(std::move(path))) {
  entry_->link();
}

UnfinishedFile::~UnfinishedFile() {
  if (entry_ == nullptr) {
    return;
  }
  if (!entry_->is_kept) {
    ::unlink(entry_->path.c_str());
  }
  entry_->unlink_from_list();
  if (Entry::is_program_ending) {
    (void)entry_.release();  // the handler may be reading it
  }
}

UnfinishedFile::UnfinishedFile(UnfinishedFile&& other) noexcept = default;

UnfinishedFile& UnfinishedFile::operator=(UnfinishedFile&& other) noexcept {
  std::swap(entry_, other.entry_);
  return *this;
}

const std::string& UnfinishedFile::path() const noexcept { return entry_->path; }

void UnfinishedFile::keep() noexcept { entry_->is_kept = true; }

std::string temporary_name(const std::string& path) {
  return fmt::format("{}{}{}", path, kTemporaryMark, ::getpid());
}

bool is_temporary_name(std::string_view name, std::string_view path) {
  return name.starts_with(path) && name.substr(path.size()).starts_with(kTemporaryMark);
}

void remove_unfinished_files() noexcept {
  using Entry = UnfinishedFile::Entry;
  Entry::is_program_ending = true;
  for (const Entry* entry = Entry::first; entry != nullptr; entry = entry->next) {
    if (!entry->is_kept) {
      ::unlink(entry->path.c_str());
    }
  }
}

}  // namespace levin::base
