#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstdlib>
#include <string_view>

#include "loop/epoll_loop.hpp"
#include "loop/resolve.hpp"

namespace {

constexpr std::string_view crowded_host = "crowded.example";
constexpr unsigned addresses_of_it = 20;

/// As the C library allocates and frees it: one block.
addrinfo* entry(unsigned number, addrinfo* next) {
  struct Block {
    addrinfo info;
    sockaddr_in address;
  };
  auto* block = static_cast<Block*>(std::calloc(1, sizeof(Block)));
  block->address.sin_family = AF_INET;
  block->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number);
  block->info.ai_addr = reinterpret_cast<sockaddr*>(&block->address);
  block->info.ai_addrlen = sizeof block->address;
  block->info.ai_next = next;
  return &block->info;
}

}  // namespace

// Takes the place of the C library's, which cannot be made to know a host with many addresses.
extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  if (host == nullptr || host != crowded_host) {
    static const auto real = reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return real(host, service, hints, found);
  }
  *found = nullptr;
  for (unsigned number = addresses_of_it; number > 0; --number) *found = entry(number, *found);
  return 0;
}

namespace barrel::loop {
namespace {

TEST(Resolve, ANameWithManyAddressesIsCutAndCounted) {
  Metrics metrics;
  const auto loop = std::move(*make_epoll_loop(metrics));
  std::vector<SocketAddress> addresses;
  loop->resolve(std::string(crowded_host), 80, [&](Result<std::vector<SocketAddress>> found) {
    if (found) addresses = *std::move(found);
    loop->stop();
  });
  loop->run();
  ASSERT_EQ(addresses.size(), resolved_addresses_max);
  EXPECT_EQ(addresses.front(), *SocketAddress::parse("127.0.0.2:80")) << "the first ones stay";
  EXPECT_EQ(metrics.counter("loop.resolved_addresses_limit").value(),
            addresses_of_it - resolved_addresses_max);
}

}  // namespace
}  // namespace barrel::loop
