// Runs a fuzz target over saved inputs: `replay_x file-or-directory...`. What once broke a parser stays a
// test in builds without libFuzzer. Prints how many inputs were run; a crash is the failure.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

int run_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return 1;
}

int run(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return std::filesystem::exists(path) ? run_file(path) : 0;
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) count += run_file(entry.path());
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  LLVMFuzzerTestOneInput(nullptr, 0);
  int count = 1;
  for (int i = 1; i < argc; ++i) count += run(argv[i]);
  std::printf("%d inputs\n", count);
  return count > 1 ? 0 : 1;
}
