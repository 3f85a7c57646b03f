// The bytes are what a file of keys holds: the first one chooses which (node.key, node.pub, the certificate,
// its key, a pin). It is refused with a message, or read.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "node/identity_files.hpp"
#include "node/trust_files.hpp"

namespace {

using namespace barrel;
namespace fs = std::filesystem;

/// Good files, one of which is replaced by the input.
struct Directory {
  Directory() : path(fs::temp_directory_path() / ("fuzz_key_files." + std::to_string(::getpid()))) {
    if (!node::load_or_make_identity(path) || !node::load_or_make_certificate(path / "quic", "n@h", {}))
      std::abort();
  }
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Directory directory;
  if (size < 1) return 0;
  const std::array<fs::path, 5> files{"node.key", "node.pub", "quic/node.crt", "quic/node.key",
                                      "trusted/peer@h.pub"};
  const fs::path& file = directory.path / files[data[0] % files.size()];
  const std::string good = read(file);
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  write(file, input);
  if (const auto identity = node::load_identity(directory.path); !identity) (void)identity.error().message();
  const auto loaded = node::load_or_make_certificate(directory.path / "quic", "n@h", {});
  if (!loaded) (void)loaded.error().message();
  if (const auto trust = node::TrustFiles::open(directory.path, TrustMode::tofu)) {
    const auto pin = (*trust)->find("peer@h");
    if (pin && *pin && data[0] % files.size() == 4 && input.size() != PublicKey::size) std::abort();
  }
  if (file.filename() == "peer@h.pub") fs::remove(file);
  else write(file, good);
  return 0;
}
