#pragma once

#include <string>

namespace barrel::node {

/// docs/configuration.md, made from the settings; a test keeps the file equal to it.
[[nodiscard]] std::string configuration_document();

}  // namespace barrel::node
