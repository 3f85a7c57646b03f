#include "barrel/term/etf.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>

#include "barrel/term/atom_quota.hpp"
#include "barrel/term/big_int.hpp"
#include "barrel/term/term_text.hpp"
#include "term/random_term.hpp"

namespace barrel {
namespace {

Bytes hex(std::string_view digits) {
  const auto bytes = from_hex(digits);
  EXPECT_TRUE(bytes) << digits;
  return bytes.value_or(Bytes{});
}

Term read(std::string_view text) {
  const auto term = parse_term(text);
  EXPECT_TRUE(term) << text << ": " << term.error().message();
  return term.value_or(Term());
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

struct Vector {
  std::string text;
  std::string bytes;
};

std::string list_of(std::string_view element, std::size_t count) {
  std::string all(element);
  for (std::size_t i = 1; i < count; ++i) all.append(",").append(element);
  return all;
}

/// term_to_binary/1 of OTP 27.
std::vector<Vector> vectors() {
  return {
      {"0", "836100"},
      {"255", "8361ff"},
      {"256", "836200000100"},
      {"-1", "8362ffffffff"},
      {"2147483647", "83627fffffff"},
      {"-2147483648", "836280000000"},
      {"2147483648", "836e040000000080"},
      {"-2147483649", "836e040101000080"},
      {"9223372036854775808", "836e08000000000000000080"},
      {"-18446744073709551616", "836e0901000000000000000001"},
      {"1795356346172", "836e06003cc79303a201"},
      {"16#1" + repeated("0", 510), "836f0000010000" + repeated("00", 255) + "01"},
      {"1.5", "83463ff8000000000000"},
      {"-0.0", "83468000000000000000"},
      {"ok", "8377026f6b"},
      {"''", "837700"},
      {"'é'", "837702c3a9"},
      {"'λ'", "837702cebb"},
      {"'" + repeated("é", 255) + "'", "837601fe" + repeated("c3a9", 255)},
      {"true", "83770474727565"},
      {"{}", "836800"},
      {"{a,1}", "8368027701616101"},
      {"{" + list_of("1", 256) + "}", "836900000100" + repeated("6101", 256)},
      {"[]", "836a"},
      {"\"abc\"", "836b0003616263"},
      {"[1,256]", "836c00000002610162000001006a"},
      {"[a|b]", "836c00000001770161770162"},
      {"<<>>", "836d00000000"},
      {"<<1,2,3>>", "836d00000003010203"},
      {"<<5:3>>", "834d0000000103a0"},
      {"<<1,1:1>>", "834d00000002010180"},
      {"#{}", "837400000000"},
      {"#{a=>1}", "8374000000017701616101"},
      {"#{1=>a,b=>2.0}", "8374000000026101770161770162464000000000000000"},
      {"fun lists:map/2", "837177056c6973747377036d61706102"},
      {"{timestamp,1795356346172,0}", "836803770974696d657374616d706e06003cc79303a2016100"},
  };
}

TEST(Etf, WritesAndReadsWhatErlangWrites) {
  for (const Vector& vector : vectors()) {
    const Term term = read(vector.text);
    EXPECT_EQ(to_hex(encode_etf(term)), vector.bytes) << vector.text.substr(0, 40);
    const auto back = decode_etf(hex(vector.bytes));
    ASSERT_TRUE(back) << vector.text.substr(0, 40) << ": " << back.error().message();
    EXPECT_EQ(*back, term) << vector.text.substr(0, 40);
  }
}

TEST(Etf, ReadsACompressedTerm) {
  const auto term = decode_etf(hex("8350000000cb789ccb663891384c0000b4724cfc"));
  ASSERT_TRUE(term) << term.error().message();
  EXPECT_EQ(*term, Term::charlist(std::string(200, 'a')));
}

TEST(Etf, ReadsTheFormsOfOldErlangs) {
  const auto text = [](std::string_view digits) {
    const auto term = decode_etf(hex(digits));
    return term ? to_string(*term) : term.error().message();
  };
  EXPECT_EQ(text("8363" + to_hex(as_bytes("1.50000000000000000000e+00")) + "0000000000"), "1.5");
  EXPECT_EQ(text("83640002e9e8"), "éè");
  EXPECT_EQ(text("837302e9e8"), "éè");
  EXPECT_EQ(text("83657703614062000000070"
                 "2"),
            "#Ref<a@b.7>");
  EXPECT_EQ(text("837200037703614062"
                 "02"
                 "000000010000000200000003"),
            "#Ref<a@b.3.2.1>");
  EXPECT_EQ(text("8366770361406200000007"
                 "02"),
            "#Port<a@b.7>");
  EXPECT_EQ(text("8359770361406200000007"
                 "00000002"),
            "#Port<a@b.7>");
  EXPECT_EQ(text("8367770361406200000007"
                 "00000001"
                 "02"),
            "<a@b.7.1>");
  EXPECT_EQ(decode_etf(hex("83677703614062000000070000000102"))->as_pid()->creation, 2U);
  EXPECT_EQ(text("836c000000006a"), "[]");
  EXPECT_EQ(text("836c0000000161016c0000000161026a"), "[1,2]");
  EXPECT_EQ(text("836b0000"), "[]");
  EXPECT_EQ(text("834d0000000000"), "<<>>");
  EXPECT_EQ(text("836e050001000000"
                 "00"),
            "1");
}

TEST(Etf, WritesForTodayWhatItReadInOldForms) {
  EXPECT_EQ(to_hex(encode_etf(*decode_etf(hex("83677703614062000000070000000102")))),
            "835877036140620000000700000001"
            "00000002");
  EXPECT_EQ(to_hex(encode_etf(*decode_etf(hex("83640002e9e8")))), "837704c3a9c3a8");
}

TEST(Etf, ReferencesOfAliasesKeepTheirFiveWords) {
  const Ref ref{Atom("n2@127.0.0.1"), 4, 5, {1, 2, 3, 0, 0}};
  const Term tag = Term::list({Atom("alias")}, ref);
  const std::string bytes = to_hex(encode_etf(tag));
  EXPECT_EQ(bytes,
            "836c000000017705616c6961735a0005770c6e32403132372e302e302e3100000004"
            "00000001"
            "00000002"
            "00000003"
            "00000000"
            "00000000");
  const auto back = decode_etf(hex(bytes));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->tail().as_ref(), ref);
}

TEST(Etf, ListsOfBytesAreStringsUpTo65535) {
  std::vector<Term> bytes(65'535, Term(7));
  EXPECT_EQ(encode_etf(Term::list(bytes)).size(), 4U + 65'535);
  bytes.emplace_back(7);
  const Bytes encoded = encode_etf(Term::list(bytes));
  EXPECT_EQ(encoded[1], 108);
  EXPECT_EQ(*decode_etf(encoded), Term::list(bytes));
}

TEST(Etf, LargeBinariesShareTheirMessageAndSmallOnesDoNot) {
  const SharedBytes message(encode_etf(Term::tuple_of(std::string(64, 'x'), std::string(63, 'y'))));
  const auto term = decode_etf(message);
  ASSERT_TRUE(term);
  const auto inside = [&](const Term& binary) {
    return binary.bytes().data() >= message.view().data() &&
           binary.bytes().data() < message.view().data() + message.size();
  };
  EXPECT_TRUE(inside(term->elements()[0]));
  EXPECT_FALSE(inside(term->elements()[1]));
  EXPECT_EQ(term->elements()[0].as_text(), std::string(64, 'x'));
}

TEST(Etf, AReaderIsLeftBehindTheTerm) {
  const Bytes two = hex("83610177016b");
  ByteReader in(two);
  EXPECT_EQ(*decode_etf(in), Term(1));
  EXPECT_EQ(*decode_etf(in), Term(Atom("k")));
  EXPECT_TRUE(in.at_end());
  EXPECT_FALSE(decode_etf(in));
}

TEST(Etf, AtomsOfAPeerStayTextUntilConvertedAndThenCostItsQuota) {
  EtfLimits limits;
  limits.atom_quota = std::make_shared<AtomQuota>(1);
  const Atom known("ok");
  (void)read("{ok,<0.1.2>}");  // what the code itself interns on first use
  const auto before = Atom::table_size();
  const auto term = decode_etf(encode_etf(read("{etf_test_1,<etf_test_2@h.1.0>,etf_test_1,ok}")), limits);
  ASSERT_TRUE(term);
  EXPECT_TRUE(term->elements()[0].is_atom("etf_test_1"));
  EXPECT_FALSE(Atom::find("etf_test_1"));
  EXPECT_EQ(term->elements()[3].as_atom(), known);
  EXPECT_EQ(limits.atom_quota->used(), 0U);

  EXPECT_EQ(Atom::table_size(), before);

  const auto interned = term->elements()[0].as_atom();
  EXPECT_TRUE(interned);
  EXPECT_EQ(Atom::find("etf_test_1"), interned);
  EXPECT_EQ(limits.atom_quota->used(), 1U);
  // The same text again is known by now.
  EXPECT_TRUE(term->elements()[2].as_atom());
  EXPECT_FALSE(term->elements()[1].as_pid());
  EXPECT_FALSE(Atom::find("etf_test_2@h"));
  EXPECT_EQ(limits.atom_quota->refused(), 1U);
}

TEST(Etf, ClosuresAreSentOnUnchanged) {
  const std::string body = std::string("01") + repeated("ab", 16) + "00000005" + "00000001" + "77036d6f64" +
                           "6105" + "62000f4240" + "587703614062000000070000000000000004" + "77026f6b";
  const std::string fun =
      "8370" + std::string("000000") + to_hex(Bytes{static_cast<std::uint8_t>(body.size() / 2 + 4)}) + body;
  const auto term = decode_etf(hex(fun));
  ASSERT_TRUE(term) << term.error().message();
  EXPECT_EQ(term->kind(), Term::Kind::fun);
  EXPECT_EQ(to_string(*term), "#Fun<mod.5.1000000>");
  EXPECT_EQ(to_hex(encode_etf(*term)), fun);
  // Cut off, longer than its parts, or with another thing for its process.
  EXPECT_FALSE(decode_etf(hex(fun.substr(0, fun.size() - 2))));
  EXPECT_FALSE(decode_etf(hex(fun + "00")));
  std::string broken = fun;
  broken.replace(fun.find("5877036140"), 2, "66");
  EXPECT_FALSE(decode_etf(hex(broken)));
}

/// Messages between Erlang nodes; see the file's head.
struct Message {
  std::string control;
  std::string payload;
  Bytes bytes;
};

std::vector<Message> erlang_messages() {
  std::ifstream in(BARREL_TEST_DATA "/erlang_messages.txt");
  std::vector<Message> messages;
  for (std::string line; std::getline(in, line);) {
    const auto rest = [&](std::string_view key) { return line.substr(key.size()); };
    if (line.starts_with("control ")) messages.push_back({rest("control "), "", {}});
    if (line.starts_with("payload ")) messages.back().payload = rest("payload ");
    if (line.starts_with("bytes ")) messages.back().bytes = hex(rest("bytes "));
  }
  return messages;
}

TEST(Etf, MessagesBetweenErlangNodesReadPrintAndWriteTheSame) {
  const auto messages = erlang_messages();
  ASSERT_EQ(messages.size(), 77U);
  for (const Message& message : messages) {
    ByteReader in(message.bytes);
    EXPECT_EQ(in.u8(), 131);
    EXPECT_EQ(in.u16(), 68 << 8);
    Bytes again = hex("834400");
    ByteWriter out(again);
    const auto control = decode_etf(in);
    ASSERT_TRUE(control) << message.control << ": " << control.error().message();
    EXPECT_EQ(to_string(*control), message.control);
    EXPECT_EQ(to_string(*parse_term(message.control)), message.control);
    encode_etf(out, *control);
    if (message.payload != "none") {
      const auto payload = decode_etf(in);
      ASSERT_TRUE(payload) << message.payload << ": " << payload.error().message();
      EXPECT_EQ(to_string(*payload), message.payload);
      encode_etf(out, *payload);
    }
    EXPECT_TRUE(in.at_end()) << message.control;
    EXPECT_EQ(to_hex(again), to_hex(message.bytes)) << message.control;
  }
}

RC_GTEST_PROP(Etf, ReadsBackWhatItWrites, (std::uint64_t seed)) {
  Random random(seed);
  const Term term = random_term(random);
  const Bytes bytes = encode_etf(term);
  const auto back = decode_etf(bytes);
  if (!back) RC_FAIL(to_string(term) + ": " + back.error().message());
  RC_ASSERT(*back == term);
  RC_ASSERT(encode_etf(*back) == bytes);
  RC_ASSERT(*decode_etf(SharedBytes(bytes)) == term);
}

TEST(EtfSharing, ASmallPartOfALargeMessageDoesNotKeepItAlive) {
  const auto kept_by = [](std::size_t part, std::size_t rest) {
    const Term message = Term::tuple_of(Term(std::string(part, 'p')), Term(std::string(rest, 'r')));
    const SharedBytes bytes(encode_etf(message));
    const Result<Term> read = decode_etf(bytes);
    EXPECT_EQ(*read, message);
    return read->elements()[0].shared_bytes().owner() == bytes.owner();
  };
  EXPECT_TRUE(kept_by(64, 1'000));
  EXPECT_FALSE(kept_by(63, 1'000));
  EXPECT_TRUE(kept_by(20'000, 100'000));
  EXPECT_FALSE(kept_by(20'000, 1'000'000));
}

}  // namespace
}  // namespace barrel
