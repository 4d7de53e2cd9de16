/* The canonical layout of a file: `baton fmt`. Only blanks and line ends change; quotes, comments, the order of keys and
 * where lines break inside values stay as the author has them.
 *
 *   - two blanks for each level; a list stands two blanks inside its key; `- ` and `key: ` with one blank
 *   - { a: 1, b: [x, y] } in one line gets these blanks; what goes on over several lines moves as a whole
 *   - a table stays one: where the values of neighbours begin at one column, the blanks that make it so stay
 *   - blocks (| and >) stand two blanks inside their key
 *   - a comment stands two blanks behind the text; those that follow each other at one column stay at one
 *   - one empty line at most, none at the beginning and the end, no blanks at the end of a line, line ends are \n */
#ifndef BATON_SPEC_FORMAT_H
#define BATON_SPEC_FORMAT_H

#include "base/buf.h"
#include "spec/diag.h"

enum { FORMAT_E_REFUSED = 1 };
/* Writes the layout of `text` into `ret`. FORMAT_E_REFUSED: `diags` says why it is no file that can be read, or that the
 * layout would not have meant the same; nothing is written then. */
int format_text(Arena *a, Str name, Str text, Diags *diags, Buf *ret);

#endif
