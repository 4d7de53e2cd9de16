/* The commands that tell a run something: pause, cancel, retry, signal, resolve. Where no engine runs this process becomes it, and
 * leaves again when what followed has come to rest. */
#include "base/json.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/many.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/watch.h"

static Value with_text(Arena *a, Value body, const char *key, const char *text) {
    return text ? value_with(a, body, str_from(key), value_str(str_from(text))) : body;
}

typedef struct Told {
    Str id;
    Value answer;
} Told;

#define GRACE_MS                                                                                   \
    (60 * 1000) /* as the engine: what was under way when it was lost may have begun again */

static int tell(Args *args, const char *route, Value body, Told *ret) {
    Link *link = NULL;
    int code = place_open(args, LINK_ACT, &link);
    if (code == 0)
        code = place_run(args, link, args->words[0], &ret->id);
    if (code == 0)
        code = place_ask(args, link, API_POST, place_run_path(args->arena, ret->id, route), STR(""),
                         body, &ret->answer);
    link_close(link, GRACE_MS);
    return code;
}

static int say_done(Args *args, const Told *told, const char *what) {
    if (args->json)
        out_json(told->answer);
    else
        say_line("%.*s: %s", STR_FMT(told->id), what);
    return EXIT_OK;
}

/* One run is told with the words of a person, several by a line each. */
static int tell_each(Args *args, const char *route, const char *done, const char *what) {
    Told told;
    Value body = with_text(args->arena, VALUE_EMPTY_MAP, "reason", args_flag(args, "reason"));
    if (many_asked(args, args->n_words) || args_flag(args, "dry-run"))
        return many_tell(
            args,
            &(ManyOptions){ .route = route, .body = body, .done = done, .n_words = args->n_words });
    int code = tell(args, route, body, &told);
    return code ? code : say_done(args, &told, what);
}

int cmd_pause(Args *args) {
    return tell_each(args, "pause", "paused",
                     "paused; what is in flight ends, nothing more starts");
}

int cmd_forget(Args *args) {
    return tell_each(args, "forget", "forgotten",
                     "forgotten: what it was given, gave and was told is erased");
}

int cmd_cancel(Args *args) { return tell_each(args, "cancel", "cancelled", "cancelled"); }

/* With no other engine the run would stand still afterwards: this terminal goes on with it. */
static int tell_and_go_on(Args *args, const char *route, Value body, const char *what,
                          const char *kept) {
    Link *link = NULL;
    Str id;
    int code = place_open(args, LINK_READ, &link);
    if (code == 0)
        code = place_run(args, link, args->words[0], &id);
    link_close(link, 0);
    if (code != 0)
        return code;
    Str path = place_run_path(args->arena, id, route);
    return watch_run(
        args, &(WatchOptions){ .run = id, .path = path, .body = body, .told = what, .kept = kept });
}

int cmd_retry(Args *args) {
    Value body = with_text(args->arena, VALUE_EMPTY_MAP, "reason", args_flag(args, "reason"));
    if (args->n_words > 1)
        body = with_text(args->arena, body, "step", args->words[1]);
    if (many_asked(args, 1) || args_flag(args, "dry-run"))
        return many_tell(
            args,
            &(ManyOptions){
                .route = "retry", .body = body, .done = "retried", .carries = true, .n_words = 1 });
    return tell_and_go_on(args, "retry", body, "retried", NULL);
}

int cmd_signal(Args *args) {
    Value data;
    int code = inputs_untyped(args, 2, &data);
    if (code != 0)
        return code;
    Value body = with_text(args->arena, VALUE_EMPTY_MAP, "name", args->words[1]);
    body = with_text(args->arena, body, "id", args_flag(args, "id"));
    body = value_with(args->arena, body, STR("data"), data);
    Str kept = arena_fmt(args->arena,
                         "nothing waits for the signal `%s` yet; it is kept until a step does",
                         args->words[1]);
    return tell_and_go_on(args, "signals", body, "signal taken", kept.p);
}

static int read_decision(Args *args, Value *ret_body) {
    static const char *const flags[] = { "done", "not-done", "retry", "undo", "fail" };
    static const char *const words[] = { "done", "not_done", "retry", "undo", "fail" };
    size_t given = 0;
    Value body = with_text(args->arena, VALUE_EMPTY_MAP, "address", args->words[1]);
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (!args_flag(args, flags[i]))
            continue;
        given++;
        body = with_text(args->arena, body, "decision", words[i]);
    }
    if (given != 1)
        return say_error(
            EXIT_USAGE,
            "say how it turned out: one of --done JSON, --not-done, --retry, --undo, --fail", "");
    const char *done = args_flag(args, "done");
    Value result;
    JsonError error;
    if (done && json_read(args->arena, str_from(done), &result, &error) != 0)
        return say_error(EXIT_USAGE, "--done is not JSON: %u:%u: %s",
                         "a text is written '\"like this\"'", error.line, error.column,
                         error.message);
    *ret_body = done ? value_with(args->arena, body, STR("result"), result) : body;
    return 0;
}

int cmd_resolve(Args *args) {
    Value body;
    int code = read_decision(args, &body);
    return code ? code : tell_and_go_on(args, "effects", body, "settled", NULL);
}
