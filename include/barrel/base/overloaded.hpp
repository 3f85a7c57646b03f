#pragma once

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel {

/// One visitor out of several lambdas: `std::visit(overloaded{[](const A&) {...}, [](const B&) {...}},
/// variant)`.
template <class... Visitors>
struct overloaded : Visitors... {
  using Visitors::operator()...;
};

}  // namespace barrel
#pragma GCC visibility pop
