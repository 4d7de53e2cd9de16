/* Patterns are compiled once, into the arena of whoever owns them: PCRE2 allocates through a context that hands out arena
 * memory and takes nothing back. What matching needs beside them (the heap frames it goes back to) lives in a search, which
 * has an owner who frees it.
 *
 * Cost. PCRE2 counts how often it goes back, but not how far a single x* runs, and starts counting anew at each place it
 * tries: on a text of a megabyte that is no bound at all. So re2.c puts a callout wherever the interpreter can come back
 * to, and each callout pays one step, and one more for each cache line between it and the last one: everything PCRE2 does
 * between two callouts is at most one walk of the pattern and that walk of the text. */
#include "cel/pattern.h"
#include "cel/ecma.h"
#include "cel/re2.h"

#include "base/limits.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>
#include <stdlib.h>

struct Pattern {
    const pcre2_code *code;
    unsigned groups;
};

static void *arena_malloc(PCRE2_SIZE n, void *arena) { return arena_alloc(arena, n); }
static void arena_keep(void *p, void *arena) { (void)p, (void)arena; }

/* ---- compiling ---- */

/* What is left to go wrong is what only PCRE2 knows: scripts, names that stand twice, and size. */
static int refuse(int code, PatternError *error) {
    char text[100] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
    *error = (PatternError){ .offset = 0 };
    if (code == PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY)
        snprintf(error->message, sizeof error->message,
                 "\\p names a script that does not exist; they are written \\p{Greek}");
    else if (code == PCRE2_ERROR_DUPLICATE_SUBPATTERN_NAME)
        snprintf(error->message, sizeof error->message, "two groups have the same name");
    else
        snprintf(error->message, sizeof error->message, "%s", text);
    return PATTERN_E_SYNTAX;
}

static int compile(Arena *a, Str text, uint32_t options, Pattern *p, PatternError *error) {
    pcre2_general_context *memory = pcre2_general_context_create(arena_malloc, arena_keep, a);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int code;
    PCRE2_SIZE offset;
    p->code = pcre2_compile((PCRE2_SPTR)text.p, text.len, options, &code, &offset, context);
    if (!p->code)
        return refuse(code, error);
    uint32_t groups = 0;
    pcre2_pattern_info(p->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    p->groups = groups;
    return 0;
}

typedef struct Language {
    bool (*translate)(Str source, Buf *out, PatternError *error);
    uint32_t options;
    size_t growth; /* bytes that one of the pattern may become */
} Language;

static int compile_in(const Language *language, Arena *a, Str source, const Pattern **ret_pattern,
                      PatternError *ret_error) {
    PatternError error = { 0 };
    Buf translated = BUF_INIT(language->growth * PATTERN_BYTES_MAX);
    int failed = PATTERN_E_SYNTAX;
    Pattern *p = ARENA_NEW(a, Pattern);
    if (source.len > PATTERN_BYTES_MAX) {
        snprintf(error.message, sizeof error.message, "it is %zu bytes long, more than %d",
                 source.len, PATTERN_BYTES_MAX);
    } else if (language->translate(source, &translated, &error)) {
        ASSERT(!buf_over(&translated));
        failed = compile(a, buf_str(&translated), language->options, p, &error);
    }
    buf_deinit(&translated);
    if (!failed)
        *ret_pattern = p;
    else if (ret_error)
        *ret_error = error;
    return failed;
}

int pattern_compile(Arena *a, Str source, const Pattern **ret_pattern, PatternError *ret_error) {
    /* (?i) and then \W grows most: its two bytes become 108. */
    static const Language re2 = { re2_translate, RE2_COMPILE_OPTIONS, 54 };
    return compile_in(&re2, a, source, ret_pattern, ret_error);
}

int pattern_compile_ecma(Arena *a, Str source, const Pattern **ret_pattern,
                         PatternError *ret_error) {
    /* \S: its two bytes become 190. */
    static const Language ecma = { ecma_translate, ECMA_COMPILE_OPTIONS, 100 };
    return compile_in(&ecma, a, source, ret_pattern, ret_error);
}

unsigned pattern_groups(const Pattern *p) { return p->groups; }

/* ---- matching ---- */

struct PatternSearch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    int64_t *steps;
    PCRE2_SIZE last; /* where the last callout was */
};

static int pay(pcre2_callout_block *block, void *search) {
    PatternSearch *s = search;
    PCRE2_SIZE at = block->current_position;
    PCRE2_SIZE moved = at > s->last ? at - s->last : s->last - at;
    s->last = at;
    *s->steps -= 1 + (int64_t)(moved / 64);
    return *s->steps < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

PatternSearch *pattern_search_new(void) {
    PatternSearch *s = xcalloc(1, sizeof *s);
    s->data = pcre2_match_data_create(PATTERN_SPANS, NULL);
    s->context = pcre2_match_context_create(NULL);
    if (!s->data || !s->context)
        abort();
    pcre2_set_callout(s->context, pay, s);
    pcre2_set_heap_limit(s->context, LIMIT_CEL_BYTES / KIB);
    return s;
}

PatternSearch *pattern_search_free(PatternSearch *s) {
    if (s) {
        pcre2_match_data_free(s->data);
        pcre2_match_context_free(s->context);
        free(s);
    }
    return NULL;
}

static void copy_spans(const PatternSearch *s, int count, PatternSpan *ret_spans) {
    const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(s->data);
    /* 0: the pattern has more groups than there is room for, and all of the room is filled. */
    int filled = count ? count : PATTERN_SPANS;
    for (int i = 0; i < PATTERN_SPANS; i++)
        ret_spans[i] = i < filled ? (PatternSpan){ spans[2 * i], spans[2 * i + 1] }
                                  : (PatternSpan){ SIZE_MAX, SIZE_MAX };
}

int pattern_find(PatternSearch *s, const Pattern *p, Str text, size_t from, int64_t *steps,
                 bool *ret_found, PatternSpan *ret_spans) {
    s->steps = steps;
    s->last = from;
    /* The text is checked once, at its first search. */
    uint32_t options = from ? PCRE2_NO_UTF_CHECK : 0;
    int count =
        pcre2_match(p->code, (PCRE2_SPTR)text.p, text.len, from, options, s->data, s->context);
    *ret_found = count >= 0;
    if (count >= 0)
        copy_spans(s, count, ret_spans);
    if (count >= 0 || count == PCRE2_ERROR_NOMATCH)
        return 0;
    bool costly = count == PCRE2_ERROR_CALLOUT || count == PCRE2_ERROR_MATCHLIMIT ||
                  count == PCRE2_ERROR_HEAPLIMIT || count == PCRE2_ERROR_DEPTHLIMIT ||
                  count == PCRE2_ERROR_NOMEMORY;
    return costly ? PATTERN_E_COST : PATTERN_E_TEXT;
}
