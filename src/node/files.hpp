#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "barrel/base/bytes.hpp"
#include "barrel/term/result.hpp"

namespace barrel::node {

/// Access rights of what is secret or decides whom we trust, and of what anybody may read.
inline constexpr unsigned private_file_mode = 0600;
inline constexpr unsigned public_file_mode = 0644;
inline constexpr unsigned private_directory_mode = 0700;
inline constexpr unsigned public_directory_mode = 0755;

// All of these block on the disk and are thread-safe as long as no two threads write the same path. Errors
// name the path, what the system said and what to do; `setting` is the configuration key that the path comes
// from.

/// "cannot <verb> <path>: <what the system says>; <what to do>". `error` is an errno.
[[nodiscard]] Error io_error(std::string_view verb, const std::filesystem::path& path, int error,
                             std::string_view setting);

enum class FileKind : std::uint8_t {
  regular,  ///< Or a link to one: what else there is in a directory might never end.
  any,      ///< Also a pipe, for a file that the user names.
};

/// The whole file. Errc::not_found when there is none, Errc::limit_exceeded above `bytes_max`, Errc::io.
[[nodiscard]] Result<Bytes> read_file(const std::filesystem::path& path, std::size_t bytes_max,
                                      std::string_view setting, FileKind kind = FileKind::regular);

/// Replaces the file so that after a crash there is the old or the new content, never a part: `<path>.tmp`
/// (or
/// `<path>.<random>.tmp` where that cannot be) is created with `mode`, written, synced and renamed, and the
/// directory synced. Errc::io.
[[nodiscard]] Result<> write_file(const std::filesystem::path& path, BytesView content, unsigned mode,
                                  std::string_view setting);

/// As write_file(), but never replaces a file: gives false, and changes nothing, when there is one.
[[nodiscard]] Result<bool> write_new_file(const std::filesystem::path& path, BytesView content, unsigned mode,
                                          std::string_view setting);

/// Makes the directory, and those above it, unless it is there. A new one gets `mode`. Errc::io.
[[nodiscard]] Result<> make_directory(const std::filesystem::path& path, unsigned mode,
                                      std::string_view setting);

/// False when there was no such file. Errc::io.
[[nodiscard]] Result<bool> remove_file(const std::filesystem::path& path, std::string_view setting);

/// Errc::not_trusted, telling to chmod, when somebody but the owner may read or write the file.
[[nodiscard]] Result<> check_private(const std::filesystem::path& path, std::string_view setting);

}  // namespace barrel::node
