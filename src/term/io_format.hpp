#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "barrel/term/node_name.hpp"
#include "barrel/term/term.hpp"

/// What Erlang's I/O protocol needs of the modules io_lib and unicode.
namespace barrel {

/// Widest field and longest precision; a guess above every table that people read.
inline constexpr std::size_t format_field_max = 10'000;
/// Longest text that comes out, but for its last part: that of the longest message.
inline constexpr std::size_t formatted_bytes_max = std::size_t{64} << 20;

/// As io:format("~0tw") prints it: lists and binaries are numbers.
[[nodiscard]] std::string to_raw_string(const Term& term, NodeName local = NodeName{});

/// A list that is printed as "text".
[[nodiscard]] bool is_printable_charlist(const Term& list);

/// The text of unicode:chardata(): a binary, a list of characters and binaries, nested at will. Binaries are
/// UTF-8, or each byte is a Latin-1 character. Empty when it is something else, or not UTF-8.
enum class TextEncoding : std::uint8_t { unicode, latin1 };
[[nodiscard]] std::optional<std::string> chardata_text(const Term& chardata, TextEncoding encoding);

/// io_lib:format(Format, Arguments): ~c ~s ~w ~p ~W ~P ~b ~B ~x ~X ~# ~+ ~f ~e ~g ~i ~n ~~ with field width,
/// precision, padding and the modifiers t, l, k. Terms are printed on one line. Empty when the arguments do
/// not fit the format, or it asks for more than a limit above.
[[nodiscard]] std::optional<std::string> io_format(const Term& format, const Term& arguments,
                                                   NodeName local = NodeName{});

}  // namespace barrel
