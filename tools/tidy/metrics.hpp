#pragma once

#include <string_view>
#include <vector>

#include "source_file.hpp"

namespace tidy {

/// Every metric that src/ makes has a row in the catalogue (docs/metrics.md: the first cell, in backticks),
/// and every row is one that src/ makes, of the kind that its second cell says; none has two. `<...>` in a
/// row stands for what is put together at run time, `{...}` for attributes.
void check_metrics(const std::vector<SourceFile>& files, std::string_view catalogue_path,
                   std::string_view catalogue, std::vector<Violation>& out);

}  // namespace tidy
