#include "dist/control.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "barrel/base/metrics.hpp"
#include "barrel/base/random.hpp"
#include "barrel/term/atom_quota.hpp"
#include "dist/message_reader.hpp"

namespace barrel::dist {
namespace {

const NodeName n1{"n1@127.0.0.1"};
const NodeName n2{"n2@127.0.0.1"};

const Pid at_n1{n1.atom(), 0xa0, 0, 4};
const Pid at_n2{n2.atom(), 0x0a, 0xffffffff, 0x80000001};
const Ref short_ref{n2.atom(), 4, 1, {7}};
const Ref long_ref{n2.atom(), 4, 5, {1, 2, 3, 4, 0xffffffff}};

Bytes with_payload(const Control& control, const Term& payload, Envelope envelope = Envelope::pass_through) {
  Bytes out;
  ByteWriter writer(out);
  encode_head(writer, control, envelope);
  if (has_payload(control)) encode_etf(writer, payload);
  return out;
}

/// All controls that n2 may send to n1, in every form of their fields.
std::vector<Control> all_controls() {
  const Term function = Term::tuple_of(Atom("timer"), Atom("sleep"), 1);
  return {
      Send{at_n2, at_n1},
      SendName{at_n2, Atom("spec_echo")},
      SendAlias{at_n2, long_ref},
      Link{at_n2, at_n1},
      Unlink{1, at_n2, at_n1},
      Unlink{0x1'0000'0000, at_n2, at_n1},
      Unlink{~std::uint64_t{0}, at_n2, at_n1},
      UnlinkAck{300, at_n2, at_n1},
      ExitLinked{at_n2, at_n1},
      Exit{at_n2, at_n1},
      Monitor{at_n2, at_n1, short_ref},
      Monitor{at_n2, Atom("spec_echo"), long_ref},
      Demonitor{at_n2, at_n1, short_ref},
      Demonitor{at_n2, Atom("spec_echo"), long_ref},
      MonitorDown{at_n2, at_n1, short_ref},
      MonitorDown{Atom("spec_echo"), at_n1, long_ref},
      GroupLeader{at_n2, at_n1},
      SpawnRequest{short_ref, at_n2, at_n2, function, Term::list({Atom("monitor")})},
      SpawnReply{short_ref, at_n1, 3, Term(at_n2)},
  };
}

class InBothEnvelopes : public testing::TestWithParam<Envelope> {
 protected:
  Metrics metrics;
  MessageReader reader{GetParam(), MessageParser(n1, n2), {}, metrics};
};
INSTANTIATE_TEST_SUITE_P(Control, InBothEnvelopes, testing::Values(Envelope::pass_through, Envelope::header),
                         [](const auto& instance) {
                           return instance.param == Envelope::header ? "header" : "pass_through";
                         });

TEST_P(InBothEnvelopes, EveryOperationIsReadBack) {
  const Term payload = Term::tuple_of(Atom("hello"), 1.5, "text");
  for (const Control& control : all_controls()) {
    const Bytes bytes = with_payload(control, payload, GetParam());
    const auto read = reader.read(bytes);
    ASSERT_TRUE(read) << control.index() << " " << read.error().message();
    const auto& message = *read;
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->control == control) << control.index();
    EXPECT_EQ(!message->payload.bytes.empty(), has_payload(control)) << control.index();
    if (has_payload(control)) {
      const auto decoded = decode_etf(message->payload.bytes);
      ASSERT_TRUE(decoded) << decoded.error().message();
      EXPECT_EQ(*decoded, payload);
    }
  }
}

/// Direction and bytes of a captured message, in the header envelope as it was and in the pass-through one;
/// and the bytes of its control tuple.
struct Captured {
  bool from_n2;
  std::string control_text;
  Bytes control;
  Bytes header;
  Bytes message;
};

std::vector<Captured> captured_messages() {
  std::ifstream file(BARREL_DIST_TESTDATA "/captured_messages.txt");
  EXPECT_TRUE(file.is_open());
  std::vector<Captured> messages;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#' || line[0] == ' ') continue;
    const std::size_t last = line.rfind(' ');
    const std::size_t first = line.find(' ');
    if (line.find('{') != first + 1) continue;
    const Bytes header_form = from_hex(line.substr(last + 1)).value_or(Bytes{});
    ByteReader reader(BytesView(header_form).subspan(3));  // 131 68 0
    EXPECT_TRUE(decode_etf(reader));
    Captured captured{
        line.starts_with("SEND"), line.substr(first + 1, last - first - 1), {}, header_form, {112, 131}};
    const BytesView control = BytesView(header_form).subspan(3, reader.position());
    captured.control.assign(control.begin(), control.end());
    captured.message.insert(captured.message.end(), control.begin(), control.end());
    if (!reader.at_end()) {
      captured.message.push_back(131);
      captured.message.insert(captured.message.end(), reader.rest().begin(), reader.rest().end());
    }
    messages.push_back(std::move(captured));
  }
  return messages;
}

TEST(Control, CapturedMessagesAreReadAndWrittenByteByByte) {
  const auto messages = captured_messages();
  EXPECT_EQ(messages.size(), 77U);
  for (const Captured& captured : messages) {
    const MessageParser parser(captured.from_n2 ? n1 : n2, captured.from_n2 ? n2 : n1);
    // A name is known only when somebody here has interned it; in this test, everybody's is.
    for (const char* monitored : {"nosuchname", "spec_echo", "global_name_server", "net_kernel"})
      (void)Atom(monitored);
    if (captured.control_text.starts_with("{6,")) {
      const std::size_t comma = captured.control_text.rfind(',');
      const std::string name = captured.control_text.substr(comma + 1);
      (void)Atom(std::string_view(name).substr(0, name.size() - 1));
    }
    const auto message = parser.parse(captured.message);
    ASSERT_TRUE(message) << captured.control_text << " " << message.error().message();
    Bytes head;
    ByteWriter writer(head);
    encode_head(writer, message->control);
    Bytes expected{112, 131};
    expected.insert(expected.end(), captured.control.begin(), captured.control.end());
    if (has_payload(message->control)) expected.push_back(131);
    EXPECT_EQ(to_hex(head), to_hex(expected)) << captured.control_text;

    Metrics metrics;
    MessageReader reader(Envelope::header, parser, {}, metrics);
    const auto as_it_was = reader.read(captured.header);
    ASSERT_TRUE(as_it_was) << captured.control_text << " " << as_it_was.error().message();
    EXPECT_TRUE((*as_it_was)->control == message->control) << captured.control_text;
    EXPECT_EQ(to_hex((*as_it_was)->payload.bytes), to_hex(message->payload.bytes)) << captured.control_text;
    Bytes whole;
    ByteWriter header_writer(whole);
    encode_head(header_writer, message->control, Envelope::header);
    const BytesView payload = message->payload.bytes;
    if (!payload.empty()) header_writer.bytes(payload.subspan(1));
    EXPECT_EQ(to_hex(whole), to_hex(captured.header)) << captured.control_text;
  }
}

TEST(Control, OnlyTheNegotiatedEnvelopeIsUnderstood) {
  Metrics metrics;
  MessageReader pass(Envelope::pass_through, MessageParser(n1, n2), {}, metrics);
  MessageReader header(Envelope::header, MessageParser(n1, n2), {}, metrics);
  const Control control = SendName{at_n2, Atom("spec_echo")};
  const Bytes in_pass = with_payload(control, 1);
  const Bytes in_header = with_payload(control, 1, Envelope::header);
  EXPECT_TRUE(pass.read(in_pass));
  EXPECT_TRUE(header.read(in_header));
  const auto code = [](MessageReader& reader, const Bytes& bytes) {
    const auto read = reader.read(bytes);
    return read ? std::string("accepted") : read.error().message();
  };
  const std::string other = "malformed: a message in another envelope than the negotiated one";
  EXPECT_EQ(code(pass, in_header), other);
  EXPECT_EQ(code(header, in_pass), other);
  Bytes cached = in_header;
  cached[2] = 1;
  EXPECT_EQ(code(header, cached), "malformed: a message with an atom cache, which was not negotiated");
}

/// `{Op, Elements...}` in the envelope, then the payload if there is one.
Bytes raw(std::vector<Term> elements, const std::optional<Term>& payload,
          Envelope envelope = Envelope::pass_through) {
  Bytes out{112, 131};
  if (envelope == Envelope::header) out = {131, 68, 0};
  ByteWriter writer(out);
  encode_etf(writer, Term::tuple(std::move(elements)));
  if (payload) {
    if (envelope == Envelope::pass_through) writer.u8(131);
    encode_etf(writer, *payload);
  }
  return out;
}

void expect_read(const std::vector<Term>& elements, const std::optional<Term>& payload,
                 const Control& expected, const std::optional<Term>& expected_payload) {
  Metrics metrics;
  for (const Envelope envelope : {Envelope::pass_through, Envelope::header}) {
    MessageReader reader(envelope, MessageParser(n1, n2), {}, metrics);
    const Bytes bytes = raw(elements, payload, envelope);  // outlives the payload, which is lent
    const auto read = reader.read(bytes);
    ASSERT_TRUE(read) << read.error().message();
    const auto& message = *read;
    EXPECT_TRUE(message->control == expected) << message->control.index();
    if (!expected_payload) {
      EXPECT_TRUE(message->payload.bytes.empty());
      continue;
    }
    const auto decoded = decode_etf(message->payload.bytes);
    ASSERT_TRUE(decoded) << decoded.error().message();
    EXPECT_EQ(*decoded, *expected_payload);
  }
}

TEST(Control, OlderFormsAndTracedOnesMeanTheSame) {
  const Term from(at_n2);
  const Term to(at_n1);
  const Term ref(short_ref);
  const Term none{Atom()};
  const Term token = Term::tuple_of(1, 2, Term::list({Atom("seq")}), from, 4);
  const Term message = Term::tuple_of(Atom("any"), 1);
  const Term name(Atom("spec_echo"));
  const Term function = Term::tuple_of(Atom("m"), Atom("f"), 0);
  const Term options = Term::list({Atom("link")});
  using T = std::vector<Term>;

  expect_read(T{2, none, to}, message, Send{{}, at_n1}, message);
  expect_read(T{12, none, to, token}, message, Send{{}, at_n1}, message);
  expect_read(T{23, from, to, token}, message, Send{at_n2, at_n1}, message);
  expect_read(T{16, from, none, name, token}, message, SendName{at_n2, Atom("spec_echo")}, message);
  expect_read(T{34, from, ref, token}, message, SendAlias{at_n2, short_ref}, message);
  expect_read(T{3, from, to, message}, {}, ExitLinked{at_n2, at_n1}, message);
  expect_read(T{13, from, to, token, message}, {}, ExitLinked{at_n2, at_n1}, message);
  expect_read(T{25, from, to, token}, message, ExitLinked{at_n2, at_n1}, message);
  expect_read(T{8, from, to, message}, {}, Exit{at_n2, at_n1}, message);
  expect_read(T{18, from, to, token, message}, {}, Exit{at_n2, at_n1}, message);
  expect_read(T{27, from, to, token}, message, Exit{at_n2, at_n1}, message);
  expect_read(T{21, from, to, ref, message}, {}, MonitorDown{at_n2, at_n1, short_ref}, message);
  expect_read(T{4, from, to}, {}, Unlink{0, at_n2, at_n1}, {});
  expect_read(T{5}, {}, Ignored{5}, {});
  expect_read(T{30, ref, from, from, function, options, token}, Term::list({}),
              SpawnRequest{short_ref, at_n2, at_n2, function, options}, Term::list({}));
  expect_read(T{32, ref, to, 1, from, token}, {}, SpawnReply{short_ref, at_n1, 1, from}, {});
  expect_read(T{37, 0, from, to}, message, Send{at_n2, at_n1}, message);
  expect_read(T{37, 3, from, to, token}, message, Send{at_n2, at_n1}, message);
  expect_read(T{37, 4, from, ref}, message, SendAlias{at_n2, short_ref}, message);
  expect_read(T{37, 8, from, name}, message, SendName{at_n2, Atom("spec_echo")}, message);
  expect_read(T{37, 16, from, to}, message, Exit{at_n2, at_n1}, message);
  expect_read(T{37, 20, from, ref}, message, Ignored{37}, message);
}

TEST(Control, WrongShapesAreRefused) {
  const MessageParser parser(n1, n2);
  const Term from(at_n2);
  const Term to(at_n1);
  const Term ref(short_ref);
  const Term message(1);
  using T = std::vector<Term>;
  const auto code = [&](T elements, const std::optional<Term>& payload) {
    const auto parsed = parser.parse(raw(std::move(elements), payload));
    return parsed ? std::string("accepted") : std::string(to_string(parsed.error().code));
  };
  EXPECT_EQ(code(T{22, from}, message), "malformed");
  EXPECT_EQ(code(T{22, from, to, to}, message), "malformed");
  EXPECT_EQ(code(T{22, from, Atom("name")}, message), "malformed");
  EXPECT_EQ(code(T{22, from, to}, {}), "malformed");
  EXPECT_EQ(code(T{1, from, to}, message), "malformed") << "a LINK has no payload";
  EXPECT_EQ(code(T{6, from, Atom(), 17}, message), "malformed");
  EXPECT_EQ(code(T{19, from, "binary", ref}, {}), "malformed");
  EXPECT_EQ(code(T{19, from, to, to}, {}), "malformed");
  EXPECT_EQ(code(T{35, -1, from, to}, {}), "malformed");
  EXPECT_EQ(code(T{35, Atom("id"), from, to}, {}), "malformed");
  EXPECT_EQ(code(T{99, from, to}, {}), "malformed");
  EXPECT_EQ(code(T{Atom("op"), from, to}, {}), "malformed");
  EXPECT_EQ(code(T{37, 2, from, to}, message), "malformed") << "announces a token and has none";
  EXPECT_EQ(code(T{3, from, to}, message), "malformed") << "an EXIT has its reason in the tuple";
}

TEST(Control, APeerSpeaksOnlyForItsOwnProcesses) {
  const MessageParser parser(n1, n2);
  const Term stranger(Pid{Atom("n3@127.0.0.1"), 1, 2, 3});
  const Term to(at_n1);
  const Term ref(short_ref);
  for (const std::vector<Term>& elements : {std::vector<Term>{22, stranger, to},
                                            {24, stranger, to},
                                            {26, to, to},
                                            {28, stranger, to, ref},
                                            {1, stranger, to},
                                            {19, stranger, to, ref}}) {
    const bool payload = elements[0] != Term(1) && elements[0] != Term(19);
    const auto parsed = parser.parse(raw(elements, payload ? std::optional(Term(1)) : std::nullopt));
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Errc::protocol_violation);
  }
}

TEST(Control, NamesThatNobodyHereKnowsFillNoTable) {
  const MessageParser parser(n1, n2);
  Bytes unknown = with_payload(SendName{at_n2, Atom("control_test_known")}, 1);
  const std::string_view known = "control_test_known";
  const auto at = std::search(unknown.begin(), unknown.end(), known.begin(), known.end());
  *at = 'X';
  const std::uint32_t before = Atom::table_size();
  const auto message = parser.parse(unknown);
  ASSERT_TRUE(message) << message.error().message();
  EXPECT_EQ(std::get<SendName>(message->control).to, Atom());
  EXPECT_EQ(Atom::table_size(), before);
}

/// What may be of a third node, which no code here has heard of.
const Pid at_third{Atom("third_0@127.0.0.1"), 7, 0, 5};
Bytes of_stranger(Bytes bytes) {
  const std::string_view known = "third_0";
  for (auto at = bytes.begin();; at += 7) {
    at = std::search(at, bytes.end(), known.begin(), known.end());
    if (at == bytes.end()) return bytes;
    *(at + 6) = 'X';
  }
}

TEST(Control, WhoAsksForAThirdNodeThatHasNoAtomIsAnswered) {
  EtfLimits limits = control_limits();
  limits.atom_quota = std::make_shared<AtomQuota>(0);
  const MessageParser parser(n1, n2, limits);
  const Term function = Term::tuple_of(Atom("timer"), Atom("sleep"), 1);
  const SpawnRequest request{short_ref, at_n2, at_third, function, Term()};
  const auto spawn = parser.parse(of_stranger(with_payload(request, Term::list({1}))));
  ASSERT_TRUE(spawn) << spawn.error().message();
  EXPECT_EQ(spawn->control, Control(SpawnRequest{short_ref, at_n2, Pid{}, function, Term()}));
  EXPECT_FALSE(spawn->payload.bytes.empty());
  const Bytes monitor = of_stranger(with_payload(Monitor{at_n2, at_third, short_ref}, 1));
  const auto watched = parser.parse(monitor);
  ASSERT_TRUE(watched) << watched.error().message();
  ASSERT_TRUE(std::holds_alternative<MonitorNobody>(watched->control));
  EXPECT_EQ(with_payload(watched->control, 1), monitor) << "the answer names what was asked";
  EXPECT_EQ(parser.parse(of_stranger(with_payload(Link{at_n2, at_third}, 1))).error().code,
            Errc::limit_exceeded);
  EXPECT_FALSE(Atom::find("third_X@127.0.0.1"));
}

TEST_P(InBothEnvelopes, ASpawnRequestThatIsOverALimitIsOneAllTheSame) {
  const Term options = Term::list(std::vector<Term>(2'000, Term(Atom("link"))));
  const Term function = Term::tuple_of(Atom("timer"), Atom("sleep"), 1);
  const SpawnRequest request{long_ref, at_n2, at_n2, function, options};
  const auto read = reader.read(with_payload(request, Term::list({1}), GetParam()));
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_TRUE(*read);
  EXPECT_EQ((*read)->control, Control(SpawnUnread{long_ref, at_n2}));
  EXPECT_TRUE((*read)->payload.bytes.empty());
  const SpawnRequest forged{long_ref, at_third, at_n2, function, options};
  EXPECT_EQ(reader.read(with_payload(forged, Term::list({1}), GetParam())).error().code,
            Errc::protocol_violation);
}

TEST(Control, MonitorsOfNamesThatNobodyHasCostNoAtomAndAreAnsweredAllTheSame) {
  EtfLimits limits;
  limits.atom_quota = std::make_shared<AtomQuota>(0);
  const MessageParser parser(n1, n2, limits);
  const auto unknown = [](const Control& control) {
    Bytes bytes = with_payload(control, 1);
    const std::string_view known = "monitored_name_0";
    const auto at = std::search(bytes.begin(), bytes.end(), known.begin(), known.end());
    *(at + 15) = 'X';
    return bytes;
  };
  const auto monitor = parser.parse(unknown(Monitor{at_n2, Atom("monitored_name_0"), short_ref}));
  ASSERT_TRUE(monitor) << monitor.error().message();
  const auto& nobody = std::get<MonitorNobody>(monitor->control);
  EXPECT_EQ(nobody.from, at_n2);
  EXPECT_EQ(nobody.ref, short_ref);
  EXPECT_EQ(with_payload(nobody, 1), unknown(Monitor{at_n2, Atom("monitored_name_0"), short_ref}));
  const auto demonitor = parser.parse(unknown(Demonitor{at_n2, Atom("monitored_name_0"), short_ref}));
  ASSERT_TRUE(demonitor) << demonitor.error().message();
  EXPECT_EQ(demonitor->control, Control(Ignored{20}));
  EXPECT_FALSE(Atom::find("monitored_name_X"));

  for (const Envelope envelope : {Envelope::pass_through, Envelope::header}) {
    Bytes answer;
    ByteWriter out(answer);
    encode_head(out, NobodyDown{nobody.name, nobody.from, nobody.ref}, envelope);
    const std::string_view name = "monitored_name_X";
    ASSERT_NE(std::search(answer.begin(), answer.end(), name.begin(), name.end()), answer.end());
    // As the one of a name that is known.
    Bytes wanted;
    ByteWriter like(wanted);
    encode_head(like, Control(MonitorDown{Atom("monitored_name_0"), at_n2, short_ref}), envelope);
    const auto at = std::search(answer.begin(), answer.end(), name.begin(), name.end());
    *(at + 15) = '0';
    EXPECT_EQ(answer, wanted);
  }
  EXPECT_FALSE(Atom::find("monitored_name_X"));
}

TEST(Control, PayloadsShareTheirOwnerOrAreCopied) {
  const MessageParser parser(n1, n2);
  const SharedBytes owned(with_payload(Send{at_n2, at_n1}, Term("payload")));
  const auto shared = parser.parse(owned.view(), owned.owner());
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->payload.share().view().data(), shared->payload.bytes.data());
  SharedBytes kept;
  {
    const Bytes lent = with_payload(Send{at_n2, at_n1}, Term("payload"));
    kept = parser.parse(lent)->payload.share();
  }
  EXPECT_EQ(*decode_etf(kept), Term("payload"));
}

TEST(Control, TruncatedAndMutatedMessagesNeverCrash) {
  const MessageParser parser(n1, n2);
  Random random(11);
  for (const Control& control : all_controls()) {
    const Bytes good = with_payload(control, Term::tuple_of(Atom("hello"), 1));
    const std::size_t payload =
        has_payload(control) ? encode_etf(Term::tuple_of(Atom("hello"), 1)).size() : 0;
    for (std::size_t size = 0; size + payload < good.size(); ++size) {
      EXPECT_FALSE(parser.parse(BytesView(good).first(size))) << control.index() << " " << size;
    }
    for (int round = 0; round < 500; ++round) {
      Bytes bytes = good;
      for (int i = 0; i < 3; ++i)
        bytes[2 + random.below(bytes.size() - 2)] = static_cast<std::uint8_t>(random.next());
      (void)parser.parse(bytes);
    }
  }
}

}  // namespace
}  // namespace barrel::dist
