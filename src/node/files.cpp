#include "node/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <system_error>
#include <utility>

namespace barrel::node {

namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  /// Closes it and says whether that worked: some file systems report a failed write only then.
  [[nodiscard]] bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

std::string advice(int error, std::string_view setting) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return "free some space on that disk";
    case EFBIG: return "raise the limit on file sizes (ulimit -f)";
    case EROFS:
    case EACCES:
    case EPERM: return fmt::format("let this user write there, or set {} to another directory", setting);
    case ENOTDIR:
    case EEXIST:
    case ELOOP: return fmt::format("remove what is in the way, or set {} to another directory", setting);
    case EMFILE:
    case ENFILE: return "raise the limit on open files (ulimit -n)";
    default: return fmt::format("check the disk, or set {} to another directory", setting);
  }
}

bool write_all(int fd, BytesView content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// Makes a rename or a new name in the directory survive a crash. Some file systems cannot; then there is
/// nothing to do.
void sync_directory_of(const fs::path& path) {
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.is_open()) (void)::fsync(directory.get());
}

/// While it lives, writing over the limit on file sizes is an error of this thread's write() and no signal,
/// which would end the program without a word.
class FileSizeSignalHeld {
 public:
  FileSizeSignalHeld() {
    ::sigemptyset(&held_);
    ::sigaddset(&held_, SIGXFSZ);
    ::pthread_sigmask(SIG_BLOCK, &held_, &before_);
  }
  FileSizeSignalHeld(const FileSizeSignalHeld&) = delete;
  FileSizeSignalHeld& operator=(const FileSizeSignalHeld&) = delete;
  ~FileSizeSignalHeld() {
    const timespec no_time{};
    while (::sigtimedwait(&held_, nullptr, &no_time) == SIGXFSZ) {}
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t held_{};
  sigset_t before_{};
};

fs::path temporary_of(const fs::path& path, std::string_view mark = {}) {
  fs::path temporary = path;
  temporary += mark;
  temporary += ".tmp";
  return temporary;
}

/// A new file beside `path`, and its name: never one that is there, which might be a FIFO that waits for a
/// reader. What an interrupted write has left is removed.
Descriptor open_temporary(const fs::path& path, fs::path& name) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  name = temporary_of(path);
  (void)::unlink(name.c_str());
  const int fd = ::open(name.c_str(), flags, private_file_mode);
  if (fd >= 0 || errno != EEXIST) return Descriptor(fd);
  name = temporary_of(path, fmt::format(".{:08x}", std::random_device{}()));
  return Descriptor(::open(name.c_str(), flags, private_file_mode));
}

/// 0, or errno. `name` is that of the file.
int write_temporary(const fs::path& path, BytesView content, unsigned mode, fs::path& name) {
  const FileSizeSignalHeld held;
  Descriptor file = open_temporary(path, name);
  if (!file.is_open()) return errno;
  // Also for a file that an interrupted write has left with other rights, and whatever the umask.
  if (::fchmod(file.get(), mode) != 0) return errno;
  if (!write_all(file.get(), content) || ::fsync(file.get()) != 0) return errno;
  return file.close() ? 0 : errno;
}

}  // namespace

Error io_error(std::string_view verb, const fs::path& path, int error, std::string_view setting) {
  return Error{Errc::io, Term(fmt::format("cannot {} {}: {}; {}", verb, path.string(),
                                          std::generic_category().message(error), advice(error, setting)))};
}

Result<Bytes> read_file(const fs::path& path, std::size_t bytes_max, std::string_view setting,
                        FileKind kind) {
  // Where others may write a FIFO would wait for a writer who never comes.
  const int blocking = kind == FileKind::regular ? O_NONBLOCK | O_NOCTTY : 0;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | blocking));
  if (!file.is_open()) {
    const int error = errno;
    // A name that the disk cannot hold is the name of no file.
    if (error == ENOENT || error == ENAMETOOLONG)
      return Error{Errc::not_found, Term(fmt::format("{} does not exist", path.string()))};
    return io_error("read", path, error, setting);
  }
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return io_error("read", path, errno, setting);
  if (kind == FileKind::regular && !S_ISREG(info.st_mode)) {
    return Error{Errc::io, Term(fmt::format("{} is no regular file; remove it or put one in its place",
                                            path.string()))};
  }
  // One byte more than allowed, so that too long a file shows without being read to its end.
  Bytes content(bytes_max + 1);
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t count = ::read(file.get(), content.data() + size, content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("read", path, errno, setting);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > bytes_max) {
    return Error{Errc::limit_exceeded, Term(fmt::format("{} has more than the {} bytes that it may have",
                                                        path.string(), bytes_max))};
  }
  content.resize(size);
  return content;
}

Result<> write_file(const fs::path& path, BytesView content, unsigned mode, std::string_view setting) {
  fs::path temporary;
  int error = write_temporary(path, content, mode, temporary);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    (void)::unlink(temporary.c_str());
    return io_error("write", path, error, setting);
  }
  sync_directory_of(path);
  return {};
}

Result<bool> write_new_file(const fs::path& path, BytesView content, unsigned mode,
                            std::string_view setting) {
  fs::path temporary;
  int error = write_temporary(path, content, mode, temporary);
  // A second name instead of a rename: it fails where the file exists.
  if (error == 0 && ::link(temporary.c_str(), path.c_str()) != 0) error = errno;
  (void)::unlink(temporary.c_str());
  if (error == EEXIST) return false;
  if (error != 0) return io_error("write", path, error, setting);
  sync_directory_of(path);
  return true;
}

Result<> make_directory(const fs::path& path, unsigned mode, std::string_view setting) {
  std::error_code failure;
  if (fs::is_directory(path, failure)) return {};
  if (path.has_parent_path()) {
    if (auto parent = make_directory(path.parent_path(), public_directory_mode, setting); !parent)
      return parent;
  }
  if (::mkdir(path.c_str(), mode) == 0) {
    sync_directory_of(path);
    return {};
  }
  const int error = errno;
  // Somebody else was faster.
  if (error == EEXIST && fs::is_directory(path, failure)) return {};
  return io_error("make the directory", path, error, setting);
}

Result<bool> remove_file(const fs::path& path, std::string_view setting) {
  if (::unlink(path.c_str()) == 0) {
    sync_directory_of(path);
    return true;
  }
  if (errno == ENOENT) return false;
  return io_error("delete", path, errno, setting);
}

Result<> check_private(const fs::path& path, std::string_view setting) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return io_error("read", path, errno, setting);
  const unsigned mode = info.st_mode & 0777U;
  if ((mode & 0077U) == 0) return {};
  return Error{
      Errc::not_trusted,
      Term(fmt::format("{0} can be used by others than its owner (mode {1:04o}); run: chmod 600 {0} - and if "
                       "somebody may have read it, replace it",
                       path.string(), mode))};
}

}  // namespace barrel::node
