#pragma once

#include <filesystem>
#include <string>

namespace barrel::test {

/// A new, empty directory below the system's temporary directory, removed with everything in it by the
/// destructor.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Leaves the directory where it is, for somebody who wants to look at it.
  void keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  bool kept_ = false;
};

}  // namespace barrel::test
