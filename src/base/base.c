/* The few functions everything stands on: a failed assertion ends the process with one line on stderr, and so does a
 * machine without memory. Both write with write(2): stdio may be what is broken. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void say_and_abort(const char *text, size_t len) {
    /* Nothing can be done about a stderr that does not take the line. */
    ssize_t written = write(STDERR_FILENO, text, len);
    (void)written;
    abort();
}

_Noreturn void assert_failed(const char *expr, const char *file, int line) {
    char text[512];
    int n = snprintf(text, sizeof text, "%s:%d: assertion failed: %s\n", file, line, expr);
    size_t len = n < 0 ? 0 : MIN((size_t)n, sizeof text - 1);
    say_and_abort(text, len);
}

const char *err_text(int err) {
    static const char *const texts[] = {
        [0] = "no error",
        [ERR_IO] = "I/O error",
        [ERR_TOO_BIG] = "too big",
        [ERR_CORRUPT] = "stored data is corrupt",
        [ERR_FULL] = "no space left",
        [ERR_BUSY] = "in use by another process",
        [ERR_INTERNAL] = "internal error of a library",
    };
    unsigned n = err < 0 ? 0u - (unsigned)err : (unsigned)err;
    return n < ARRAY_LEN(texts) ? texts[n] : "unknown error";
}

static void *or_die(void *p) {
    static const char text[] = "out of memory\n";
    if (!p)
        say_and_abort(text, sizeof text - 1);
    return p;
}

void *xmalloc(size_t size) { return or_die(malloc(size ? size : 1)); }

void *xcalloc(size_t count, size_t size) {
    return or_die(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size) { return or_die(realloc(p, size ? size : 1)); }

char *xstrndup(const char *p, size_t len) {
    char *copy = xmalloc(len + 1);
    if (len)
        memcpy(copy, p, len);
    copy[len] = '\0';
    return copy;
}
