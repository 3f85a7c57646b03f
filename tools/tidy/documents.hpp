#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source_file.hpp"

namespace tidy {

/// Gives a file's text by its path from the project's root; empty when there is no such file.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

/// C++ in a document says which file it is from, by `<!-- from: path -->` on the line before its fence, and
/// all code that says so must stand in that file as it is, but for indentation. So examples in the
/// documentation are code that is compiled and run. And every link to another .md file, relative to the
/// document, must lead to one.
void check_document(std::string_view path, std::string_view markdown, const ReadFile& read,
                    std::vector<Violation>& out);

/// Every .md file that a comment of a source names, by its path from the project's root, must exist.
void check_citations(const SourceFile& file, const ReadFile& read, std::vector<Violation>& out);

}  // namespace tidy
