// What is longer than the other node accepts (frame_bytes_max): whoever waits for it is told at once.

#include "barrel/otp/gen_server.hpp"
#include "test_nodes.hpp"

namespace barrel::test {
namespace {

/// Little enough for a test, and far from what else crosses.
constexpr std::size_t frame_bytes_max = 100'000;
constexpr std::size_t too_many = 150'000;
/// Calls that are to end at once would end with timeout, and the test would fail, after this.
constexpr Duration patience = 30s;

const Error too_large(Errc::limit_exceeded, Atom("frame_bytes_max"));

std::string text_of(std::size_t bytes) {
  return std::string(bytes, 'x');
}
std::size_t length_of(const std::string& text) {
  return text.size();
}

/// Answers as long as it is asked to, at once or by another process.
struct Talker {
  struct Say {
    static constexpr std::string_view tag = "say";
    std::size_t bytes = 0;
    using Reply = std::string;
  };
  struct SayLater {
    static constexpr std::string_view tag = "say_later";
    std::size_t bytes = 0;
    using Reply = std::string;
  };
  using Calls = barrel::Messages<Say, SayLater>;
  explicit Talker(Self self) : self_(self) { (void)self.register_name("talker"); }
  std::string handle_call(const Say& say) { return text_of(say.bytes); }
  void handle_call(const SayLater& say, ReplyTo<SayLater> to) {
    self_.spawn(
        +[](Self, ReplyTo<SayLater> asker, std::size_t bytes) -> Task<> {
          asker.reply(text_of(bytes));
          co_return;
        },
        std::move(to), say.bytes);
  }

 private:
  Self self_;
};

class FrameLimit : public TestNodes {
 protected:
  [[nodiscard]] std::unique_ptr<Node> start_small(std::string_view name) const {
    NodeConfig small = config(name);
    small.channel.frame_bytes_max = frame_bytes_max;
    return start(small);
  }
};

Task<std::vector<Error>> ask_for_too_much(Self self, Pid server) {
  const Talker::Say say{too_many};
  const Talker::SayLater later{too_many};
  const NodeLocalName name{"talker", server.node()};
  std::vector<Error> errors;
  for (const Address& to : {Address(server), Address(name)}) {
    const auto at_once = co_await self.call(to, say, patience);
    if (!at_once) errors.push_back(at_once.error());
    const auto by_another = co_await self.call(to, later, patience);
    if (!by_another) errors.push_back(by_another.error());
  }
  co_return errors;
}

TEST_F(FrameLimit, ACallWhoseReplyIsTooLongEndsAndTheServerLives) {
  const auto a = start_small("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  const auto server = b->start_server<Talker>();
  ASSERT_TRUE(server);
  const auto errors = a->run(&ask_for_too_much, *server);
  ASSERT_TRUE(errors);
  EXPECT_EQ(*errors, std::vector<Error>(4, too_large));
  EXPECT_EQ(a->call(*server, Talker::Say{3}), Result<std::string>("xxx"));
  EXPECT_EQ(b->metrics().at("dist.outbound_too_large"), 4U);
}

Task<std::vector<Error>> call_too_much(Self self, NodeName small, NodeName large) {
  std::vector<Error> errors;
  const std::string text = text_of(too_many);
  // Connects, after which the other node's limit is known.
  (void)co_await self.rpc<std::size_t>(small, patience, "text", "length", "x");
  const auto result = co_await self.rpc<std::string>(large, patience, "text", "make", too_many);
  if (!result) errors.push_back(result.error());
  const auto called = co_await self.rpc<std::size_t>(small, patience, "text", "length", text);
  if (!called) errors.push_back(called.error());
  const auto spawned = co_await self.spawn_on(small, "text", "length", text);
  if (!spawned) errors.push_back(spawned.error());
  const auto linked = co_await self.spawn_link_on(small, "text", "length", text);
  if (!linked) errors.push_back(linked.error());
  const auto watched = co_await self.spawn_monitor_on(small, "text", "length", text);
  if (!watched) errors.push_back(watched.error());
  self.rpc_cast(small, "text", "length", text);  // nobody waits for it
  co_return errors;
}

TEST_F(FrameLimit, AFunctionWhoseArgumentsOrResultAreTooLongSaysSoAtOnce) {
  const auto a = start_small("a");
  const auto b = start("b");
  ASSERT_TRUE(a && b);
  for (const auto& node : {a.get(), b.get()}) {
    node->functions().expose("text", "make", text_of);
    node->functions().expose("text", "length", length_of);
  }
  const auto of_arguments = b->run(&call_too_much, a->name(), a->name());
  ASSERT_TRUE(of_arguments);
  // A node that accepts little sends as little.
  EXPECT_EQ(*of_arguments, std::vector<Error>(5, too_large));
  EXPECT_EQ(b->metrics().at("dist.outbound_too_large"), 5U);
  EXPECT_EQ(a->metrics().at("dist.outbound_too_large"), 1U);
  const auto of_result = a->run(&call_too_much, b->name(), b->name());
  ASSERT_TRUE(of_result);
  EXPECT_EQ(*of_result, std::vector<Error>(5, too_large));
}

}  // namespace
}  // namespace barrel::test
