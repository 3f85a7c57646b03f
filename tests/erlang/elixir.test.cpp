// What is usual in Elixir's programs, to and from structs of C++: Elixir's structs, nil, keyword lists.

#include <gmock/gmock.h>

#include <variant>

#include "barrel/otp/gen_server.hpp"
#include "erlang/erlang_test.hpp"

namespace barrel::test {
namespace {

using testing::HasSubstr;

struct Nil {
  static constexpr std::string_view tag = "nil";
};
/// %User{name: "anna", age: 42}, where age may be nil.
struct User {
  struct Module {
    static constexpr std::string_view tag = "Elixir.User";
  };
  static constexpr Keys<3> keys{"__struct__", "name", "age"};
  Module module;
  std::string name;
  std::variant<Nil, int> age;
};
using Keywords = std::vector<std::pair<Atom, Term>>;

class People {
 public:
  struct Put {
    static constexpr std::string_view tag = "put";
    User user;
    using Reply = Result<void>;
  };
  struct Fetch {
    static constexpr std::string_view tag = "fetch";
    std::string name;
    using Reply = Result<User>;
  };
  struct Find {
    static constexpr std::string_view tag = "find";
    Keywords options;
    using Reply = std::vector<User>;
  };
  using Calls = Messages<Put, Fetch, Find, Term>;

  explicit People(Self self) { (void)self.register_name("people"); }

  Result<void> handle_call(const Put& put) {
    users_[put.user.name] = put.user;
    return {};
  }
  Result<User> handle_call(const Fetch& fetch) {
    const auto found = users_.find(fetch.name);
    if (found == users_.end()) return Error{Errc::not_found, Atom("not_found")};
    return found->second;
  }
  std::vector<User> handle_call(const Find& find) {
    std::vector<User> found;
    for (const auto& [name, user] : users_) found.push_back(user);
    for (const auto& [key, value] : find.options) {
      if (key != Atom("limit")) continue;
      found.resize(std::min<std::size_t>(found.size(), value.as_uint64().value_or(0)));
    }
    return found;
  }
  /// Anything else goes back.
  static Term handle_call(const Term& other) { return other; }

 private:
  std::map<std::string, User> users_;
};

constexpr const char* elixir_module = R"(
  defmodule User do
    defstruct [:name, :age]
  end
  defmodule Accounts do
    use GenServer
    def init(users), do: {:ok, users}
    def handle_call({:put, %User{} = user}, _from, users), do: {:reply, :ok, Map.put(users, user.name, user)}
    def handle_call({:fetch, name}, _from, users) do
      case users do
        %{^name => user} -> {:reply, {:ok, user}, users}
        _ -> {:reply, {:error, :not_found}, users}
      end
    end
    def handle_call({:find, options}, _from, users) do
      {:reply, Enum.take(Map.values(users), Keyword.fetch!(options, :limit)), users}
    end
  end
  {:ok, _} = GenServer.start(Accounts, %{}, name: Accounts)
)";

class Elixir : public ErlangTest {
 protected:
  Elixir() : node_(start_tcp("b")) {
    if (node_ == nullptr || !in_path("elixir")) return;
    beam_.eval(
        "Bin = filename:dirname(string:trim(os:cmd(\"readlink -f $(command -v elixir)\"))),"
        "true = code:add_pathz(filename:join([filename:dirname(Bin), lib, elixir, ebin])),"
        "{ok, _} = application:ensure_all_started(elixir)");
    (void)run(elixir_module);
  }
  ~Elixir() override { node_.reset(); }
  void SetUp() override {
    ASSERT_TRUE(node_);
    ASSERT_TRUE(in_path("elixir")) << "this test needs Elixir: scripts/setup --test, or put elixir into PATH";
    ASSERT_TRUE(node_->start_server<People>());
  }

  /// What the Elixir code gives, as Elixir shows it.
  std::string run(std::string_view code) {
    const std::string hex = to_hex(as_bytes(code));
    const Term shown =
        beam_.eval("'Elixir.Kernel':inspect(element(1, 'Elixir.Code':eval_string(binary:decode_hex(<<\"" +
                       hex + "\">>))))",
                   20s);
    return std::string(shown.as_text().value_or("no text"));
  }
  /// Whether the call of the Barrel node's server gives that; else what it gives.
  std::string call(const std::string& request, const std::string& expected) {
    return run("case GenServer.call({:people, :\"b@127.0.0.1\"}, " + request +
               ") do v when v == " + expected + " -> true; v -> v end");
  }

  std::unique_ptr<Node> node_;
  Beam beam_{epmd_, "x"};
};

TEST_F(Elixir, CallsWithItsStructsAndGetsThem) {
  EXPECT_EQ(call("{:put, %User{name: \"José\", age: 42}}", ":ok"), "true");
  EXPECT_EQ(call("{:put, %User{name: \"anna\"}}", ":ok"), "true");
  EXPECT_EQ(call("{:fetch, \"José\"}", "{:ok, %User{name: \"José\", age: 42}}"), "true");
  EXPECT_EQ(call("{:fetch, \"anna\"}", "{:ok, %User{name: \"anna\", age: nil}}"), "true");
  EXPECT_EQ(call("{:fetch, \"nobody\"}", "{:error, :not_found}"), "true");
  EXPECT_EQ(call("{:find, [limit: 1, order: :asc]}", "[%User{name: \"José\", age: 42}]"), "true");
  EXPECT_EQ(call("{:find, []}", "[%User{name: \"José\", age: 42}, %User{name: \"anna\"}]"), "true");
}

TEST_F(Elixir, GetsBackWhatItsLibraryMakes) {
  EXPECT_EQ(
      run("values = [~D[2026-01-31], ~U[2026-01-31 12:00:00.123Z], MapSet.new([1, :a, \"b\"]), 1..10//3,"
          " ~r/a+/, %{\"key\" => 'charlist', nil: nil}, %ArgumentError{message: \"no\"}, &Enum.map/2,"
          " <<1::3>>, {:ok, nil}, [a: 1, b: true], self(), make_ref(), URI.parse(\"http://a/b?c\")];"
          " GenServer.call({:people, :\"b@127.0.0.1\"}, values) == values"),
      "true");
}

TEST_F(Elixir, ItsServersAreCalledFromCpp) {
  const auto ok = node_->run(
      +[](Self self, NodeName elixir) -> Task<bool> {
        const NodeLocalName accounts{"Elixir.Accounts", elixir};
        const People::Put put{{{}, "Zoë", 7}};
        const Result<void> done = co_await self.call(accounts, put);
        EXPECT_TRUE(done);
        const People::Put ageless{{{}, "adam", Nil{}}};
        EXPECT_TRUE(co_await self.call(accounts, ageless));
        const People::Fetch fetch{"Zoë"};
        const Result<User> zoe = co_await self.call(accounts, fetch);
        EXPECT_EQ(std::get<int>(zoe->age), 7);
        const People::Fetch nobody{"nobody"};
        const Result<User> none = co_await self.call(accounts, nobody);
        EXPECT_EQ(none.error(), Error(Errc::rejected, Atom("not_found")));
        const People::Find find{{{Atom("limit"), 10}}};
        const auto all = co_await self.call(accounts, find);
        EXPECT_EQ(all->size(), 2U);
        EXPECT_TRUE(std::holds_alternative<Nil>((*all)[1].age));
        // Elixir's exceptions are maps with __exception__ in what it exits with.
        const People::Find none_asked{};
        const auto failed = co_await self.call(accounts, none_asked);
        EXPECT_EQ(failed.error().code, Errc::exited);
        EXPECT_THAT(to_string(failed.error().reason), HasSubstr("'__struct__' => 'Elixir.KeyError'"));
        co_return true;
      },
      name_of(beam_));
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace barrel::test
