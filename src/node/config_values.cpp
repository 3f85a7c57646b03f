#include "node/config_values.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "node/discovery.hpp"

namespace barrel::node {

namespace {

constexpr std::string_view blanks = " \t";
// Bounds what a configuration can make a node hold; far above any real one.
constexpr std::size_t list_items_max = 10'000;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

Setting setting_of(std::string key, std::string meaning, std::string allowed, std::string origin,
                   ValueForm form = ValueForm::scalar) {
  Setting setting;
  setting.key = std::move(key);
  setting.meaning = std::move(meaning);
  setting.allowed = std::move(allowed);
  setting.origin = std::move(origin);
  setting.form = form;
  return setting;
}

constexpr std::pair<std::string_view, DiscoveryBackend> backend_words[] = {
    {"static", DiscoveryBackend::static_nodes},
    {"file", DiscoveryBackend::file},
    {"epmd", DiscoveryBackend::epmd},
    {"dns", DiscoveryBackend::dns},
};

std::optional<DiscoveryBackend> backend_of(std::string_view word) {
  for (const auto& [name, backend] : backend_words) {
    if (name == word) return backend;
  }
  return std::nullopt;
}

bool distinct(std::vector<DiscoveryBackend> backends) {
  std::ranges::sort(backends);
  return std::ranges::adjacent_find(backends) == backends.end();
}

std::optional<std::pair<std::string, NodeAddress>> static_node_of(std::string_view item) {
  const std::size_t equals = item.find('=');
  const std::size_t colon = item.rfind(':');
  if (equals == std::string_view::npos || colon == std::string_view::npos || colon < equals)
    return std::nullopt;
  const std::string_view name = trimmed(item.substr(0, equals));
  std::string_view host = trimmed(item.substr(equals + 1, colon - equals - 1));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto port = parse_integer(item.substr(colon + 1));
  if (!NodeName::valid(name) || !valid_host(host) || !port || *port < 1 || *port > 65'535)
    return std::nullopt;
  return std::pair(std::string(name), NodeAddress{std::string(host), static_cast<std::uint16_t>(*port)});
}

}  // namespace

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> items;
  if (trimmed(text).empty()) return items;
  while (true) {
    const std::size_t comma = text.find(',');
    items.push_back(trimmed(text.substr(0, comma)));
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

Setting name_setting() {
  Setting setting = setting_of(
      "name", "This node; the host part must be how others reach it. Has to be set.",
      "name@host, both of [A-Za-z0-9_.-], 242 bytes at most, as files are named after it", "Erlang's -name");
  // Beside the name, the longest such file name is `.endpoint.tmp`; file systems allow 255 bytes.
  static constexpr auto names_files = [](NodeName name) { return name.text().size() <= 242; };
  setting.assign = [](NodeConfig& config, std::string_view text) {
    const auto name = NodeName::parse(text);
    if (!name || !names_files(*name)) return false;
    config.name = *name;
    return true;
  };
  setting.valid = [](const NodeConfig& config) {
    return config.name != NodeName() && NodeName::valid(config.name.text()) && names_files(config.name);
  };
  setting.show = [](const NodeConfig& config) {
    return config.name == NodeName() ? std::string() : std::string(config.name.text());
  };
  return setting;
}

Setting contact_nodes_setting() {
  Setting setting =
      setting_of("contact_nodes", "Nodes to join through at start; tried again until one answers.",
                 "node names", "original", ValueForm::list);
  setting.assign = [](NodeConfig& config, std::string_view text) {
    const auto items = split_list(text);
    if (items.size() > list_items_max) return false;
    std::vector<NodeName> names;
    for (const std::string_view item : items) {
      const auto name = NodeName::parse(item);
      if (!name) return false;
      names.push_back(*name);
    }
    config.membership.contact_nodes = std::move(names);
    return true;
  };
  setting.valid = [](const NodeConfig& config) {
    return std::ranges::all_of(config.membership.contact_nodes,
                               [](NodeName name) { return NodeName::valid(name.text()); });
  };
  setting.show = [](const NodeConfig& config) {
    std::string text;
    for (const NodeName name : config.membership.contact_nodes) {
      text.append(text.empty() ? "" : ",").append(name.text());
    }
    return text;
  };
  return setting;
}

Setting functions_allowed_nodes_setting() {
  Setting setting = setting_of(
      "functions_allowed_nodes",
      "Nodes that may call functions here by rpc, erpc and spawn; empty: every node of the cluster.",
      "node names (name@host), `*` for any text in them",
      "Barrel: the cookie and the keys decide who is in the cluster", ValueForm::list);
  // What fits no name shuts everybody out.
  static constexpr auto is_pattern = [](std::string_view text) {
    std::string name(text);
    if (name.find('@') == std::string::npos && name.find('*') != std::string::npos) name += "@*";
    std::ranges::replace(name, '*', 'x');
    return NodeName::valid(name);
  };
  setting.assign = [](NodeConfig& config, std::string_view text) {
    const auto items = split_list(text);
    if (items.size() > list_items_max || !std::ranges::all_of(items, is_pattern)) return false;
    config.functions.allowed_nodes.assign(items.begin(), items.end());
    return true;
  };
  setting.valid = [](const NodeConfig& config) {
    return std::ranges::all_of(config.functions.allowed_nodes, is_pattern);
  };
  setting.show = [](const NodeConfig& config) {
    std::string text;
    for (const std::string& pattern : config.functions.allowed_nodes)
      text.append(text.empty() ? "" : ",").append(pattern);
    return text;
  };
  return setting;
}

Setting backends_setting() {
  Setting setting = setting_of(
      "discovery_backends", "How node addresses are found, in this order; the first that knows one wins.",
      "static, file, epmd, dns, each at most once", "original plus epmd", ValueForm::list);
  setting.assign = [](NodeConfig& config, std::string_view text) {
    std::vector<DiscoveryBackend> backends;
    for (const std::string_view item : split_list(text)) {
      const auto backend = backend_of(item);
      if (!backend) return false;
      backends.push_back(*backend);
    }
    if (!distinct(backends)) return false;
    config.discovery.backends = std::move(backends);
    return true;
  };
  setting.valid = [](const NodeConfig& config) { return distinct(config.discovery.backends); };
  setting.show = [](const NodeConfig& config) {
    std::string text;
    for (const DiscoveryBackend wanted : config.discovery.backends) {
      for (const auto& [name, backend] : backend_words) {
        if (backend == wanted) text.append(text.empty() ? "" : ",").append(name);
      }
    }
    return text;
  };
  return setting;
}

namespace {

using Addresses = std::map<std::string, NodeAddress, std::less<>>;

/// A table of `node = "host:port"`; `field` gives the place of it in a (const) NodeConfig.
template <class Access>
Setting addresses_setting(Setting setting, Transport transport, Access field) {
  setting.assign = [field, transport](NodeConfig& config, std::string_view text) {
    const auto items = split_list(text);
    if (items.size() > list_items_max) return false;
    Addresses nodes;
    for (const std::string_view item : items) {
      auto node = static_node_of(item);
      if (!node) return false;
      node->second.transport = transport;
      nodes.insert_or_assign(std::move(node->first), std::move(node->second));
    }
    field(config) = std::move(nodes);
    return true;
  };
  setting.valid = [field, transport](const NodeConfig& config) {
    return std::ranges::all_of(field(config), [transport](const auto& node) {
      return NodeName::valid(node.first) && valid_host(node.second.host) && node.second.port != 0 &&
             node.second.transport == transport;
    });
  };
  setting.show = [field](const NodeConfig& config) {
    std::string text;
    for (const auto& [name, address] : field(config)) {
      const bool is_v6 = address.host.contains(':');
      text += fmt::format("{}{}={}{}{}:{}", text.empty() ? "" : ",", name, is_v6 ? "[" : "", address.host,
                          is_v6 ? "]" : "", address.port);
    }
    return text;
  };
  return setting;
}

}  // namespace

Setting static_nodes_setting() {
  return addresses_setting(setting_of("static_nodes", "Fixed addresses by node, for the static backend.",
                                      "node = \"host:port\" entries, an IPv6 address in brackets",
                                      "original ({quic, [{dist, [{nodes, ...}]}]})", ValueForm::table),
                           Transport::quic, [](auto& c) -> auto& { return c.discovery.static_nodes; });
}

Setting tcp_nodes_setting() {
  return addresses_setting(
      setting_of("tcp_nodes", "Fixed TCP addresses by node, for the static backend.",
                 "node = \"host:port\" entries, an IPv6 address in brackets", "Barrel", ValueForm::table),
      Transport::tcp, [](auto& c) -> auto& { return c.tcp.nodes; });
}

// Two keys of the original that would weaken a node: known, so that a configuration can be carried over, but
// with one allowed value, and without a field.
Setting auth_enabled_setting() {
  Setting setting = setting_of("auth_enabled", "Peers are always authenticated.",
                               "true; Barrel has no mode without", "original");
  setting.assign = [](NodeConfig&, std::string_view text) { return text == "true"; };
  setting.valid = [](const NodeConfig&) { return true; };
  setting.show = [](const NodeConfig&) { return std::string("true"); };
  return setting;
}

Setting cookie_only_nodes_setting() {
  Setting setting =
      setting_of("cookie_only_nodes", "Nobody is let in by a claimed name and the cookie alone.",
                 "empty; Barrel has no such exception", "original", ValueForm::list);
  setting.assign = [](NodeConfig&, std::string_view text) { return split_list(text).empty(); };
  setting.valid = [](const NodeConfig&) { return true; };
  setting.show = [](const NodeConfig&) { return std::string(); };
  return setting;
}

}  // namespace barrel::node
