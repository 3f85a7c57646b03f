#include "node/file_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "node/files.hpp"

namespace barrel::node {

namespace {

/// The file, or where there is none its directory: both can be locked by who may only read.
int open_for_reading(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 || errno != ENOENT) return fd;
  return ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

}  // namespace

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<FileLock> FileLock::acquire(const std::filesystem::path& path, std::string_view setting) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, private_file_mode);
  if (fd < 0 && (errno == EROFS || errno == EACCES || errno == EPERM)) fd = open_for_reading(path);
  if (fd < 0) return io_error("open", path, errno, setting);
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return io_error("lock", path, errno, setting);
  return Error{
      Errc::already_registered,
      Term(fmt::format("{} is locked: another node runs with these keys; stop it, or set {} (or data_dir) "
                       "to another directory",
                       path.string(), setting))};
}

}  // namespace barrel::node
