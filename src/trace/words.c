#include "trace/words.h"

#include "base/time.h"

#include <stdio.h>

void words_duration_us(Buf *b, int64_t us) {
    if (us < 0)
        us = 0;
    if (us == 0)
        buf_str_add(b, STR("<1ms")); /* the journal's clock has milliseconds */
    else if (us < 10 * 1000)
        buf_fmt(b, "%lld.%lldms", (long long)(us / 1000), (long long)(us % 1000 / 100));
    else
        duration_write(b, us / 1000);
}

void words_count(Buf *b, int64_t n) {
    if (n < 1000)
        buf_fmt(b, "%lld", (long long)n);
    else if (n < 1000 * 1000)
        buf_fmt(b, "%lld.%lldk", (long long)(n / 1000), (long long)(n % 1000 / 100));
    else
        buf_fmt(b, "%lld.%lldM", (long long)(n / 1000000), (long long)(n % 1000000 / 100000));
}

void words_clock(Buf *b, int64_t ms) {
    Civil c = civil_from_seconds(ms / 1000);
    buf_fmt(b, "%02d:%02d:%02d.%03d", c.hour, c.minute, c.second, (int)(ms % 1000));
}

const char *ink_status(const Ink *ink, Status s) {
    static const char *const codes[] = {
        [STATUS_NEW] = "",
        [STATUS_RUNNING] = "\033[36m",
        [STATUS_RETRYING] = "\033[33m",
        [STATUS_IN_DOUBT] = "\033[35m",
        [STATUS_OK] = "\033[32m",
        [STATUS_FAILED] = "\033[31m",
        [STATUS_SKIPPED] = "\033[2m",
        [STATUS_CANCELLED] = "\033[2m",
        [STATUS_HELD] = "\033[33m",
        [STATUS_WAITING] = "\033[35m",
    };
    return ink->colour && (size_t)s < ARRAY_LEN(codes) ? codes[s] : "";
}

const char *ink_dim(const Ink *ink) { return ink->colour ? "\033[2m" : ""; }

const char *ink_bold(const Ink *ink) { return ink->colour ? "\033[1m" : ""; }

const char *ink_end(const Ink *ink) { return ink->colour ? "\033[0m" : ""; }

const char *words_mark(Status s) {
    static const char *const marks[] = {
        [STATUS_NEW] = "·",      [STATUS_RUNNING] = "▸",   [STATUS_RETRYING] = "↻",
        [STATUS_IN_DOUBT] = "?", [STATUS_OK] = "✓",        [STATUS_FAILED] = "✗",
        [STATUS_SKIPPED] = "–",  [STATUS_CANCELLED] = "–", [STATUS_HELD] = "‖",
        [STATUS_WAITING] = "?",
    };
    return (size_t)s < ARRAY_LEN(marks) ? marks[s] : " ";
}

const char *words_status(Status s) { return s == STATUS_IN_DOUBT ? "in doubt" : status_name(s); }

void words_clean(Buf *b, Str s, size_t max) {
    size_t at = 0, n = 0;
    while (at < s.len && n < max) {
        size_t from = at;
        uint32_t c = str_next_codepoint(s, &at);
        bool control = c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0xfffd ||
                       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
        if (control)
            buf_char(b, ' ');
        else
            buf_add(b, s.p + from, at - from);
        n++;
    }
    if (at < s.len)
        buf_str_add(b, STR("…"));
}
