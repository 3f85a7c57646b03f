#include "report.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

namespace barrel::bench {

namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

std::string compiler() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#else
  return "GCC " __VERSION__;
#endif
}

}  // namespace

double percentile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(samples.size())));
  const std::size_t index = std::min(std::max<std::size_t>(rank, 1), samples.size()) - 1;
  std::ranges::nth_element(samples, samples.begin() + static_cast<std::ptrdiff_t>(index));
  return samples[index];
}

double median_of(int runs, const std::function<double()>& measure) {
  std::vector<double> samples;
  for (int i = 0; i < runs; ++i) samples.push_back(measure());
  return median(std::move(samples));
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

Report::Report(const std::string& title) {
  utsname system{};
  ::uname(&system);
  std::printf("%s\n%s, %u cores, %s %s, %s\n\n", title.c_str(), processor().c_str(),
              std::thread::hardware_concurrency(), system.sysname, system.release, compiler().c_str());
  std::fflush(stdout);
}

void Report::add(const std::string& metric, const std::string& unit, double value, const std::string& note) {
  std::printf("%-16s %16.*f %s%s\n", metric.c_str(), value < 1000 ? 2 : 0, value, unit.c_str(), note.c_str());
  std::fflush(stdout);
  rows_.push_back({metric, unit, value});
}

Report::~Report() {
  std::printf("\n");
  for (const Row& row : rows_) {
    std::printf("RESULT barrel %s %s %.*f\n", row.metric.c_str(), row.unit.c_str(), row.value < 1000 ? 3 : 0,
                row.value);
  }
}

}  // namespace barrel::bench
