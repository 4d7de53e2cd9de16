#include "cli/many.h"

#include "base/json.h"
#include "base/limits.h"
#include "cli/answer.h"
#include "cli/background.h"
#include "cli/link.h"
#include "cli/place.h"
#include "cli/say.h"

#include <stdio.h>

#define IDS_BYTES_MAX (16 * MIB) /* some 400,000 ids */
#define GRACE_MS (60 * 1000)
#define PROGRESS_EVERY 25 /* runs between two tellings of how far it is */

typedef struct Many {
    const Args *args;
    const ManyOptions *options;
    Link *link;
    Str *names;
    size_t n, done, refused;
    ListBuilder report; /* with --json */
    int code;
} Many;

bool many_asked(const Args *args, size_t n) {
    return n > 1 || (n == 1 && str_is(str_from(args->words[0]), "-"));
}

/* ---- which runs ------------------------------------------------------------------------------------------------------- */

static void add_name(Many *m, Str name) {
    if ((m->n & (m->n - 1)) == 0) {
        Str *more = ARENA_ARRAY(m->args->arena, Str, m->n ? m->n * 2 : 1);
        if (m->n)
            memcpy(more, m->names, m->n * sizeof *more);
        m->names = more;
    }
    m->names[m->n++] = name;
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ','; }

static void add_all(Many *m, Str text) {
    for (size_t i = 0; i < text.len;) {
        size_t from = i;
        while (i < text.len && !blank(text.p[i]))
            i++;
        if (i > from)
            add_name(m, str_slice(text, from, i));
        i++;
    }
}

static int gather(Many *m) {
    for (size_t i = 0; i < m->options->n_words; i++) {
        Str word = str_from(m->args->words[i]), text;
        int code = 0;
        if (!str_is(word, "-"))
            add_name(m, word);
        else if ((code = place_read_file(m->args->arena, "-", IDS_BYTES_MAX, &text)))
            return code;
        else
            add_all(m, text);
    }
    return 0;
}

/* ---- telling them ------------------------------------------------------------------------------------------------------ */

static int code_of(unsigned status) {
    return status == 404 ? EXIT_NOT_FOUND : status == 409 ? EXIT_CONFLICT : EXIT_INTERNAL;
}

static void note(Many *m, Str name, bool good, Str detail) {
    Arena *a = m->args->arena;
    m->done += good;
    m->refused += !good;
    if (m->args->json) {
        MapBuilder entry = map_builder(a);
        map_addz(&entry, "run", value_str(name));
        map_addz(&entry, "ok", value_bool(good));
        map_addz(&entry, "detail", value_str(detail));
        list_add(&m->report, map_done(&entry, NULL));
    } else if (good) {
        out_str(arena_fmt(a, "%.*s: %.*s\n", STR_FMT(name), STR_FMT(detail)));
    } else {
        say_line("baton: %.*s", STR_FMT(detail));
    }
}

static void tell(Many *m, Str id) {
    Arena *a = m->args->arena;
    ApiRequest request = { .method = API_POST,
                           .path = place_run_path(a, id, m->options->route),
                           .body = value_text(a, m->options->body),
                           .from = place_user() };
    Reply reply;
    Value answer = VALUE_NULL;
    link_ask(m->link, &request, &reply);
    json_read_copy(a, buf_str(&reply.body), &answer, NULL);
    bool good = reply.status && reply.status < 400;
    if (!good && !m->code)
        m->code = code_of(reply.status);
    note(m, id, good, good ? str_from(m->options->done) : answer_text(answer, "detail"));
    reply_deinit(&reply);
}

static void tell_named(Many *m, Str name, bool dry) {
    Str id;
    int code = place_run(m->args, m->link, arena_str(m->args->arena, name).p, &id);
    if (code) {
        m->code = m->code ? m->code : code;
        m->refused++;
    } else if (dry) {
        note(m, id, true, arena_fmt(m->args->arena, "would be %s", m->options->done));
    } else {
        tell(m, id);
    }
}

static void tell_all(Many *m, bool dry) {
    bool terminal = say_terminal(2) && m->n > PROGRESS_EVERY;
    for (size_t i = 0; i < m->n; i++) {
        tell_named(m, m->names[i], dry);
        if (terminal && (i + 1) % PROGRESS_EVERY == 0)
            say_text("\r%zu of %zu ", i + 1, m->n);
    }
    if (terminal)
        say_text("\r");
    if (m->args->json)
        out_json(list_done(&m->report));
    else
        say_line("%zu %s%s, %zu not", m->done, dry ? "would be " : "", m->options->done,
                 m->refused);
}

int many_tell(const Args *args, const ManyOptions *options) {
    Many m = { .args = args, .options = options, .report = list_builder(args->arena) };
    bool dry = args_flag(args, "dry-run") != NULL;
    int code = gather(&m);
    if (code == 0 && options->carries && !dry && m.n)
        code = background_serve(args);
    if (code == 0)
        code = place_open(args, dry ? LINK_READ : LINK_ACT, &m.link);
    if (code != 0)
        return code;
    tell_all(&m, dry);
    link_close(m.link, GRACE_MS);
    return m.code;
}
