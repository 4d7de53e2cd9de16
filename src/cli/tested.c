#include "cli/tested.h"

#include "base/limits.h"
#include "base/time.h"

/* ---- text -------------------------------------------------------------------------------------------------------------- */

static void write_indented(Buf *b, Str text, const char *indent) {
    while (text.len) {
        ptrdiff_t end = str_find(text, STR("\n"));
        Str line = end < 0 ? text : str_slice(text, 0, (size_t)end);
        buf_fmt(b, "%s", indent);
        words_clean(b, line, 400);
        buf_char(b, '\n');
        text = end < 0 ? STR("") : str_slice(text, (size_t)end + 1, text.len);
    }
}

static void write_failure(Buf *b, const TestedFile *f, const Failure *x) {
    buf_str_add(b, STR("    "));
    words_clean(b, x->what, 400);
    buf_fmt(b, "   (%.*s:%u)\n", STR_FMT(f->name), x->line);
    write_indented(b, x->why, "      ");
}

static void write_runs(Buf *b, const CaseResult *c) {
    if (c->runs > 1 && case_passed(c))
        buf_fmt(b, "   pass^%lld", (long long)c->runs);
    else if (c->runs > 1)
        buf_fmt(b, "   %lld of %lld runs passed; run %lld is shown", (long long)c->passed,
                (long long)c->runs, (long long)c->failed_run);
}

void tested_write_case(Buf *b, const TestedFile *f, const CaseResult *c, const Ink *ink) {
    bool good = case_passed(c);
    buf_fmt(b, "%s%s%s  ", ink_status(ink, good ? STATUS_OK : STATUS_FAILED),
            good ? "ok  " : "FAIL", ink_end(ink));
    words_clean(b, c->one->name, 200);
    buf_fmt(b, "%s", ink_dim(ink));
    if (c->took_ms) {
        buf_str_add(b, STR("   "));
        duration_write(b, c->took_ms);
        buf_str_add(b, STR(" simulated"));
    }
    write_runs(b, c);
    buf_fmt(b, "%s\n", ink_end(ink));
    for (size_t i = 0; i < c->n_failures; i++)
        write_failure(b, f, &c->failures[i]);
    if (!good && c->tree.len) {
        buf_str_add(b, STR("    the run:\n"));
        write_indented(b, c->tree, "      ");
    }
}

void tested_write_sum(Buf *b, const Tested *t, const Ink *ink) {
    buf_fmt(b, "%s%zu passed%s, %s%zu failed%s\n", t->failed ? "" : ink_status(ink, STATUS_OK),
            t->passed, t->failed ? "" : ink_end(ink),
            t->failed ? ink_status(ink, STATUS_FAILED) : "", t->failed,
            t->failed ? ink_end(ink) : "");
}

/* ---- TAP --------------------------------------------------------------------------------------------------------------- */

/* `#` begins a directive there, and a line is a line. */
static void write_plain(Buf *b, Str s) {
    for (size_t i = 0; i < s.len; i++)
        buf_char(b, s.p[i] == '#' || (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
}

static void tap_case(Buf *b, const TestedFile *f, const CaseResult *c, size_t number) {
    buf_fmt(b, "%sok %zu - ", case_passed(c) ? "" : "not ", number);
    write_plain(b, f->name);
    buf_str_add(b, STR(": "));
    write_plain(b, c->one->name);
    buf_char(b, '\n');
    for (size_t i = 0; i < c->n_failures; i++) {
        buf_fmt(b, "# line %u: ", c->failures[i].line);
        write_plain(b, c->failures[i].what);
        buf_char(b, '\n');
        write_indented(b, c->failures[i].why, "#   ");
    }
}

void tested_write_tap(Buf *b, const Tested *t) {
    size_t number = 0;
    buf_fmt(b, "TAP version 13\n1..%zu\n", t->passed + t->failed);
    for (size_t i = 0; i < t->n; i++) {
        const TestedFile *f = &t->files[i];
        for (size_t k = 0; k < f->n; k++)
            tap_case(b, f, &f->cases[k], ++number);
        if (!f->problem.len)
            continue;
        buf_fmt(b, "not ok %zu - ", ++number);
        write_plain(b, f->name);
        buf_char(b, '\n');
        write_indented(b, f->problem, "# ");
    }
}

/* ---- JUnit ------------------------------------------------------------------------------------------------------------- */

/* XML 1.0 has no control characters, not even escaped. */
static void write_xml(Buf *b, Str s) {
    for (size_t at = 0; at < s.len;) {
        size_t from = at;
        uint32_t c = str_next_codepoint(s, &at);
        bool allowed = c == '\t' || c == '\n' || (c >= ' ' && c != 0xfffe && c != 0xffff);
        if (c == '<')
            buf_str_add(b, STR("&lt;"));
        else if (c == '>')
            buf_str_add(b, STR("&gt;"));
        else if (c == '&')
            buf_str_add(b, STR("&amp;"));
        else if (c == '"')
            buf_str_add(b, STR("&quot;"));
        else if (!allowed || c == 0xfffd)
            buf_char(b, '?');
        else
            buf_add(b, s.p + from, at - from);
    }
}

static void junit_failures(Buf *b, const CaseResult *c) {
    buf_str_add(b, STR("      <failure message=\""));
    write_xml(b, c->failures[0].what);
    buf_str_add(b, STR("\">"));
    for (size_t i = 0; i < c->n_failures; i++) {
        buf_fmt(b, "line %u: ", c->failures[i].line);
        write_xml(b, c->failures[i].what);
        buf_char(b, '\n');
        write_xml(b, c->failures[i].why);
        buf_char(b, '\n');
    }
    write_xml(b, c->tree);
    buf_str_add(b, STR("</failure>\n"));
}

static void junit_case(Buf *b, const TestedFile *f, const CaseResult *c) {
    buf_str_add(b, STR("    <testcase classname=\""));
    write_xml(b, f->name);
    buf_str_add(b, STR("\" name=\""));
    write_xml(b, c->one->name);
    buf_fmt(b, "\" time=\"%lld.%03lld\"", (long long)(c->took_ms / 1000),
            (long long)(c->took_ms % 1000));
    if (case_passed(c)) {
        buf_str_add(b, STR("/>\n"));
        return;
    }
    buf_str_add(b, STR(">\n"));
    junit_failures(b, c);
    buf_str_add(b, STR("    </testcase>\n"));
}

static size_t failed_of(const TestedFile *f) {
    size_t n = f->problem.len ? 1 : 0;
    for (size_t i = 0; i < f->n; i++)
        n += !case_passed(&f->cases[i]);
    return n;
}

static void junit_file(Buf *b, const TestedFile *f) {
    buf_str_add(b, STR("  <testsuite name=\""));
    write_xml(b, f->name);
    buf_fmt(b, "\" tests=\"%zu\" failures=\"%zu\">\n", f->n + (f->problem.len ? 1 : 0),
            failed_of(f));
    for (size_t i = 0; i < f->n; i++)
        junit_case(b, f, &f->cases[i]);
    if (f->problem.len) {
        buf_str_add(b, STR("    <testcase classname=\""));
        write_xml(b, f->name);
        buf_str_add(b, STR("\" name=\"the file\"><failure message=\"refused\">"));
        write_xml(b, f->problem);
        buf_str_add(b, STR("</failure></testcase>\n"));
    }
    buf_str_add(b, STR("  </testsuite>\n"));
}

void tested_write_junit(Buf *b, const Tested *t) {
    buf_fmt(
        b,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%zu\" failures=\"%zu\">\n",
        t->passed + t->failed, t->failed);
    for (size_t i = 0; i < t->n; i++)
        junit_file(b, &t->files[i]);
    buf_str_add(b, STR("</testsuites>\n"));
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */

static Value failure_value(const Failure *x, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "line", value_int(x->line));
    map_addz(&m, "what", value_str(x->what));
    map_addz(&m, "why", value_str(x->why));
    return map_done(&m, NULL);
}

static Value case_value(const CaseResult *c, Arena *a) {
    ListBuilder failures = list_builder(a);
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < c->n_failures; i++)
        list_add(&failures, failure_value(&c->failures[i], a));
    map_addz(&m, "name", value_str(c->one->name));
    map_addz(&m, "line", value_int(c->one->line));
    map_addz(&m, "ok", value_bool(case_passed(c)));
    map_addz(&m, "runs", value_int(c->runs));
    map_addz(&m, "passed", value_int(c->passed));
    map_addz(&m, "took_ms", value_int(c->took_ms));
    map_addz(&m, "cost", value_double(c->cost));
    map_addz(&m, "tokens", value_int(c->tokens));
    map_addz(&m, "failures", list_done(&failures));
    if (!case_passed(c))
        map_addz(&m, "tree", value_str(c->tree));
    return map_done(&m, NULL);
}

static Value file_value(const TestedFile *f, Arena *a) {
    ListBuilder cases = list_builder(a);
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < f->n; i++)
        list_add(&cases, case_value(&f->cases[i], a));
    map_addz(&m, "file", value_str(f->name));
    map_add_text(&m, "problem", f->problem);
    map_addz(&m, "cases", list_done(&cases));
    return map_done(&m, NULL);
}

Value tested_value(const Tested *t, Arena *a) {
    ListBuilder files = list_builder(a);
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < t->n; i++)
        list_add(&files, file_value(&t->files[i], a));
    map_addz(&m, "ok", value_bool(t->failed == 0));
    map_addz(&m, "passed", value_int((int64_t)t->passed));
    map_addz(&m, "failed", value_int((int64_t)t->failed));
    map_addz(&m, "files", list_done(&files));
    return map_done(&m, NULL);
}
