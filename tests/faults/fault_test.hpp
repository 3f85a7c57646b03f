#pragma once

#include <fstream>
#include <iterator>
#include <list>

#include "cluster/cluster_test.hpp"
#include "node/discovery_endpoint.hpp"
#include "support/udp_forwarder.hpp"

namespace barrel::test {

/// Failure times that a test need not wait long for.
inline const std::vector<std::string> quick_failures = {"--ping-after-ms=300", "--suspect-after-ms=900",
                                                        "--down-after-ms=1500", "--contact-retry-ms=500",
                                                        "--base-backoff-ms=200"};

/// Nodes each of which finds only those that it is shown, by a path of the test's choice.
class FaultTest : public ClusterTest {
 protected:
  /// Starts a node with a discovery directory of its own.
  ChatNode& start_apart(const std::string& name, const std::string& contact = "",
                        const std::vector<std::string>& arguments = {}) {
    ChatSetup own = setup_;
    own.directory = home_of(name);
    std::unique_ptr<ChatNode>& node = nodes_[name];
    node.reset();
    node = std::make_unique<ChatNode>(own, name, contact, arguments);
    EXPECT_TRUE(node->is_up()) << name;
    return *node;
  }
  [[nodiscard]] std::filesystem::path home_of(const std::string& name) const {
    return directory_.path() / ("home_" + name);
  }

  [[nodiscard]] static std::uint16_t port_in(const std::filesystem::path& endpoint) {
    std::ifstream in(endpoint, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    const auto address = node::parse_endpoint(as_bytes(text));
    EXPECT_TRUE(address) << endpoint;
    return address ? address->port : std::uint16_t{0};
  }
  /// Where a node that was started apart listens.
  [[nodiscard]] std::uint16_t port_of(const std::string& name) const {
    return port_in(home_of(name) / "discovery" / (name + "@127.0.0.1.endpoint"));
  }
  /// Lets `holder`, started or not, find `name` at a port.
  void show(const std::string& holder, const std::string& name, std::uint16_t port) const {
    const std::filesystem::path directory = home_of(holder) / "discovery";
    std::filesystem::create_directories(directory);
    std::ofstream(directory / (name + "@127.0.0.1.endpoint"))
        << node::format_endpoint({.host = "127.0.0.1", .port = port});
  }

  /// Two nodes, `a` and `b`, that reach each other only through paths_. `b` joins through `a`.
  void start_pair(const std::vector<std::string>& arguments = {}, bool cut = false) {
    start_apart("a", "", arguments);
    UdpForwarder& to_a = paths_.emplace_back(port_of("a"), 1);
    to_a.set_cut(cut);
    show("b", "a", to_a.port());
    start_apart("b", "a", arguments);
    UdpForwarder& to_b = paths_.emplace_back(port_of("b"), 2);
    to_b.set_cut(cut);
    show("a", "b", to_b.port());
  }
  void set_conditions(const UdpForwarder::Conditions& conditions) {
    for (UdpForwarder& path : paths_) path.set_conditions(conditions);
  }
  void set_cut(bool cut) {
    for (UdpForwarder& path : paths_) path.set_cut(cut);
  }
  void expect_linked() {
    EXPECT_TRUE(sees(node("a"), "b"));
    EXPECT_TRUE(sees(node("b"), "a"));
  }
  /// Room `lobby` on `a`, with both as members.
  void make_lobby() {
    make_room(node("a"), "lobby", {&node("b")});
    join(node("a"), "lobby");
    join(node("b"), "lobby");
  }
  /// `one_by_one`: each when `b` has heard the one before, so that no two share a datagram.
  enum class Pace : std::uint8_t { at_once, one_by_one };

  /// Says the numbers from `first` on in the lobby, and expects both to hear each once and in order.
  void expect_exact_chat(const std::string& from, int first, int count, std::chrono::milliseconds limit = 20s,
                         Pace pace = Pace::at_once) {
    std::map<std::string, std::size_t> marks;
    for (const char* name : {"a", "b"}) marks[name] = node(name).child().mark();
    const std::string start = "[lobby] <" + from + "@127.0.0.1> number ";
    for (int i = first; i < first + count; ++i) {
      node(from).send("send lobby number " + std::to_string(i) + ".");
      if (pace == Pace::at_once) continue;
      ASSERT_TRUE(node("b").prints(start + std::to_string(i) + ".", limit, marks["b"])) << i;
    }
    for (const char* name : {"a", "b"}) {
      EXPECT_TRUE(node(name).prints(start + std::to_string(first + count - 1) + ".", limit, marks[name]))
          << name;
      std::vector<std::string> heard;
      for (const std::string& line : node(name).child().lines(marks[name])) {
        if (line.starts_with(start)) heard.push_back(line);
      }
      std::vector<std::string> said;
      for (int i = first; i < first + count; ++i) said.push_back(start + std::to_string(i) + ".");
      EXPECT_EQ(heard, said) << name;
    }
  }

  std::list<UdpForwarder> paths_;
};

}  // namespace barrel::test
