#include "dist/flags.hpp"

#include <array>
#include <string_view>

namespace barrel::dist {
namespace {

struct NamedFlag {
  Flags bit;
  std::string_view name;
};

constexpr std::array names = {
    NamedFlag{flag::extended_references, "EXTENDED_REFERENCES"},
    NamedFlag{flag::dist_monitor, "DIST_MONITOR"},
    NamedFlag{flag::fun_tags, "FUN_TAGS"},
    NamedFlag{flag::dist_monitor_name, "DIST_MONITOR_NAME"},
    NamedFlag{flag::new_fun_tags, "NEW_FUN_TAGS"},
    NamedFlag{flag::extended_pids_ports, "EXTENDED_PIDS_PORTS"},
    NamedFlag{flag::export_ptr_tag, "EXPORT_PTR_TAG"},
    NamedFlag{flag::bit_binaries, "BIT_BINARIES"},
    NamedFlag{flag::new_floats, "NEW_FLOATS"},
    NamedFlag{flag::utf8_atoms, "UTF8_ATOMS"},
    NamedFlag{flag::map_tag, "MAP_TAG"},
    NamedFlag{flag::big_creation, "BIG_CREATION"},
    NamedFlag{flag::send_sender, "SEND_SENDER"},
    NamedFlag{flag::exit_payload, "EXIT_PAYLOAD"},
    NamedFlag{flag::handshake_23, "HANDSHAKE_23"},
    NamedFlag{flag::unlink_id, "UNLINK_ID"},
    NamedFlag{flag::v4_nc, "V4_NC"},
};

constexpr Flags all_named() {
  Flags all = 0;
  for (const NamedFlag& named : names) all |= named.bit;
  return all;
}
static_assert((required_flags & ~all_named()) == 0, "every required flag has a name for error messages");
static_assert((offered_flags & required_flags) == required_flags, "we offer what we demand");

}  // namespace

std::string missing_flag_names(Flags flags, Flags demanded) {
  const Flags missing = demanded & ~expand_digest(flags);
  std::string text;
  for (const NamedFlag& named : names) {
    if ((missing & named.bit) == 0) continue;
    if (!text.empty()) text += ' ';
    text += named.name;
  }
  return text;
}

}  // namespace barrel::dist
