#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace barrel::bench {

/// Wall-clock time since it was made.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Steady::now() - start_).count();
  }
  [[nodiscard]] double microseconds() const { return seconds() * 1e6; }

 private:
  using Steady = std::chrono::steady_clock;
  Steady::time_point start_ = Steady::now();
};

/// The value below which `share` of the samples lie (nearest rank); 0 without samples.
[[nodiscard]] double percentile(std::vector<double> samples, double share);
[[nodiscard]] inline double median(std::vector<double> samples) {
  return percentile(std::move(samples), 0.5);
}
/// The median of what `measure` gives in `runs` runs.
[[nodiscard]] double median_of(int runs, const std::function<double()>& measure);

/// Bytes of memory that this process holds.
[[nodiscard]] double resident_bytes();

/// Collects results; its destructor prints them as a table and as lines `RESULT barrel <metric> <unit>
/// <value>`.
class Report {
 public:
  /// Prints what is measured and on what: machine, compiler, options.
  explicit Report(const std::string& title);
  ~Report();
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  /// `note` is printed behind the row.
  void add(const std::string& metric, const std::string& unit, double value, const std::string& note = "");

 private:
  struct Row {
    std::string metric;
    std::string unit;
    double value;
  };
  std::vector<Row> rows_;
};

}  // namespace barrel::bench
