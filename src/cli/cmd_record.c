/* baton record: a run's model answers as a file of the scripted model, or all of its outcomes for a test. */
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"
#include "exec/scripted_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static size_t read_takes(const Args *args, Value outcomes, ScriptedTake *takes) {
    size_t n = 0;
    for (size_t i = 0; value_is(outcomes, V_LIST) && i < outcomes.len; i++) {
        Value o = outcomes.items[i], request = value_getz(o, "request"),
              callee = value_getz(o, "callee");
        if (!value_is(request, V_MAP) || !value_is(callee, V_STRING))
            continue;
        takes[n++] = (ScriptedTake){
            .ask = scripted_ask(request, value_as_str(callee), args->arena),
            .output = value_getz(o, "output"),
            .usage = { .tokens_in = answer_count(o, "tokens_in"),
                       .tokens_out = answer_count(o, "tokens_out"),
                       .tokens_cached = answer_count(o, "tokens_cached") },
        };
    }
    return n;
}

static int write_file(const char *path, Str text) {
    FILE *f = fopen(path, "we");
    if (!f)
        return say_error(EXIT_USAGE, "cannot write %s: %s", "", path, strerror(errno));
    bool good = fwrite(text.p, 1, text.len, f) == text.len;
    good &= fclose(f) == 0;
    return good ? 0 : say_error(EXIT_INTERNAL, "cannot write %s: %s", "", path, strerror(errno));
}

/* To `--out`, or to standard output. */
static int write_out(const Args *args, Str id, const Buf *b, const char *what) {
    const char *out = args_flag(args, "out");
    if (buf_over(b))
        return say_error(EXIT_INTERNAL, "the %s of run %.*s are more than a file may hold (%d MiB)",
                         "", what, STR_FMT(id), (int)(LIMIT_FILE_BYTES / MIB));
    if (out)
        return write_file(out, buf_str(b));
    out_str(buf_str(b));
    return EXIT_OK;
}

static int write_takes(const Args *args, Str id, ScriptedTake *takes, size_t n) {
    const char *out = args_flag(args, "out");
    Buf b = BUF_INIT(LIMIT_FILE_BYTES);
    buf_fmt(&b, "# What models answered in run %.*s.\n", STR_FMT(id));
    size_t left_out = scripted_write(&b, takes, n);
    int code = write_out(args, id, &b, "answers");
    buf_deinit(&b);
    if (code == 0 && left_out)
        say_line("%zu answer%s left out: the same question had another answer before", left_out,
                 left_out == 1 ? " is" : "s are");
    if (code == 0 && out)
        say_line(
            "%s: %zu model answer%s of run %.*s; `model: scripted/%s` in the file gives them again",
            out, n - left_out, n - left_out == 1 ? "" : "s", STR_FMT(id), out);
    return code;
}

/* Every outcome, with what it answered by hash: what `baton test` plays again. */
static int write_all(const Args *args, Str id, Value document, Value outcomes) {
    const char *out = args_flag(args, "out");
    Arena *a = args->arena;
    MapBuilder m = map_builder(a);
    ListBuilder l = list_builder(a);
    for (uint32_t i = 0; i < outcomes.len;
         i++) { /* requests stay where they are: their hash is enough */
        MapBuilder one = map_builder(a);
        for (uint32_t k = 0; k < outcomes.items[i].len; k++) {
            ValueEntry e = value_entry(outcomes.items[i], k);
            if (!str_is(value_as_str(e.key), "request"))
                map_add(&one, e.key, e.value);
        }
        list_add(&l, map_done(&one, NULL));
    }
    map_addz(&m, "run", value_str(id));
    map_addz(&m, "workflow", value_getz(document, "workflow"));
    map_addz(&m, "input", value_getz(document, "input"));
    map_addz(&m, "outcomes", list_done(&l));
    Buf b = BUF_INIT(LIMIT_FILE_BYTES);
    value_write_pretty(&b, map_done(&m, NULL));
    buf_char(&b, '\n');
    int code = write_out(args, id, &b, "outcomes");
    buf_deinit(&b);
    if (code == 0 && out)
        say_line("%s: %u outcome%s of run %.*s; `record: %s` in a test plays them again", out,
                 outcomes.len, outcomes.len == 1 ? "" : "s", STR_FMT(id), out);
    return code;
}

int cmd_record(Args *args) {
    Link *link = NULL;
    Str id;
    Value outcomes, document;
    Arena *a = args->arena;
    int code = place_open_run(args, &link, &id);
    if (code == 0)
        code = place_ask(args, link, API_GET, place_run_path(a, id, "outcomes"), STR(""),
                         VALUE_ABSENT, &outcomes);
    if (code == 0)
        code = place_ask(args, link, API_GET, place_run_path(a, id, ""), STR(""), VALUE_ABSENT,
                         &document);
    link_close(link, 0);
    if (code != 0)
        return code;
    if (args_flag(args, "all"))
        return write_all(args, id, document, outcomes);
    ScriptedTake *takes = ARENA_ARRAY(args->arena, ScriptedTake, outcomes.len + 1u);
    size_t n = read_takes(args, outcomes, takes);
    if (n == 0)
        return say_error(EXIT_NOT_FOUND, "run %.*s has no model answers to record",
                         "`baton trace %.*s` shows what it did", STR_FMT(id), STR_FMT(id));
    return write_takes(args, id, takes, n);
}
