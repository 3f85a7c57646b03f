#include "node/config_document.hpp"

#include <fmt/format.h>

#include <string_view>

#include "barrel/node/config.hpp"
#include "node/config_settings.hpp"

namespace barrel::node {

namespace {

constexpr std::string_view introduction = R"(# Configuration

<!-- Made from src/node/config_settings.cpp by the test ConfigDocument with BARREL_UPDATE_DOCUMENTS=1. -->

A node takes each setting from the first of these that has it:

1. the command line: `--listen_port 4433` or `--listen-port=4433`;
2. the environment: `BARREL_LISTEN_PORT=4433`;
3. a TOML file, named by `--config FILE` or `BARREL_CONFIG`: `listen_port = 4433`;
4. the default.

The keys are those of barrel_p2p where it has them, with its defaults. Times are whole milliseconds. A list
is an array in a file, and separated by commas elsewhere; `static_nodes` and `tcp_nodes` are tables in a file,
and `name=host:port,...` elsewhere. Paths are relative to the working directory.

All settings are checked together before a node starts. Every problem is reported at once, with the key, the
value and what is allowed; a key that does not exist is a problem too. So a file says what it means, or the
node does not start:

```
listen_prot (barrel.toml, line 2): no such key; did you mean listen_port?
active_size = 0 (BARREL_ACTIVE_SIZE): allowed: 1 to 1000
down_after_ms = 2000: must be more than suspect_after_ms, which is 3000
```

A file for the second of two nodes on one machine:

```toml
name = "bob@127.0.0.1"
data_dir = "data/bob"
discovery_dir = "data/discovery"        # shared by both nodes
contact_nodes = ["alice@127.0.0.1"]
# auth_trust_mode = "strict"            # only with the nodes' keys copied to each other: docs/security.md

[static_nodes]
"carol@10.0.0.3" = "10.0.0.3:4433"
```

The column "from" says where a default comes from: `original` is barrel_p2p 0.1, `Barrel` is our own choice.
)";

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string default_cell(const Setting& setting) {
  const std::string text = setting.show(NodeConfig{});
  return text.empty() ? std::string("-") : fmt::format("`{}`", text);
}

}  // namespace

std::string configuration_document() {
  std::string out(introduction);
  std::string_view group;
  for (const Setting& setting : settings()) {
    if (setting.group != group) {
      group = setting.group;
      out += fmt::format("\n## {}\n\n| key | default | allowed | meaning | from |\n|---|---|---|---|---|\n",
                         group);
    }
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", setting.key, default_cell(setting),
                       cell(setting.allowed), cell(setting.meaning), cell(setting.origin));
  }
  out += "\n## Keys of the original that are not known here\n\n";
  out += "A configuration that sets one of them is refused, so that nobody believes it has an effect.\n\n";
  out += "| key | why |\n|---|---|\n";
  for (const auto& [key, reason] : unsupported_keys()) out += fmt::format("| `{}` | {} |\n", key, reason);
  return out;
}

}  // namespace barrel::node
