/* What the two files that read RE2's syntax share: the place in the pattern, and what is written. */
#ifndef BATON_CEL_RE2_READ_H
#define BATON_CEL_RE2_READ_H

#include "cel/re2.h"

/* What stands just before: whether a repetition may follow. */
typedef enum Last { NOTHING, ITEM, REPETITION } Last;

typedef struct Flags {
    bool ignore_case, multi_line, dot_all, ungreedy;
} Flags;

typedef struct Translator {
    Str source;
    size_t at;
    Buf *out;
    PatternError *error;
    Flags flags;
    Flags outer[PATTERN_DEPTH_MAX]; /* of the groups that are open */
    size_t depth;
    Last last;
} Translator;

/* Fills t->error and gives false. */
bool re2_refuse(Translator *t, size_t offset, const char *fmt, ...) PRINTF(3, 4);

static inline int re2_peek_at(const Translator *t, size_t ahead) {
    return t->at + ahead < t->source.len ? (unsigned char)t->source.p[t->at + ahead] : -1;
}
static inline int re2_peek(const Translator *t) { return re2_peek_at(t, 0); }
/* Takes `text` if it is next. */
static inline bool re2_accept(Translator *t, const char *text) {
    if (!str_starts(str_slice(t->source, t->at, t->source.len), str_from(text)))
        return false;
    t->at += strlen(text);
    return true;
}

static inline bool re2_is_digit(int c) { return c >= '0' && c <= '9'; }
static inline bool re2_is_letter(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static inline void re2_put(Translator *t, const char *text) { buf_str_add(t->out, str_from(text)); }
/* A character as itself. */
static inline void re2_put_char(Translator *t, uint32_t c) {
    if (re2_is_digit((int)c) || re2_is_letter((int)c))
        buf_char(t->out, (char)c);
    else
        buf_fmt(t->out, "\\x{%x}", c);
}

/* re2_set.c. Each reads at t->at and writes; false after a refusal. */
/* The character that the escape at t->at stands for. */
bool re2_read_escape(Translator *t, uint32_t *ret);
/* \pL, \p{Greek} */
bool re2_put_property(Translator *t);
/* [...] */
bool re2_put_set(Translator *t);
/* Writes what \d \s \w \D \S \W hold, as it stands within [ ]. */
static inline bool re2_is_class(int letter) { return letter > 0 && strchr("dswDSW", letter); }
void re2_put_class(Translator *t);

#endif
