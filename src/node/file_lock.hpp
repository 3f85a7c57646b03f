#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include "barrel/term/result.hpp"

namespace barrel::node {

/// Keeps other processes, and other nodes of this one, from what a directory holds, as long as it lives.
/// Given up by the system when the process ends, however it does.
class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileLock();

  /// Makes the file if it is missing. Errors: already_registered when somebody holds it; io. Where nothing
  /// can be written, as keys may be provisioned, the directory itself is locked instead of a missing file.
  [[nodiscard]] static Result<FileLock> acquire(const std::filesystem::path& path, std::string_view setting);

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace barrel::node
