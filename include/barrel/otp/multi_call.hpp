#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "barrel/process/self.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// gen_server:multi_call/4: asks the servers registered as `name` on all `nodes` at once, and waits until
/// each has answered, is lost, or the time is over. Every node with its answer, or with the error that a call
/// of it alone would have given, in the order of `nodes`. For requests that do not name their reply say
/// multi_call<Reply>(...).
template <class Reply = void, class Request>
[[nodiscard]] auto multi_call(Self self, std::vector<NodeName> nodes, Atom name, Request request,
                              Duration limit = Self::call_limit)
    -> Task<std::vector<std::pair<NodeName, typename detail::PendingReply<typename detail::ReplyChoice<
                                                Request, Reply>::type>::Value>>> {
  using Pending = detail::PendingReply<typename detail::ReplyChoice<Request, Reply>::type>;
  std::deque<Pending> pending;
  for (const NodeName node : nodes)
    pending.emplace_back(self.process(), Address(NodeLocalName{name, node}), request, limit);
  std::vector<std::pair<NodeName, typename Pending::Value>> answers;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    answers.emplace_back(nodes[i], co_await self.receive_response(pending[i]));
  co_return answers;
}

}  // namespace barrel
#pragma GCC visibility pop
