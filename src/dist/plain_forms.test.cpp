#include "dist/plain_forms.hpp"

#include <gtest/gtest.h>

#include "barrel/term/term_text.hpp"
#include "dist/envelope.hpp"

namespace barrel::dist {
namespace {

const NodeName self{"me@127.0.0.1"};
const NodeName c_node{"c1@127.0.0.1"};
const Pid ours{self.atom(), 7, 1, 4};
const Pid theirs{c_node.atom(), 1, 0, 5};
const Ref ref{self.atom(), 4, 3, {1, 2, 3, 0, 0}};
/// What ei offers (OTP 25).
constexpr Flags of_ei = otp_mandatory_flags | flag::dist_monitor;

Bytes frame_of(const Control& control, const Term& payload) {
  Bytes frame;
  ByteWriter out(frame);
  encode_head(out, control);
  if (has_payload(control)) encode_etf(out, payload);
  return frame;
}

/// What the peer reads, as text: its control tuple, and the message behind it if there is one.
std::string read(BytesView written) {
  ByteReader in(written);
  if (in.at_end()) return "nothing";
  const std::uint32_t length = in.u32();
  EXPECT_EQ(length, in.remaining());
  EXPECT_EQ(in.u8(), pass_through);
  const auto control = decode_etf(in);
  if (!control) return control.error().message();
  std::string text = to_string(*control);
  if (in.at_end()) return text;
  EXPECT_EQ(in.rest()[0], version_byte);
  const auto message = decode_etf(in);
  EXPECT_TRUE(in.at_end());
  return text + " " + (message ? to_string(*message) : message.error().message());
}

std::string written(Flags flags, const Control& control, const Term& payload = Atom("why")) {
  Bytes out;
  const auto result = PlainForms(flags).write(frame_of(control, payload), out);
  EXPECT_EQ(result.any, !out.empty());
  return read(out);
}

TEST(PlainForms, AreForPeersThatLackWhatOurEncoderReliesOn) {
  EXPECT_FALSE(PlainForms::needed(offered_flags));
  EXPECT_TRUE(PlainForms::needed(of_ei));
  EXPECT_TRUE(PlainForms::needed(offered_flags & ~flag::spawn));
  EXPECT_FALSE(PlainForms::needed(offered_to_erlang & ~flag::spawn)) << "not in the header envelope";
}

TEST(PlainForms, MessagesHaveNoSender) {
  EXPECT_EQ(written(of_ei, Send{ours, theirs}, Term::tuple_of(Atom("rex"), 3)),
            "{2,''," + to_string(Term(theirs)) + "} {rex,3}");
  EXPECT_EQ(written(of_ei | flag::send_sender, Send{ours, theirs}, 3).substr(0, 4), "{22,");
  const std::string named = written(of_ei, SendName{ours, Atom("any")}, 3);
  EXPECT_EQ(named, "{6," + to_string(Term(ours)) + ",'',any} 3");
}

TEST(PlainForms, ReasonsStandInTheTuple) {
  const std::string pids = to_string(Term(ours)) + "," + to_string(Term(theirs));
  EXPECT_EQ(written(of_ei, ExitLinked{ours, theirs}), "{3," + pids + ",why}");
  EXPECT_EQ(written(of_ei, Exit{ours, theirs}), "{8," + pids + ",why}");
  EXPECT_EQ(written(of_ei, MonitorDown{ours, theirs, ref}),
            "{21," + pids + "," + to_string(Term(ref)) + ",why}");
  EXPECT_EQ(written(of_ei, MonitorDown{Atom("room"), theirs, ref}).substr(0, 9), "{21,room,");
  EXPECT_EQ(written(of_ei | flag::exit_payload, Exit{ours, theirs}), "{26," + pids + "} why");
}

TEST(PlainForms, MonitorsGoOnlyToWhoUnderstandsThem) {
  EXPECT_EQ(written(of_ei, Monitor{ours, theirs, ref}).substr(0, 4), "{19,");
  EXPECT_EQ(written(of_ei, Monitor{ours, Atom("any"), ref}), "nothing");
  EXPECT_EQ(written(of_ei, Demonitor{ours, Atom("any"), ref}), "nothing");
  EXPECT_EQ(written(of_ei | flag::dist_monitor_name, Monitor{ours, Atom("any"), ref}).substr(0, 4), "{19,");
  EXPECT_EQ(written(otp_mandatory_flags, Monitor{ours, theirs, ref}), "nothing");
}

TEST(PlainForms, ASpawnRequestIsAnsweredInThePeersName) {
  Bytes out;
  const SpawnRequest request{ref, ours, ours, Term::tuple_of(Atom("m"), Atom("f"), 0), Term()};
  const auto result = PlainForms(of_ei).write(frame_of(request, Term()), out);
  EXPECT_TRUE(out.empty());
  ASSERT_TRUE(result.answer);
  EXPECT_EQ(*result.answer, (SpawnReply{ref, ours, 0, Atom("notsup")}));
  EXPECT_EQ(written(of_ei | flag::spawn, request, Term()).substr(0, 4), "{29,");
}

TEST(PlainForms, TheRestIsLeftAsItIs) {
  for (const Control& control : {Control(Link{ours, theirs}), Control(Unlink{9, ours, theirs}),
                                 Control(UnlinkAck{9, ours, theirs}), Control(GroupLeader{ours, theirs})}) {
    const Bytes frame = frame_of(control, Term());
    Bytes out;
    ASSERT_TRUE(PlainForms(of_ei).write(frame, out).any);
    EXPECT_EQ(Bytes(out.begin() + 4, out.end()), frame);
  }
}

}  // namespace
}  // namespace barrel::dist
