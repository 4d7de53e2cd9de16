/* What stands in one line of YAML, as far as its layout needs to know. */
#ifndef BATON_SPEC_FORMAT_LINE_H
#define BATON_SPEC_FORMAT_LINE_H

#include "base/buf.h"

unsigned line_indent(Str line);
/* line_trim: without blanks at the end; line_skip: without those at the beginning. */
Str line_trim(Str line);
Str line_skip(Str line);
/* Begins with "- ", or is "-". */
bool line_is_item(Str rest);
/* Length of the key before its colon, blanks between them included; 0: it begins with no key. */
size_t line_key(Str rest);
/* Where the comment behind a text without quotes begins; the length if there is none. */
size_t line_comment(Str rest);

/* A value in brackets or quotes, which may go on over lines. */
typedef struct LineScan {
    unsigned depth; /* open brackets */
    char quote;     /* that is open, or 0 */
    bool fresh;     /* a quote here would begin a text */
} LineScan;
#define LINE_SCAN ((LineScan){ .fresh = true })
/* Goes on with a line; true: the value ended, at *ret_end. Else *ret_end is the length. */
bool line_scan(LineScan *scan, Str line, size_t *ret_end);
/* Writes a value in brackets that ends in its line: { a: 1, b: [x, y] }. `keep`: blanks are added and never taken away. */
void line_flow(Buf *b, Str flow, bool keep);

#endif
