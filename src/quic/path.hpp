#pragma once

#include "barrel/base/socket_address.hpp"
#include "quic/ngtcp2_api.hpp"

namespace barrel::quic {

/// An ngtcp2 path that owns its addresses, made from ours. Not copyable: it points into itself.
class Path {
 public:
  /// Room for a path that ngtcp2 fills in.
  Path();
  Path(const SocketAddress& local, const SocketAddress& remote);
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  [[nodiscard]] ngtcp2_path* get() { return &storage_.path; }
  [[nodiscard]] SocketAddress local() const;
  [[nodiscard]] SocketAddress remote() const;
  [[nodiscard]] bool same_as(const Path& other) const;
  [[nodiscard]] bool same_as(const ngtcp2_path& other) const;
  void assign(const ngtcp2_path& other);
  void assign(const Path& other) { assign(other.storage_.path); }

 private:
  ngtcp2_path_storage storage_;
};

/// An address as the token functions want it.
struct NativeAddress {
  explicit NativeAddress(const SocketAddress& address);
  [[nodiscard]] const ngtcp2_sockaddr* get() const { return &storage.sa; }

  ngtcp2_sockaddr_union storage{};
  ngtcp2_socklen length = 0;
};

}  // namespace barrel::quic
