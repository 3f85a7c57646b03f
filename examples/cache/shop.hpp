#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "barrel/node/node.hpp"
#include "barrel/otp/gen_server.hpp"

namespace cache {

using namespace barrel;

/// What something costs: {price, Item}.
struct Price {
  static constexpr std::string_view tag = "price";
  std::string item;
  using Reply = Result<int>;
};

/// The service `shop`, which knows prices.
class Shop {
 public:
  using Calls = Messages<Price>;
  using Casts = Messages<>;
  using Infos = Messages<>;

  explicit Shop(Self self) {
    auto registered = self.node().registry().register_service(self, Atom("shop"));
    if (!registered) exit(registered.error().reason);
    registration_ = std::move(*registered);
  }
  Result<int> handle_call(const Price& price) {
    const auto known = prices_.find(price.item);
    if (known == prices_.end()) return Error{Errc::rejected, Atom("unknown_item")};
    return known->second;
  }

 private:
  std::map<std::string, int> prices_{{"tea", 3}, {"coffee", 4}};
  Registration registration_;
};

}  // namespace cache
