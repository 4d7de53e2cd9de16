#include "cli/say.h"

#include "base/limits.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* 0, or the errno of what was not written. */
static int write_all(int fd, Str s) {
    while (s.len > 0) {
        ssize_t n = write(fd, s.p, s.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        s = str_slice(s, (size_t)n, s.len);
    }
    return 0;
}

static int out_failed; /* the first errno of standard output */

static PRINTF(1, 0) void print_error(const char *fmt, va_list args, const char *end) {
    char text[4096];
    int n = vsnprintf(text, sizeof text, fmt, args);
    write_all(2, (Str){ text, MIN((size_t)MAX(n, 0), sizeof text - 1) });
    write_all(2, str_from(end));
}

void say_text(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    print_error(fmt, args, "");
    va_end(args);
}

void say_line(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    print_error(fmt, args, "\n");
    va_end(args);
}

bool say_terminal(int fd) { return isatty(fd) == 1; }

bool say_colour(int fd) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return say_terminal(fd) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

void say_size(unsigned *ret_columns, unsigned *ret_lines) {
    struct winsize size;
    bool known = ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *ret_columns = known ? size.ws_col : 80;
    *ret_lines = known ? size.ws_row : 24;
}

void out_str(Str s) {
    fflush(stdout);
    int failed = write_all(1, s);
    if (!out_failed)
        out_failed = failed;
}

int out_error(void) {
    if (fflush(stdout) != 0 && !out_failed)
        out_failed = errno;
    return out_failed;
}

void out_json(Value v) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    value_write_pretty(&b, v);
    buf_char(&b, '\n');
    out_str(buf_str(&b));
    buf_deinit(&b);
}
