// Files that are removed again unless they are finished, even if the program ends in between.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace levin::base {

/// Owns a path at which a file is being made: the file is removed with this object unless keep()
/// was called. The path need not exist. Different objects may be used from different threads.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(std::string path);
  ~UnfinishedFile();
  UnfinishedFile(UnfinishedFile&& other) noexcept;
  UnfinishedFile& operator=(UnfinishedFile&& other) noexcept;
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  [[nodiscard]] const std::string& path() const noexcept;
  /// The file is finished, or has got another name: nothing is removed any more.
  void keep() noexcept;

 private:
  friend void remove_unfinished_files() noexcept;
  struct Entry;

  std::unique_ptr<Entry> entry_;
};

/// Name under which the content of `path` lies until it is complete: in the same folder, and of
/// this process alone.
[[nodiscard]] std::string temporary_name(const std::string& path);

/// Whether `name` is a temporary_name of `path` in any process, one that has been killed, too.
[[nodiscard]] bool is_temporary_name(std::string_view name, std::string_view path);

/// Removes the files of all objects that live. For signal handlers that end the program with
/// _exit; no other use, because files may still be written meanwhile.
void remove_unfinished_files() noexcept;

}  // namespace levin::base
