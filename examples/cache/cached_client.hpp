#pragma once

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "shop.hpp"

namespace cache {

/// Remembers where services are, as long as they are there.
class CachedClient {
 public:
  struct Quote {
    static constexpr std::string_view tag = "quote";
    int price = 0;
    NodeName shop;
    bool cached = false;
  };
  struct PriceOf {
    static constexpr std::string_view tag = "price_of";
    std::string item;
    using Reply = Result<Quote>;
  };
  using Calls = Messages<PriceOf>;
  using Casts = Messages<>;
  using Infos = Messages<ServiceEvent>;

  explicit CachedClient(Self self) : self_(self), events_(self.node().registry().subscribe(self)) {}

  Task<Result<Quote>> handle_call(const PriceOf& request) {
    const bool cached = cache_.contains(Atom("shop"));
    const auto shop = co_await locate(Atom("shop"));
    if (!shop) co_return shop.error();
    const Price price{request.item};
    const auto answer = co_await self_.call(*shop, price);
    if (!answer) co_return answer.error();
    co_return Quote{*answer, shop->node(), cached};
  }
  void handle_info(const ServiceEvent& event) {
    std::visit([this](const auto& change) { check(change.name); }, event.what);
  }

 private:
  Task<Result<Pid>> locate(Atom name) {
    if (const auto known = cache_.find(name); known != cache_.end()) co_return known->second;
    const auto found = co_await self_.node().registry().whereis(self_, name);
    if (found) cache_.emplace(name, *found);
    co_return found;
  }
  /// Something changed for that name: forgets the process if it is no longer among those who hold it.
  void check(const Term& name) {
    const auto known = cache_.find(name);
    if (known == cache_.end()) return;
    const auto entries = self_.node().registry().lookup(name);
    if (std::ranges::find(entries, known->second, &ServiceEntry::pid) != entries.end()) return;
    std::puts(("forgot " + to_string(name) + " on " + std::string(known->second.node().text())).c_str());
    cache_.erase(known);
  }

  Self self_;
  Subscription events_;
  std::map<Term, Pid> cache_;
};

}  // namespace cache
