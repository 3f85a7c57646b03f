#include "loop/udp_control.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <cstring>

#include "loop/native_address.hpp"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace barrel::loop {
namespace {

template <class T>
T payload(const cmsghdr& header) {
  T value{};
  std::memcpy(&value, CMSG_DATA(&header), sizeof value);
  return value;
}

/// Appends one control message; `used` counts what the buffer holds.
template <class T>
void append(ControlBuffer& buffer, std::size_t& used, int level, int type, const T& value) {
  cmsghdr header{};
  header.cmsg_len = CMSG_LEN(sizeof value);
  header.cmsg_level = level;
  header.cmsg_type = type;
  std::memcpy(buffer.bytes.data() + used, &header, sizeof header);
  std::memcpy(buffer.bytes.data() + used + CMSG_LEN(0), &value, sizeof value);
  used += CMSG_SPACE(sizeof value);
}

void read_one(const cmsghdr& header, ControlData& data) {
  if (header.cmsg_level == IPPROTO_UDP && header.cmsg_type == UDP_GRO) {
    const int size = payload<int>(header);
    if (size > 0) data.segment_size = static_cast<std::size_t>(size);
  } else if (header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_PKTINFO) {
    data.destination = from_native(payload<in_pktinfo>(header).ipi_addr, 0);
  } else if (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_PKTINFO) {
    const auto info = payload<in6_pktinfo>(header);
    const bool link_local = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr);
    data.destination = from_native(info.ipi6_addr, 0, link_local ? info.ipi6_ifindex : 0);
  } else if ((header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_RECVERR) ||
             (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_RECVERR)) {
    data.error = static_cast<int>(payload<sock_extended_err>(header).ee_errno);
  } else if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SO_RXQ_OVFL) {
    data.overflows = payload<std::uint32_t>(header);
  }
}

}  // namespace

ControlData read_control(const msghdr& message) {
  ControlData data;
  auto* mutable_message = const_cast<msghdr*>(&message);
  for (cmsghdr* at = CMSG_FIRSTHDR(mutable_message); at != nullptr; at = CMSG_NXTHDR(mutable_message, at)) {
    read_one(*at, data);
  }
  return data;
}

void write_control(msghdr& message, ControlBuffer& buffer, const SocketAddress& source, int family,
                   std::uint16_t segment_size) {
  std::size_t used = 0;
  if (source.is_valid() && family == AF_INET6) {
    in6_pktinfo info{};
    info.ipi6_addr = native_v6(source);
    info.ipi6_ifindex = source.scope();
    append(buffer, used, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else if (source.is_valid()) {
    in_pktinfo info{};
    info.ipi_spec_dst = native_v4(source);
    append(buffer, used, IPPROTO_IP, IP_PKTINFO, info);
  }
  if (segment_size != 0) append(buffer, used, IPPROTO_UDP, UDP_SEGMENT, segment_size);
  message.msg_control = used == 0 ? nullptr : buffer.bytes.data();
  message.msg_controllen = used;
}

}  // namespace barrel::loop
