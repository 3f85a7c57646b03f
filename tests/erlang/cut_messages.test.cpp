// Messages to a Barrel node that stay incomplete, and those of a peer that makes no fragments: an Erlang node
// behind a proxy that swallows the rest, or that strikes out capabilities.

#include <unistd.h>

#include <fstream>

#include "erlang/echo.hpp"
#include "erlang/proxied.hpp"
#include "erlang/puppet.hpp"
#include "support/sanitized.hpp"

namespace barrel::test {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

/// What this process takes of the machine's memory.
std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

class CutMessages : public ProxiedNodes {
 protected:
  void SetUp() override {
    ASSERT_TRUE(node_);
    node_->functions().expose("test", "echo", echo_numbered);
    puppet_.start(*node_, "puppet");
  }
  void TearDown() override { node_.reset(); }

  Puppet puppet_;
};

TEST_F(CutMessages, OfANodeThatDiesAreDroppedAndTheirMemoryIsGivenBack) {
  auto beam = dial_by_proxy("#{stop_after => 48 * 1024 * 1024}");
  beam->eval("{puppet, 'b@127.0.0.1'} ! before");
  ASSERT_TRUE(puppet_.hears("before"));
  const std::size_t before = resident_bytes();
  (void)beam->begin("{puppet, 'b@127.0.0.1'} ! {large, binary:copy(<<7>>, 64 * 1024 * 1024)}");
  ASSERT_TRUE(eventually([&] { return resident_bytes() > before + 40 * mebibyte; }, 30s));
  beam->kill();
  ASSERT_TRUE(eventually([&] { return node_->hidden_nodes().empty(); }));
  if (resident_tells) {
    EXPECT_TRUE(eventually([&] { return resident_bytes() < before + 16 * mebibyte; }))
        << resident_bytes() << " " << before;
  }
  EXPECT_EQ(node_->metrics()["dist.fragmented_messages_received"], 0U);
  beam = dial(std::to_string(node_->tcp_port()));
  beam->load("sizes.erl");
  EXPECT_EQ(beam->text("sizes:echo('b@127.0.0.1', 2, 20)", 30s), "[normal]");
  beam->eval("{puppet, 'b@127.0.0.1'} ! last");
  ASSERT_TRUE(puppet_.hears("last"));
  EXPECT_EQ(puppet_.heard(), (std::vector<std::string>{"before", "last"}));
}

TEST_F(CutMessages, EveryEnvelopeThatAnErlangNodeCanUseIsUnderstood) {
  struct Peer {
    const char* dropped;
    bool has_fragments;
  };
  // Nothing; FRAGMENTS; DIST_HDR_ATOM_CACHE, too; and EXIT_PAYLOAD and SEND_SENDER, too.
  for (const Peer& peer :
       {Peer{"0", true}, Peer{"16#800000", false}, Peer{"16#802000", false}, Peer{"16#C82000", false}}) {
    SCOPED_TRACE(peer.dropped);
    const auto received = node_->metrics()["dist.fragmented_messages_received"];
    auto beam = dial_by_proxy("#{drop_flags => " + std::string(peer.dropped) + "}");
    beam->load("sizes.erl");
    EXPECT_EQ(beam->text("sizes:echo('b@127.0.0.1', 4, 40)", 30s), "[normal]") << beam->transcript();
    EXPECT_EQ(node_->metrics()["dist.fragmented_messages_received"] > received, peer.has_fragments);
    EXPECT_EQ(beam->text("P = spawn_link('b@127.0.0.1', test, echo, []), process_flag(trap_exit, true),"
                         "exit(P, {large, binary:copy(<<1>>, 300000)}),"
                         "receive {'EXIT', P, {large, Bytes}} -> byte_size(Bytes) after 5000 -> timeout end"),
              "300000");
    end(std::move(beam));
  }
}

}  // namespace
}  // namespace barrel::test
