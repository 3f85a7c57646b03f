#include "barrel/term/result.hpp"

namespace barrel {

std::string Error::message() const {
  std::string text(to_string(code));
  if (reason.is_atom(text)) return text;
  text += ": ";
  const auto words = reason.as_text();
  return words ? text.append(*words) : text.append(to_string(reason));
}

}  // namespace barrel
