#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "barrel/base/metrics.hpp"
#include "barrel/term/etf.hpp"
#include "dist/message_reader.hpp"

namespace barrel::node {

// The nodes whose messages to each other were captured.
inline const NodeName n1{"n1@127.0.0.1"};
inline const NodeName n2{"n2@127.0.0.1"};

struct Captured {
  bool from_n2;
  dist::Control control;
  Term payload;  // nil when there is none
  Bytes bytes;   // of the payload
  Bytes frame;
};

/// The captured messages, as n1 and n2 read them.
inline std::vector<Captured> captured_messages(const std::string& file_name) {
  Metrics metrics;
  dist::MessageReader to_n1(dist::Envelope::header, dist::MessageParser(n1, n2), {}, metrics);
  dist::MessageReader to_n2(dist::Envelope::header, dist::MessageParser(n2, n1), {}, metrics);
  std::ifstream file(file_name);
  std::vector<Captured> messages;
  for (std::string line; std::getline(file, line);) {
    const bool from_n2 = line.starts_with("SEND");
    if (!from_n2 && !line.starts_with("RECV")) continue;
    const auto frame = from_hex(line.substr(line.rfind(' ') + 1));
    if (!frame) continue;
    const auto message = (from_n2 ? to_n1 : to_n2).read(*frame);
    EXPECT_TRUE(message && *message) << line;
    if (!message || !*message) continue;
    const BytesView bytes = (*message)->payload.bytes;
    Captured captured{from_n2, (*message)->control, {}, Bytes(bytes.begin(), bytes.end()), *frame};
    if (dist::has_payload(captured.control)) {
      const auto payload = decode_etf((*message)->payload.bytes);
      EXPECT_TRUE(payload) << line;
      if (payload) captured.payload = *payload;
    }
    messages.push_back(std::move(captured));
  }
  return messages;
}

}  // namespace barrel::node
