#include "barrel/process/functions.hpp"

#include <algorithm>

namespace barrel {

namespace {
/// Refusals that are logged: one for each node, up to so many. Guess. process.functions_refused counts them
/// all.
constexpr std::size_t refused_nodes_logged_max = 100;
}  // namespace

bool detail::matches_pattern(std::string_view text, std::string_view pattern) noexcept {
  // The last star may take one more character whenever what follows it does not fit.
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      taken = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
      ++in_pattern;
      ++at;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

void Functions::add(std::string_view module, std::string_view function, std::size_t arity,
                    detail::ExposedFunction run) {
  auto shared = std::make_shared<const detail::ExposedFunction>(std::move(run));
  const std::scoped_lock lock(mutex_);
  functions_.insert_or_assign(Key(module, function, arity), std::move(shared));
}

void Functions::hide(std::string_view module, std::string_view function, std::size_t arity) {
  const std::scoped_lock lock(mutex_);
  functions_.erase(Key(module, function, arity));
}

void Functions::allow_only(std::vector<std::string> patterns) {
  const std::scoped_lock lock(mutex_);
  allowed_ = std::move(patterns);
}

bool Functions::allows(NodeName caller) const {
  const std::scoped_lock lock(mutex_);
  return is_allowed(caller);
}

bool Functions::is_allowed(NodeName caller) const {
  if (allowed_.empty() || caller == self_) return true;
  const auto fits = [&](const std::string& pattern) {
    return detail::matches_pattern(caller.text(), pattern);
  };
  if (std::ranges::any_of(allowed_, fits)) return true;
  if (refused_.size() < refused_nodes_logged_max && std::ranges::find(refused_, caller) == refused_.end()) {
    refused_.push_back(caller);
    log_.warning("a node that may not calls a function (functions_allowed_nodes)",
                 {{"node", std::string(caller.text())}});
  }
  return false;
}

std::shared_ptr<const detail::ExposedFunction> Functions::find(NodeName caller, std::string_view module,
                                                               std::string_view function,
                                                               std::size_t arity) const {
  const std::scoped_lock lock(mutex_);
  if (!is_allowed(caller)) return nullptr;
  const auto found = functions_.find(Key(module, function, arity));
  return found == functions_.end() ? nullptr : found->second;
}

}  // namespace barrel
