#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "barrel/term/result.hpp"

namespace barrel::node {

/// Why a port could not be opened, and the settings that would choose another.
[[nodiscard]] inline Error listen_error(const Error& why, std::string_view address, std::string_view port) {
  const auto text = why.reason.as_text();
  return {why.code,
          Term(fmt::format("{}; set {} to an address of this machine, and {} to a port that is free",
                           text ? std::string(*text) : why.message(), address, port))};
}

}  // namespace barrel::node
