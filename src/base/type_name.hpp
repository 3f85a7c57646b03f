#pragma once

#include <string>
#include <typeinfo>

namespace barrel {

/// As it is written in C++.
[[nodiscard]] std::string type_name(const std::type_info& type);
/// Of the exception that is being handled; "unknown type" when another language has thrown it.
[[nodiscard]] std::string type_of_exception();

}  // namespace barrel
