#include "barrel/term/node_name.hpp"

#include <algorithm>
#include <string>

#include "barrel/base/assert.hpp"

namespace barrel {
namespace {

constexpr std::size_t name_bytes_max = 255;

bool valid_part(std::string_view part) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  return !part.empty() && part.front() != '.' && part.front() != '-' && std::ranges::all_of(part, allowed);
}

}  // namespace

NodeName::NodeName(const char* text) : atom_(valid(text) ? Atom(text) : Atom()) {
  if (atom_ != Atom()) return;
  const std::string rule =
      "\"" + std::string(text) +
      "\" is a node name: name@host with exactly one @, both parts of letters, digits and "
      "_.-, neither beginning with . or -, 255 bytes at most";
  detail::assertion_failed(rule.c_str(), __FILE__, __LINE__);
}

bool NodeName::valid(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || text.size() > name_bytes_max) return false;
  return valid_part(text.substr(0, at)) && valid_part(text.substr(at + 1));
}

std::optional<NodeName> NodeName::parse(std::string_view text) {
  if (!valid(text)) return std::nullopt;
  const auto atom = Atom::intern(text);
  return atom ? std::optional(NodeName(*atom)) : std::nullopt;
}

std::string_view NodeName::name() const noexcept {
  return text().substr(0, text().find('@'));
}

std::string_view NodeName::host() const noexcept {
  const std::size_t at = text().find('@');
  return at == std::string_view::npos ? std::string_view{} : text().substr(at + 1);
}

}  // namespace barrel
