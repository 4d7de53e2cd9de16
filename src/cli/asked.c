#include "cli/asked.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "cli/answer.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/type.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#define LINE_CHARS 2000
#define TEXT_BYTES_MAX (4 * MIB)

/* ---- which ------------------------------------------------------------------------------------------------------------- */

/* A step is meant by its own address, or by that of the step that waits for it. */
static bool is_at(Str address, Str step) {
    return str_starts(address, step) &&
           (address.len == step.len || strchr("./[~@:", address.p[step.len]));
}

static int refuse(Value list, Str run, const char *step) {
    if (list.len == 0)
        return say_error(EXIT_CONFLICT, "nobody is asked anything in run %.*s now",
                         "it may have been answered already: `baton why %.*s`", STR_FMT(run),
                         STR_FMT(run));
    say_line("baton: %s in run %.*s; these are asked:",
             step ? "nobody is asked that there" : "more than one thing is asked", STR_FMT(run));
    for (uint32_t i = 0; i < list.len && i < 20; i++)
        say_line("  %.*s", STR_FMT(answer_text(list.items[i], "step")));
    return EXIT_NOT_FOUND;
}

int asked_find(const Args *args, Link *l, Str run, const char *step, Value *ret_item) {
    Value answer;
    int code = place_ask(args, l, API_GET, place_run_path(args->arena, run, "approvals"), STR(""),
                         VALUE_ABSENT, &answer);
    if (code != 0)
        return code;
    Value list = value_getz(answer, "approvals");
    size_t n = 0;
    for (uint32_t i = 0; i < list.len; i++) {
        Str at = answer_text(list.items[i], "step");
        if (step && !is_at(at, str_from(step)))
            continue;
        n++;
        *ret_item = list.items[i];
        if (step && str_is(at, step))
            return 0;
    }
    return n == 1 ? 0 : refuse(list, run, step);
}

/* ---- shown --------------------------------------------------------------------------------------------------------------- */

/* Line by line, so that nothing in it can steer the terminal; up to *left lines. */
static void write_text(Buf *b, Str text, size_t *left) {
    while (text.len > 0 && *left > 0) {
        const char *end = memchr(text.p, '\n', text.len);
        size_t n = end ? (size_t)(end - text.p) : text.len;
        buf_str_add(b, STR("  "));
        words_clean(b, str_slice(text, 0, n), LINE_CHARS);
        buf_char(b, '\n');
        text = str_slice(text, MIN(n + 1, text.len), text.len);
        --*left;
    }
    if (text.len > 0 && *left == 0)
        *left = SIZE_MAX; /* told apart from a text that just fits */
}

static bool write_value(Buf *b, Value v, size_t *left) {
    Buf text = BUF_INIT(TEXT_BYTES_MAX);
    if (value_is(v, V_STRING))
        buf_str_add(&text, value_as_str(v));
    else
        value_write_pretty(&text, v);
    write_text(b, buf_str(&text), left);
    bool cut = *left == SIZE_MAX || buf_over(&text);
    buf_deinit(&text);
    if (cut)
        buf_str_add(b, STR("  ...\n"));
    return cut;
}

static void write_names(Buf *b, Value names) {
    for (uint32_t i = 0; value_is(names, V_LIST) && i < names.len && i < 20; i++) {
        buf_str_add(b, i ? STR(", ") : STR(""));
        words_clean(b, value_is(names.items[i], V_STRING) ? value_as_str(names.items[i]) : STR("?"),
                    60);
    }
}

static void write_who(Buf *b, Value item) {
    Str group = answer_text(item, "group"), person = answer_text(item, "person");
    Str risk = answer_text(item, "risk");
    Value may = value_getz(item, "may");
    buf_str_add(b, str_is(answer_text(item, "kind"), "notice") ? STR(" tells ") : STR(" asks "));
    words_clean(b, group.len ? group : person.len ? person : STR("anybody"), 80);
    if (value_is(may, V_LIST) && !(may.len == 1 && person.len)) {
        buf_str_add(b, STR(" ("));
        write_names(b, may);
        buf_char(b, ')');
    }
    if (risk.len)
        buf_fmt(b, ", risk %.*s", STR_FMT(risk));
    buf_char(b, '\n');
}

static int64_t now_ms(void) {
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    return now.tv_sec * 1000 + now.tv_usec / 1000;
}

static void write_times(Buf *b, Value item) {
    Value asked = value_getz(item, "asked_ms"), deadline = value_getz(item, "deadline_ms");
    int64_t now = now_ms();
    if (value_is(asked, V_INT)) {
        buf_str_add(b, STR("  since "));
        duration_write(b, MAX(now - asked.i, (int64_t)0));
    }
    if (value_is(deadline, V_INT)) {
        buf_str_add(b, STR(", for another "));
        duration_write(b, MAX(deadline.i - now, (int64_t)0));
    }
    buf_char(b, '\n');
}

static void write_said(Buf *b, Value item) {
    Value said = value_getz(item, "said");
    long long quorum = answer_count(item, "quorum");
    if (quorum > 1)
        buf_fmt(b, "  %lld must agree\n", quorum);
    for (uint32_t i = 0; value_is(said, V_LIST) && i < said.len && i < 20; i++) {
        Str words = answer_text(said.items[i], "words");
        buf_str_add(b, STR("  "));
        words_clean(b, answer_text(said.items[i], "from"), 60);
        buf_fmt(b, " says %.*s", STR_FMT(answer_text(said.items[i], "verdict")));
        if (words.len) {
            buf_str_add(b, STR(": "));
            words_clean(b, words, 300);
        }
        buf_char(b, '\n');
    }
}

bool asked_write(Buf *b, Value item, size_t lines_max, const Ink *ink) {
    size_t left = lines_max ? lines_max : SIZE_MAX - 1;
    Value show = value_getz(item, "show"), value = value_getz(item, "value");
    bool cut = false, same = value_equal(show, value);
    buf_fmt(b, "%s", ink_bold(ink));
    words_clean(b, answer_text(item, "step"), 200);
    buf_fmt(b, "%s", ink_end(ink));
    write_who(b, item);
    write_value(b, value_getz(item, "ask"), &(size_t){ 30 });
    if (!value_absent(show) && !value_is(show, V_NULL)) {
        buf_char(b, '\n');
        cut = write_value(b, show, &left);
    }
    if (!value_absent(value) && !same && !cut) {
        buf_str_add(b, STR("\n  what goes on:\n"));
        cut = write_value(b, value, &left);
    }
    buf_char(b, '\n');
    write_said(b, item);
    write_times(b, item);
    return cut;
}

/* ---- changed --------------------------------------------------------------------------------------------------------------- */

#define CHANGE_LINES 120

static size_t split(Str text, Str *lines, size_t max) {
    size_t n = 0;
    while (text.len > 0 && n < max) {
        const char *end = memchr(text.p, '\n', text.len);
        size_t len = end ? (size_t)(end - text.p) : text.len;
        lines[n++] = str_slice(text, 0, len);
        text = str_slice(text, MIN(len + 1, text.len), text.len);
    }
    return text.len ? max + 1 : n;
}

static void write_line(Buf *b, char mark, Str line, const Ink *ink) {
    buf_fmt(b, "  %s%c ",
            mark == '+'   ? ink_status(ink, STATUS_OK)
            : mark == '-' ? ink_status(ink, STATUS_FAILED)
                          : "",
            mark);
    words_clean(b, line, LINE_CHARS);
    buf_fmt(b, "%s\n", mark == ' ' ? "" : ink_end(ink));
}

/* The longest common lines stay, by the table of their lengths. */
static void write_difference(Buf *b, const Str *x, size_t n, const Str *y, size_t m,
                             const Ink *ink) {
    static unsigned char common[CHANGE_LINES + 1][CHANGE_LINES + 1];
    memset(common, 0, sizeof common);
    for (size_t i = n; i-- > 0;)
        for (size_t k = m; k-- > 0;)
            common[i][k] = str_eq(x[i], y[k]) ? (unsigned char)(common[i + 1][k + 1] + 1)
                                              : MAX(common[i + 1][k], common[i][k + 1]);
    size_t i = 0, k = 0;
    while (i < n || k < m) {
        if (i < n && k < m && str_eq(x[i], y[k])) {
            write_line(b, ' ', x[i++], ink);
            k++;
        } else if (k < m && (i == n || common[i][k + 1] > common[i + 1][k])) {
            write_line(b, '+', y[k++], ink);
        } else {
            write_line(b, '-', x[i++], ink);
        }
    }
}

void asked_write_change(Buf *b, Value before, Value after, const Ink *ink) {
    Buf x = BUF_INIT(TEXT_BYTES_MAX), y = BUF_INIT(TEXT_BYTES_MAX);
    Str old[CHANGE_LINES], new[CHANGE_LINES];
    value_write_pretty(&x, before);
    value_write_pretty(&y, after);
    size_t n = split(buf_str(&x), old, CHANGE_LINES), m = split(buf_str(&y), new, CHANGE_LINES);
    if (n <= CHANGE_LINES && m <= CHANGE_LINES && n + m > 0)
        write_difference(b, old, n, new, m, ink);
    buf_deinit(&x);
    buf_deinit(&y);
}

/* ---- edited ----------------------------------------------------------------------------------------------------------------- */

#define EDITOR_LOOK_MS 30

static const char *editor(void) {
    const char *visual = getenv("VISUAL"), *plain = getenv("EDITOR");
    return visual && *visual ? visual : plain && *plain ? plain : NULL;
}

/* An engine in this process has other things to do as well. */
static void await(Link *l, pid_t child, int *ret_status) {
    for (;;) {
        pid_t ended = waitpid(child, ret_status, l ? WNOHANG : 0);
        if (ended == child || (ended < 0 && errno != EINTR))
            return;
        if (ended == 0)
            type_pause(l, EDITOR_LOOK_MS);
    }
}

/* By a shell, since the variable may hold arguments; the path is one of its own. */
static int run_editor(Arena *a, Link *l, const char *path) {
    Str command = arena_fmt(a, "exec %s \"$1\"", editor());
    char *const words[] = { "sh", "-c", (char *)command.p, "sh", (char *)path, NULL };
    pid_t child;
    int status = -1;
    if (posix_spawnp(&child, "sh", NULL, NULL, words, environ) == 0)
        await(l, child, &status);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return say_error(EXIT_USAGE, "the editor `%s` did not end well", "", editor());
}

static int edit_file(Arena *a, Link *l, int fd, const char *path, Value value, Value *ret_value) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    Str text;
    JsonError error;
    value_write_pretty(&b, value);
    buf_char(&b, '\n');
    bool good = write(fd, b.p, b.len) == (ssize_t)b.len;
    buf_deinit(&b);
    int code = good ? run_editor(a, l, path)
                    : say_error(EXIT_INTERNAL, "cannot write %s", "", path);
    if (code == 0)
        code = place_read_file(a, path, LIMIT_PAYLOAD_BYTES, &text);
    if (code == 0 && json_read_copy(a, text, ret_value, &error))
        code = say_error(EXIT_USAGE, "what the editor left is not JSON: %u:%u: %s", "", error.line,
                         error.column, error.message);
    return code;
}

int asked_edit(Arena *a, Link *l, Value value, Value *ret_value) {
    const char *folder = getenv("TMPDIR");
    if (!editor())
        return say_error(EXIT_USAGE, "there is no editor", "set EDITOR, or give the JSON");
    if (!folder || !*folder)
        folder = "/tmp";
    char *path = (char *)arena_fmt(a, "%s/baton-edit-XXXXXX.json", folder).p;
    int fd = mkstemps(path, 5);
    if (fd < 0)
        return say_error(EXIT_INTERNAL, "cannot make a file in %s", "", folder);
    int code = edit_file(a, l, fd, path, value, ret_value);
    close(fd);
    unlink(path);
    return code;
}

/* ---- the answer ------------------------------------------------------------------------------------------------------------- */

Value asked_body(Arena *a, Value item, const AskedAnswer *answer, Str from) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "address", value_getz(item, "step"));
    map_addz(&m, "verdict", value_str(str_from(answer->verdict)));
    map_addz(&m, "shown", value_getz(item, "hash"));
    map_addz(&m, "from", value_str(from));
    if (!value_absent(answer->value))
        map_addz(&m, "value", answer->value);
    if (answer->words.len)
        map_addz(&m, "words", value_str(answer->words));
    return map_done(&m, NULL);
}
