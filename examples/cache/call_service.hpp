#pragma once

#include "barrel/node/node.hpp"

namespace cache {

using namespace barrel;

/// Calls the service of that name, wherever it is, and waits for one that is on its way: up to 13 s with 8
/// retries.
template <class Request>
Task<ReplyOf<Request>> call_service(Self self, Atom name, Request request) {
  const auto pid = co_await self.node().registry().whereis(self, name, {.retries = 8});
  if (!pid) co_return pid.error();                  // not_found: there is none
  co_return co_await self.call(*pid, request, 5s);  // timeout; no_process, no_connection: it is gone
}

}  // namespace cache
