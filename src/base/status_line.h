// The line at the bottom of a terminal that shows how far something is and is drawn again and
// again.
#pragma once

#include <string_view>

namespace levin::base {

/// Columns of the window of the terminal `fd`; 0 if it is no terminal or does not say.
[[nodiscard]] int terminal_columns(int fd);

/// The beginning of `line` (UTF-8) that takes at most `columns` columns, one a character; all of it
/// if `columns` is 0.
[[nodiscard]] std::string_view cut_to_columns(std::string_view line, int columns);

/// Draws `line` on stderr over the one that was drawn last. It is cut to the window, since of a
/// line that wraps the next would replace the last part alone.
void draw_status_line(std::string_view line);

/// Leaves the terminal's line empty.
void wipe_status_line();

}  // namespace levin::base
