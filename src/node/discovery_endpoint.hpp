#pragma once

#include <string>

#include "barrel/base/bytes.hpp"
#include "barrel/node/config.hpp"
#include "barrel/term/result.hpp"

namespace barrel::node {

/// Longest endpoint file read; real ones have 25 bytes.
inline constexpr std::size_t endpoint_bytes_max = 4096;

/// `{"<host>",<port>}.` and a newline, as the original writes it.
[[nodiscard]] std::string format_endpoint(const NodeAddress& address);

/// Reads what Erlang's file:consult would read as exactly one `{Host, Port}.`: any white space, `%` comments,
/// escapes in the string, `Host` as a string, a binary <<"...">>, an atom in quotes or an IPv4 tuple.
/// Errc::malformed with the place.
[[nodiscard]] Result<NodeAddress> parse_endpoint(BytesView text);

}  // namespace barrel::node
