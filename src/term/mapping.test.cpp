#include "barrel/term/mapping.hpp"

#include <gtest/gtest.h>

#include <map>
#include <unordered_map>

#include "barrel/term/atom_quota.hpp"
#include "barrel/term/big_int.hpp"
#include "barrel/term/term_text.hpp"

namespace barrel {
namespace {

struct ChatRoom {
  static constexpr std::string_view tag = "chat_room";
  Atom room;
  [[maybe_unused]] friend bool operator==(const ChatRoom&, const ChatRoom&) = default;
};
struct ChatMessage {
  Atom room;
  NodeName from;
  std::string text;
  SystemTime at;
  friend bool operator==(const ChatMessage&, const ChatMessage&) = default;
};
struct Stop {
  friend bool operator==(const Stop&, const Stop&) = default;
};
struct WorkerMeta {
  static constexpr Keys<3> keys{"zone", "load", "note"};
  Atom zone;
  int load = 0;
  std::optional<std::string> note;
  friend bool operator==(const WorkerMeta&, const WorkerMeta&) = default;
};
struct HTTPServer2Config {};
template <class T>
struct Box {
  T content{};
};
struct Tree {
  int value = 0;
  std::vector<Tree> children;
  [[maybe_unused]] friend bool operator==(const Tree&, const Tree&) = default;
};
struct Twelve {
  std::optional<int> a;
  std::variant<ChatRoom, std::string> b;
  ChatRoom c;
  std::optional<ChatRoom> d;
  std::vector<ChatRoom> e;
  Term f;
  Pid g;
  Result<void> h;
  Result<int> i;
  std::map<std::string, int> j;
  std::pair<int, double> k;
  WorkerMeta l;
};
struct Sixteen {
  int a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10, k = 11, l = 12, m = 13, n = 14,
      o = 15, p = 16;
};
/// A class that says itself what it is.
class Celsius {
 public:
  Celsius() = default;
  explicit Celsius(int degrees) : degrees_(degrees) {}
  [[nodiscard]] Term to_term() const { return Term::tuple_of(Atom("celsius"), degrees_); }
  [[nodiscard]] static Result<Celsius> from_term(const Term& term) {
    if (!term.is_tagged("celsius", 2)) return Error{Errc::malformed, "no temperature"};
    return Celsius(static_cast<int>(term.elements()[1].as_int64().value_or(0)));
  }
  [[maybe_unused]] friend bool operator==(const Celsius&, const Celsius&) = default;

 private:
  int degrees_ = 0;
};
struct Weather {
  Celsius outside;
};
struct HasPointer {
  int* pointer = nullptr;
};
struct HasHasPointer {
  std::vector<HasPointer> all;
};

static_assert(Mapped<ChatMessage> && Mapped<Stop> && Mapped<WorkerMeta> && Mapped<Tree> && Mapped<Twelve> &&
              Mapped<Sixteen> && Mapped<Celsius> && Mapped<Weather> && Mapped<Box<int>>);
static_assert(!Mapped<HasPointer> && !Mapped<HasHasPointer> && !Mapped<int*> &&
              !Mapped<std::optional<HasPointer>> && !Mapped<char> && !Mapped<std::string_view>);
static_assert(Messages<Stop, Tree>::count == 2);

std::string text_of(const auto& value) {
  return to_string(to_term(value));
}

template <class T>
Result<T> read(std::string_view text) {
  const auto term = parse_term(text);
  EXPECT_TRUE(term) << text << ": " << term.error().message();
  const Result<T> from_memory = from_term<T>(*term);
  // The other source must agree, also about what it refuses.
  Bytes bytes;
  ByteWriter out(bytes);
  encode_etf(out, *term);
  ByteReader in(bytes);
  const Result<T> from_bytes = decode_etf_as<T>(in);
  EXPECT_EQ(from_bytes.has_value(), from_memory.has_value()) << text;
  if (from_bytes && from_memory) {
    EXPECT_EQ(to_term(*from_bytes), to_term(*from_memory)) << text;
    EXPECT_TRUE(in.at_end()) << text;
  } else {
    EXPECT_EQ(from_bytes.error().message(), from_memory.error().message()) << text;
  }
  return from_memory;
}

template <class T>
std::string refusal(std::string_view text) {
  const Result<T> value = read<T>(text);
  return value ? "accepted" : value.error().message();
}

TEST(Mapping, StructsAreTaggedTuples) {
  EXPECT_EQ(text_of(ChatRoom{"general"}), "{chat_room,general}");
  EXPECT_EQ(text_of(Stop{}), "stop");
  EXPECT_EQ(text_of(HTTPServer2Config{}), "http_server2_config");
  EXPECT_EQ(text_of(Box<std::vector<Box<int>>>{{{1}}}), "{box,[{box,1}]}");
  EXPECT_EQ(text_of(Sixteen{}), "{sixteen,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}");
  const ChatMessage message{"general", "n1@h", "hello",
                            SystemTime(std::chrono::microseconds(1'795'356'346'172'001))};
  EXPECT_EQ(text_of(message), "{chat_message,general,n1@h,<<\"hello\">>,{1795,356346,172001}}");
  EXPECT_EQ(*read<ChatMessage>(text_of(message)), message);
  EXPECT_EQ(*read<Stop>("stop"), Stop{});
  EXPECT_EQ(read<Sixteen>(text_of(Sixteen{.p = 99}))->p, 99);
}

TEST(Mapping, RefusalsSayWhatWasExpected) {
  EXPECT_EQ(refusal<ChatRoom>("{chat_room}"), "malformed: expected a tuple of the right size in chat_room");
  EXPECT_EQ(refusal<ChatRoom>("{chat_hall,a}"), "malformed: expected its tag in chat_room");
  EXPECT_EQ(refusal<ChatRoom>("{chat_room,1}"), "malformed: expected an atom in chat_room");
  EXPECT_EQ(refusal<ChatRoom>("chat_room"), "malformed: expected a tuple of the right size in chat_room");
  EXPECT_EQ(refusal<Stop>("{stop}"), "malformed: expected its tag in stop");
  EXPECT_EQ(refusal<Tree>("{tree,1,[{tree,x,[]}]}"), "malformed: expected an integer of 64 bits in tree");
  EXPECT_EQ(refusal<Tree>("{tree,1,[{tree,2,[]}|{tree,3,[]}]}"), "malformed: expected a proper list in tree");
  EXPECT_EQ(refusal<Weather>("{weather,cold}"), "malformed: no temperature");
}

TEST(Mapping, FieldsOfEveryKindAreCounted) {
  const Twelve twelve{.a = {},
                      .b = "text",
                      .c = {"x"},
                      .d = ChatRoom{"y"},
                      .e = {{"z"}},
                      .f = Term::list({1}, 2),
                      .g = {Atom("n@h"), 1, 2, 0},
                      .h = {},
                      .i = 5,
                      .j = {{"k", 1}},
                      .k = {1, 2.5},
                      .l = {"eu", 3, {}}};
  const std::string text =
      "{twelve,undefined,<<\"text\">>,{chat_room,x},{chat_room,y},[{chat_room,z}],[1|2],<n@h.1.2>,ok,{ok,5},"
      "#{<<\"k\">> => 1},{1,2.5},#{load => 3,note => undefined,zone => eu}}";
  EXPECT_EQ(text_of(twelve), text);
  EXPECT_EQ(text_of(*read<Twelve>(text)), text);
}

TEST(Mapping, KeyedStructsAreMaps) {
  EXPECT_EQ(text_of(WorkerMeta{"eu", 7, "x"}), "#{load => 7,note => <<\"x\">>,zone => eu}");
  EXPECT_EQ(*read<WorkerMeta>("#{zone=>eu,load=>7}"), (WorkerMeta{"eu", 7, {}}));
  EXPECT_EQ(*read<WorkerMeta>("#{zone=>eu,load=>7,note=>undefined,other=>1,<<\"load\">>=>9,5=>6}"),
            (WorkerMeta{"eu", 7, {}}));
  EXPECT_EQ(refusal<WorkerMeta>("#{zone=>eu}"), "malformed: expected all keys in worker_meta");
  EXPECT_EQ(refusal<WorkerMeta>("#{zone=>eu,load=>a}"),
            "malformed: expected an integer of 64 bits in worker_meta");
  EXPECT_EQ(refusal<WorkerMeta>("[]"), "malformed: expected a map in worker_meta");
}

TEST(Mapping, MapsWithEqualKeysAreRefusedInBytesToo) {
  for (const char* digits : {"740000000377047a6f6e65770265757704"
                             "6c6f6164"
                             "610177046c6f61646102",
                             "740000000477047a6f6e65770265757704"
                             "6c6f6164"
                             "6101610161016101"
                             "6102"}) {
    const Bytes bytes = *from_hex(digits);
    ByteReader in(bytes);
    EXPECT_EQ(decode_etf_as<WorkerMeta>(in).error().message(),
              "malformed: expected keys that differ in worker_meta");
  }
}

TEST(Mapping, IntegersAreCheckedAgainstTheirRange) {
  EXPECT_EQ(*read<std::uint8_t>("255"), 255);
  EXPECT_EQ(refusal<std::uint8_t>("256"), "malformed: expected an integer in the range of its field");
  EXPECT_EQ(refusal<std::int8_t>("-129"), "malformed: expected an integer in the range of its field");
  EXPECT_EQ(refusal<unsigned>("-1"), "malformed: expected a positive integer of 64 bits");
  EXPECT_EQ(*read<std::uint64_t>("18446744073709551615"), ~std::uint64_t{0});
  EXPECT_EQ(refusal<std::uint64_t>("18446744073709551616"),
            "malformed: expected a positive integer of 64 bits");
  EXPECT_EQ(*read<std::int64_t>("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(refusal<std::int64_t>("9223372036854775808"), "malformed: expected an integer of 64 bits");
  EXPECT_EQ(refusal<int>("1.0"), "malformed: expected an integer of 64 bits");
  EXPECT_EQ(*read<std::vector<std::int64_t>>("[4294967296,-4294967297]"),
            (std::vector<std::int64_t>{4'294'967'296, -4'294'967'297}));
}

TEST(Mapping, NumbersBooleansAndAtoms) {
  EXPECT_EQ(*read<double>("2.5"), 2.5);
  EXPECT_EQ(*read<double>("3"), 3.0);
  EXPECT_EQ(*read<double>("100000000000000000000000"), 1e23);
  EXPECT_EQ(refusal<double>("1" + std::string(400, '0')),
            "malformed: expected an integer in the range of a float");
  EXPECT_EQ(refusal<double>("x"), "malformed: expected a float");
  EXPECT_EQ(*read<float>("-2.5"), -2.5F);
  EXPECT_EQ(refusal<float>("1.0e300"), "malformed: expected a float of single precision");
  EXPECT_EQ(*read<bool>("true"), true);
  EXPECT_EQ(*read<bool>("false"), false);
  EXPECT_EQ(refusal<bool>("yes"), "malformed: expected true or false");
  EXPECT_EQ(text_of(true), "true");
  EXPECT_EQ(*read<NodeName>("n1@h"), NodeName("n1@h"));
  EXPECT_EQ(refusal<Atom>("\"x\""), "malformed: expected an atom");
}

TEST(Mapping, TextIsABinaryOrACharlist) {
  EXPECT_EQ(text_of(std::string("é")), "<<\"é\"/utf8>>");
  EXPECT_EQ(text_of(Charlist{"é"}), "\"é\"");
  for (const char* text : {"<<\"hé\"/utf8>>", "\"hé\"", "[104,233]"}) {
    EXPECT_EQ(*read<std::string>(text), "hé") << text;
    EXPECT_EQ(read<Charlist>(text)->text, "hé") << text;
  }
  EXPECT_EQ(*read<std::string>("\"hλ\""), "hλ");
  EXPECT_EQ(*read<std::string>("[]"), "");
  EXPECT_EQ(refusal<std::string>("[104,a]"), "malformed: expected text");
  EXPECT_EQ(refusal<std::string>("[1114112]"), "malformed: expected text");
  EXPECT_EQ(refusal<std::string>("hello"), "malformed: expected text");
  EXPECT_EQ(*read<Bytes>("<<1,255>>"), (Bytes{1, 255}));
  EXPECT_EQ(refusal<Bytes>("[1,255]"), "malformed: expected a binary");
}

TEST(Mapping, SharedBytesAreReadWithoutACopy) {
  const SharedBytes sent(Bytes(1'000, 7));
  Bytes encoded{131};
  ByteWriter out(encoded);
  encode_etf(out, sent);
  const SharedBytes frame(std::move(encoded));
  const auto read_back = decode_etf_as<SharedBytes>(frame);
  ASSERT_TRUE(read_back) << read_back.error().message();
  EXPECT_TRUE(std::ranges::equal(read_back->view(), sent.view()));
  EXPECT_EQ(read_back->view().data(), frame.view().data() + 6);
  const auto from_memory = from_term<SharedBytes>(Term::binary(sent));
  ASSERT_TRUE(from_memory);
  EXPECT_EQ(from_memory->view().data(), sent.view().data());
  // Few bytes do not keep many alive.
  const auto few = from_term<SharedBytes>(*parse_term("<<1,255>>"));
  ASSERT_TRUE(few);
  EXPECT_EQ(to_hex(few->view()), "01ff");
  EXPECT_EQ(from_term<SharedBytes>(*parse_term("[1,255]")).error().message(), "malformed: expected a binary");
}

TEST(Mapping, OptionalsVariantsAndResults) {
  EXPECT_EQ(*read<std::optional<int>>("undefined"), std::nullopt);
  EXPECT_EQ(*read<std::optional<int>>("5"), 5);
  EXPECT_EQ(refusal<std::optional<int>>("none"), "malformed: expected an integer of 64 bits");

  using Either = std::variant<ChatRoom, int, Stop, std::string>;
  EXPECT_EQ(read<Either>("{chat_room,a}")->index(), 0U);
  EXPECT_EQ(read<Either>("7")->index(), 1U);
  EXPECT_EQ(read<Either>("stop")->index(), 2U);
  EXPECT_EQ(read<Either>("\"s\"")->index(), 3U);
  EXPECT_EQ(refusal<Either>("2.5"), "malformed: expected one of several alternatives");
  EXPECT_EQ(text_of(Either(Stop{})), "stop");
  // Term last takes what is left.
  EXPECT_EQ(std::get<Term>(*(read<std::variant<int, Term>>("{a,b}"))), Term::tuple_of(Atom("a"), Atom("b")));
  // An alternative that failed half way leaves nothing behind.
  using Lists = std::variant<std::vector<int>, std::vector<std::variant<int, Atom>>>;
  EXPECT_EQ(read<Lists>("[1,2,a]")->index(), 1U);
  EXPECT_EQ(read<Lists>("[1,2]")->index(), 0U);

  EXPECT_EQ(text_of(Result<void>()), "ok");
  EXPECT_EQ(text_of(Result<void>(Error{Errc::rejected, Atom("full")})), "{error,full}");
  EXPECT_EQ(text_of(Result<int>(7)), "{ok,7}");
  EXPECT_EQ(text_of(Result<int>(Error{Errc::timeout})), "{error,timeout}");
  EXPECT_TRUE(*read<Result<void>>("ok"));
  EXPECT_EQ(read<Result<void>>("{error,{full,3}}")->error().message(), "rejected: {full,3}");
  EXPECT_EQ(**read<Result<int>>("{ok,7}"), 7);
  EXPECT_EQ(read<Result<int>>("{error,full}")->error(), (Error{Errc::rejected, Atom("full")}));
  EXPECT_EQ(refusal<Result<int>>("{ok,x}"), "malformed: expected an integer of 64 bits");
  EXPECT_EQ(refusal<Result<int>>("{maybe,7}"), "malformed: expected ok or error");
  EXPECT_EQ(refusal<Result<void>>("done"), "malformed: expected ok or {error, Reason}");
}

TEST(Mapping, Containers) {
  EXPECT_EQ(text_of(std::vector<int>{1, 300}), "[1,300]");
  EXPECT_EQ(text_of(std::vector<int>{104, 105}), "\"hi\"");
  EXPECT_EQ(*read<std::vector<int>>("\"hi\""), (std::vector<int>{104, 105}));
  EXPECT_EQ(*read<std::vector<bool>>("[true,false]"), (std::vector<bool>{true, false}));
  EXPECT_EQ(*read<std::vector<std::vector<int>>>("[[],\"a\",[300]]"),
            (std::vector<std::vector<int>>{{}, {97}, {300}}));
  EXPECT_EQ(refusal<std::vector<int>>("[1|2]"), "malformed: expected a proper list");
  EXPECT_EQ((*read<std::array<int, 2>>("[1,2]")), (std::array<int, 2>{1, 2}));
  EXPECT_EQ((refusal<std::array<int, 2>>("[1]")), "malformed: expected a list of another length");
  EXPECT_EQ((*read<std::pair<Atom, int>>("{a,1}")), (std::pair<Atom, int>("a", 1)));
  EXPECT_EQ((*read<std::tuple<>>("{}")), std::tuple<>());
  EXPECT_EQ((*read<std::tuple<int, int, Atom>>("{1,2,c}")), (std::tuple<int, int, Atom>(1, 2, "c")));
  EXPECT_EQ((refusal<std::tuple<int>>("{1,2}")), "malformed: expected a tuple of the right size");

  using Counts = std::map<std::string, int>;
  EXPECT_EQ(text_of(Counts{{"b", 2}, {"a", 1}}), "#{<<\"a\">> => 1,<<\"b\">> => 2}");
  EXPECT_EQ(*read<Counts>("#{<<\"a\">>=>1,\"b\"=>2}"), (Counts{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(refusal<Counts>("#{<<\"a\">>=>1,\"a\"=>2}"), "malformed: expected keys that differ");
  EXPECT_EQ((text_of(std::unordered_map<int, Atom>{{3, "c"}, {1, "a"}, {2, "b"}})),
            "#{1 => a,2 => b,3 => c}");
  EXPECT_EQ((text_of(std::map<double, int>{{-1.0, 1}, {2.0, 2}})), "#{-1.0 => 1,2.0 => 2}");
}

TEST(Mapping, TimeIsErlangsTimestamp) {
  const auto at = [](std::int64_t micros) { return SystemTime(std::chrono::microseconds(micros)); };
  EXPECT_EQ(text_of(at(0)), "{0,0,0}");
  EXPECT_EQ(text_of(at(-1)), "{-1,999999,999999}");
  for (const std::int64_t micros : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'795'356'346'172'001},
                                    std::int64_t{-123'456'789'012'345}}) {
    EXPECT_EQ(*read<SystemTime>(text_of(at(micros))), at(micros));
  }
  EXPECT_EQ(refusal<SystemTime>("{0,1000000,0}"), "malformed: expected {MegaSecs, Secs, MicroSecs}");
  EXPECT_EQ(refusal<SystemTime>("{9223372036854775807,0,0}"),
            "malformed: expected {MegaSecs, Secs, MicroSecs}");
}

TEST(Mapping, TermsGiveTheirEntriesAsValues) {
  const Term meta = *parse_term("#{load=>3,zone=>eu,<<\"load\">>=>4}");
  EXPECT_EQ(meta.get<int>("load"), 3);
  EXPECT_EQ(meta.get<Atom>("zone"), Atom("eu"));
  EXPECT_EQ(meta.get<std::string>("load"), std::nullopt);
  EXPECT_EQ(meta.get<int>("absent"), std::nullopt);
  EXPECT_EQ(Term(5).get<int>("load"), std::nullopt);
}

TEST(Mapping, LimitsHoldWithoutATermBetween) {
  const auto outcome = []<class T>(std::string_view digits, const EtfLimits& limits) {
    const Bytes bytes = *from_hex(digits);
    ByteReader in(bytes);
    const auto value = decode_etf_as<T>(in, limits);
    return value ? "accepted" : value.error().message();
  };
  EXPECT_EQ((outcome.operator()<std::vector<int>>("6cffffffff6101", {})),
            "malformed: byte 5: more elements declared than bytes left");
  EXPECT_EQ((outcome.operator()<std::vector<int>>("6b0003010203", {.terms_max = 2})),
            "limit_exceeded: terms_max");
  EXPECT_EQ((outcome.operator()<Tree>("6803770474726565"
                                      "61016c00000001"
                                      "6803770474726565"
                                      "61016a"
                                      "6a",
                                      {.depth_max = 2})),
            "limit_exceeded: depth_max");
  EXPECT_EQ((outcome.operator()<std::string>("6d00000004616263", {})), "malformed: the term is cut off");
  EXPECT_EQ((outcome.operator()<int>("", {})), "malformed: expected an integer of 64 bits");
  EXPECT_EQ((outcome.operator()<std::variant<int, Term>>("6803", {})),
            "malformed: byte 2: more elements declared than bytes left");
}

TEST(Mapping, DeepStructsKeepTheEndsOfTheirLists) {
  Tree tree{.value = 0, .children = {}};
  for (int i = 1; i <= 100; ++i) {
    Tree outer{.value = i, .children = {}};
    outer.children.push_back(std::move(tree));
    if (i % 3 == 0) outer.children.push_back({.value = -i, .children = {}});
    tree = std::move(outer);
  }
  Bytes straight;
  ByteWriter out(straight);
  encode_etf(out, tree);
  Bytes by_term;
  ByteWriter term_out(by_term);
  encode_etf(term_out, to_term(tree));
  EXPECT_EQ(straight, by_term);
  ByteReader in(straight);
  EXPECT_EQ(*decode_etf_as<Tree>(in), tree);
}

TEST(Mapping, AtomsInBytesCostTheQuota) {
  EtfLimits limits;
  limits.atom_quota = std::make_shared<AtomQuota>(1);
  const auto decode = [&](std::string_view name) {
    Bytes bytes;
    ByteWriter out(bytes);
    encode_etf(out, Term::tuple_of(Atom("chat_room"), *decode_etf([&] {
                                     Bytes atom{131, 119, static_cast<std::uint8_t>(name.size())};
                                     ByteWriter(atom).text(name);
                                     return atom;
                                   }())));
    ByteReader in(bytes);
    return decode_etf_as<ChatRoom>(in, limits);
  };
  EXPECT_TRUE(decode("mapping_quota_1"));
  EXPECT_EQ(limits.atom_quota->used(), 1U);
  EXPECT_TRUE(decode("mapping_quota_1"));
  EXPECT_EQ(decode("mapping_quota_2").error().message(),
            "malformed: expected an atom within the quota in chat_room");
  EXPECT_FALSE(Atom::find("mapping_quota_2"));
}

TEST(Mapping, WholeMessagesMayBeCompressedOrHaveAVersion) {
  const Bytes packed = *from_hex("8350000000cb789ccb663891384c0000b4724cfc");
  EXPECT_EQ(*decode_etf_as<std::string>(SharedBytes(packed)), std::string(200, 'a'));
  EXPECT_EQ(*decode_etf_as<int>(SharedBytes(Bytes{131, 97, 5})), 5);
  EXPECT_EQ(*decode_etf_as<int>(SharedBytes(Bytes{97, 5})), 5);
  EXPECT_EQ(decode_etf_as<int>(SharedBytes(Bytes{97, 5, 6})).error().message(),
            "malformed: bytes after the term");
}

TEST(Mapping, LargeBinariesOfTermsShareTheMessage) {
  Bytes bytes;
  ByteWriter out(bytes);
  encode_etf(out, Box<Term>{Term(std::string(100, 'x'))});
  const SharedBytes message(std::move(bytes));
  const auto box = decode_etf_as<Box<Term>>(message);
  ASSERT_TRUE(box);
  EXPECT_EQ(box->content.bytes().data(), message.view().data() + message.size() - 100);
}

}  // namespace
}  // namespace barrel
