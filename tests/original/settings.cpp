#include "original/settings.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace barrel::test {
namespace {

OriginalSettings settings;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

unsigned number(std::string_view key, std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::runtime_error("--" + std::string(key) + " takes a number, not " + std::string(text));
  return value;
}

NodeAddress address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("--addresses takes host:port, not " + text);
  const unsigned port = number("addresses", std::string_view(text).substr(colon + 1));
  return {text.substr(0, colon), static_cast<std::uint16_t>(port), Transport::quic};
}

/// The value of `--key=...`, else of BARREL_ORIGINAL_KEY.
std::optional<std::string> value_of(const std::vector<std::string>& arguments, const std::string& key) {
  const std::string flag = "--" + key + "=";
  for (const std::string& argument : arguments) {
    if (argument.starts_with(flag)) return argument.substr(flag.size());
  }
  std::string name = "BARREL_ORIGINAL_" + key;
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

const OriginalSettings& original_settings() {
  return settings;
}

void read_original_settings(int argc, const char* const* argv) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const std::vector<std::string> keys = {"nodes", "addresses",     "discovery",  "cookie",
                                         "start", "mixed-seconds", "mixed-nodes"};
  for (const std::string& argument : arguments) {
    const std::string key = argument.substr(0, argument.find('='));
    if (std::ranges::none_of(keys, [&](const std::string& known) { return key == "--" + known; }))
      throw std::runtime_error("unknown argument " + argument);
  }
  const auto text = [&](const char* key) { return value_of(arguments, key); };
  settings = {};
  settings.nodes = split(text("nodes").value_or(""));
  settings.discovery = text("discovery").value_or("");
  settings.cookie = text("cookie").value_or(settings.cookie);
  settings.start = text("start").value_or("");
  if (const auto given = text("mixed-seconds"))
    settings.mixed_for = std::chrono::seconds(number("mixed-seconds", *given));
  if (const auto given = text("mixed-nodes")) settings.mixed_nodes = number("mixed-nodes", *given);
  const std::vector<std::string> addresses = split(text("addresses").value_or(""));
  if (addresses.size() > settings.nodes.size()) throw std::runtime_error("more --addresses than --nodes");
  for (std::size_t i = 0; i < addresses.size(); ++i)
    settings.addresses.insert_or_assign(settings.nodes[i], address(addresses[i]));
}

}  // namespace barrel::test
