#include "node/discovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

#include "node/config_values.hpp"
#include "node/discovery_endpoint.hpp"
#include "node/files.hpp"
#include "tcp/epmd.hpp"

namespace barrel::node {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view setting = "discovery_dir";
constexpr std::string_view extension = ".endpoint";

Error unknown(NodeName node, std::string_view where) {
  return Error{Errc::not_found, Term(fmt::format("{} is not in {}", node.text(), where))};
}

std::string text_of(const Error& error) {
  const auto text = error.reason.as_text();
  return text ? std::string(*text) : error.message();
}

}  // namespace

bool valid_host(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || c == '-';
  });
}

Result<std::vector<NodeAddress>> StaticDiscovery::lookup(NodeName node) const {
  const auto found = nodes_.find(node.text());
  if (found == nodes_.end()) return unknown(node, "static_nodes");
  return std::vector<NodeAddress>{found->second};
}

fs::path FileDiscovery::path_of(std::string_view node) const {
  return directory_ / (std::string(node) + std::string(extension));
}

Result<std::vector<NodeAddress>> FileDiscovery::lookup(NodeName node) const {
  // Also what keeps a name from leaving the directory.
  if (!NodeName::valid(node.text())) {
    return Error{Errc::invalid_argument, Term(fmt::format("{} is not a node name (name@host)", node.text()))};
  }
  const fs::path path = path_of(node.text());
  auto content = read_file(path, endpoint_bytes_max, setting);
  if (!content) return std::move(content).error();
  auto address = parse_endpoint(*content);
  if (!address) {
    return Error{
        Errc::malformed,
        Term(fmt::format("{} is broken: {}; restart that node, which writes it again, or delete the file",
                         path.string(), text_of(address.error())))};
  }
  return std::vector<NodeAddress>{std::move(*address)};
}

Result<> FileDiscovery::publish(NodeName node, const NodeAddress& address) const {
  if (!NodeName::valid(node.text()) || !valid_host(address.host) || address.port == 0) {
    return Error{Errc::invalid_argument, Term(fmt::format("{} at {}:{} cannot be published", node.text(),
                                                          address.host, address.port))};
  }
  if (auto made = make_directory(directory_, public_directory_mode, setting); !made) return made;
  return write_file(path_of(node.text()), as_bytes(format_endpoint(address)), public_file_mode, setting);
}

Result<std::vector<std::string>> FileDiscovery::list() const {
  std::vector<std::string> nodes;
  std::error_code failure;
  for (fs::directory_iterator entry(directory_, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    std::string name = entry->path().filename().string();
    if (!name.ends_with(extension)) continue;
    name.resize(name.size() - extension.size());
    if (NodeName::valid(name)) nodes.push_back(std::move(name));
  }
  if (failure && failure != std::errc::no_such_file_or_directory) {
    return Error{Errc::io, Term(fmt::format("cannot list {}: {}; check {}", directory_.string(),
                                            failure.message(), setting))};
  }
  std::ranges::sort(nodes);
  return nodes;
}

Result<std::vector<NodeAddress>> EpmdDiscovery::lookup(NodeName node) const {
  if (!valid_host(node.host())) return unknown(node, "EPMD");
  return std::vector<NodeAddress>{{std::string(node.host()), port_, Transport::epmd}};
}

Result<std::vector<NodeAddress>> DnsDiscovery::lookup(NodeName node) const {
  if (!valid_host(node.host())) return unknown(node, "DNS");
  return std::vector<NodeAddress>{{std::string(node.host()), port_}};
}

Result<std::vector<NodeAddress>> DiscoveryChain::lookup(NodeName node) const {
  std::string said;
  std::vector<NodeAddress> guesses;
  for (const auto& backend : backends_) {
    auto found = backend->lookup(node);
    if (found) {
      guesses.insert(guesses.end(), found->begin(), found->end());
      if (!backend->guesses()) return guesses;
      continue;
    }
    said += fmt::format("{}{}: {}", said.empty() ? "" : "; ", backend->name(), text_of(found.error()));
  }
  if (!guesses.empty()) return guesses;
  if (said.empty()) said = "discovery_backends is empty";
  return Error{Errc::not_found, Term(fmt::format("no address of {}: {}", node.text(), said))};
}

std::uint16_t epmd_port(const NodeConfig& config) {
  if (config.tcp.epmd_port != 0) return config.tcp.epmd_port;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here sets it
  const char* set = std::getenv("ERL_EPMD_PORT");
  const auto port = parse_integer(set == nullptr ? "" : set);
  return port && *port > 0 && *port <= 65'535 ? static_cast<std::uint16_t>(*port) : tcp::epmd_port_default;
}

std::unique_ptr<Discovery> make_discovery(const NodeConfig& config) {
  std::vector<std::unique_ptr<Discovery>> backends;
  for (const DiscoveryBackend backend : config.discovery.backends) {
    switch (backend) {
      case DiscoveryBackend::static_nodes: {
        auto nodes = config.discovery.static_nodes;
        if (config.tcp.enabled) nodes.insert(config.tcp.nodes.begin(), config.tcp.nodes.end());
        backends.push_back(std::make_unique<StaticDiscovery>(std::move(nodes)));
        break;
      }
      case DiscoveryBackend::file:
        backends.push_back(std::make_unique<FileDiscovery>(config.discovery_dir()));
        break;
      case DiscoveryBackend::epmd:
        if (config.tcp.enabled) backends.push_back(std::make_unique<EpmdDiscovery>(epmd_port(config)));
        break;
      case DiscoveryBackend::dns:
        backends.push_back(std::make_unique<DnsDiscovery>(config.listen.port));
        break;
    }
  }
  return std::make_unique<DiscoveryChain>(std::move(backends));
}

}  // namespace barrel::node
