/* What leaves the engine is answered by a script, by what is built in, or not at all: nothing of the outside is ever touched. */
#include "base/money.h"
#include "exec/scripted_file.h"
#include "try/stage.h"

/* ---- what is asked ---------------------------------------------------------------------------------------------------- */

static const Want *want_of(Stage *s, const Attempt *a) {
    const Run *run = engine_run(world_engine(s->world), a->run);
    for (const Want *w = run ? run_wants((Run *)run) : NULL; w; w = w->next)
        if (w->kind == WANT_ATTEMPT && w->attempt == a->attempt &&
            str_eq(want_address(w, s->arena), a->address))
            return w;
    return NULL;
}

/* What the step sees, what the callee is given, and of a model what it is asked. */
static Value names_of(Stage *s, const Attempt *a, const ScriptedAsk *ask, int64_t call) {
    const Want *w = want_of(s, a);
    const Run *run = engine_run(world_engine(s->world), a->run);
    Value seen = w ? value_copy(s->arena, run_names((Run *)run, w, s->arena)) : VALUE_EMPTY_MAP;
    MapBuilder m = map_builder(s->arena);
    for (uint32_t i = 0; i < seen.len; i++)
        map_add(&m, value_entry(seen, i).key, value_entry(seen, i).value);
    map_addz(&m, "with", w ? value_copy(s->arena, want_input(w)) : VALUE_NULL);
    map_addz(&m, "address", value_str(arena_str(s->arena, a->address)));
    map_addz(&m, "attempt", value_int(a->attempt));
    map_addz(&m, "call", value_int(call));
    map_addz(&m, "user", value_str(ask->user));
    map_addz(&m, "system", value_str(ask->system));
    map_addz(&m, "tool", value_str(ask->tool));
    map_addz(&m, "result", value_str(ask->result));
    map_addz(&m, "turn", value_int(ask->turn));
    return map_done(&m, NULL);
}

/* ---- how it ends ------------------------------------------------------------------------------------------------------ */

static void refuse(Stage *s, Attempt *a, Str message) {
    world_end(s->world, a,
              &(Completion){ .outcome = OUTCOME_FAILED,
                             .sent = SENT_NO,
                             .kind = KIND_REFUSED,
                             .message = arena_str(&a->arena, message),
                             .payload = STR("{}") },
              0);
}

static int64_t count_of(Value usage, const char *key) {
    Value v = value_is(usage, V_MAP) ? value_getz(usage, key) : VALUE_ABSENT;
    return value_is(v, V_INT) ? v.i : 0;
}

/* A script costs what it says, and else nothing; a file of a scripted model what it does in a run. */
static Usage usage_of(Attempt *a, const ScriptLine *line, const ScriptedReply *r, Str payload) {
    if (!line)
        return scripted_usage(r, a->request, payload, &a->arena);
    int64_t nano = 0;
    Value cost = value_is(r->usage, V_MAP) ? value_getz(r->usage, "cost") : VALUE_ABSENT;
    if (value_is(cost, V_DOUBLE) || value_is(cost, V_INT))
        money_parse(value_plain(&a->arena, cost), &nano);
    return (Usage){ .tokens_in = count_of(r->usage, "in"),
                    .tokens_out = count_of(r->usage, "out"),
                    .tokens_cached = count_of(r->usage, "cached"),
                    .cost_nano = nano };
}

static void say_sent(const ScriptLine *line, Completion *c) {
    Value sent = value_getz(line->words, "sent");
    if (!value_is(sent, V_STRING))
        return;
    Str word = value_as_str(sent);
    c->sent = str_is(word, "no") ? SENT_NO : str_is(word, "yes") ? SENT_YES : SENT_MAYBE;
    c->outcome = c->sent == SENT_MAYBE ? OUTCOME_UNKNOWN : OUTCOME_FAILED;
}

/* `reply` of a model is said as text; of anything else it is what that gives. */
static void end_by(Stage *s, Attempt *a, const ScriptLine *line, const ScriptedReply *r,
                   const ScriptedAsk *ask) {
    Completion c = { .outcome = OUTCOME_OK, .sent = SENT_YES };
    if (r->fail) {
        scripted_failure(r, &a->arena, &c);
        if (line)
            say_sent(line, &c);
    } else if (callee_converses(a->kind)) {
        Value model = value_getz(a->request, "model");
        c.payload = scripted_payload(
            r, ask, value_is(model, V_STRING) ? value_as_str(model) : STR("scripted"), &a->arena);
    } else {
        c.payload = value_text(&a->arena, value_absent(r->reply) ? VALUE_NULL : r->reply);
    }
    if (!c.payload.p) {
        refuse(s, a, STR("the scripted reply is too large"));
        return;
    }
    c.usage = usage_of(a, line, r, c.payload);
    world_end(s->world, a, &c, r->delay_ms);
}

static bool read_fail(Stage *s, const ScriptLine *line, ScriptedReply *r) {
    Value fail = value_getz(line->words, "fail");
    if (value_absent(fail))
        return true;
    r->fail = error_kind_from(value_plain(s->arena, fail));
    if (r->fail == KIND_NONE)
        stage_problem(s, "line %u: `%.*s` is no kind of error; unavailable, timeout, denied ...",
                      line->line, STR_FMT(value_plain(s->arena, fail)));
    return r->fail != KIND_NONE;
}

static bool read_line(Stage *s, const ScriptLine *line, Value names, ScriptedReply *r) {
    *r = (ScriptedReply){ .line = line->line, .repeat = 1, .finish = STR("") };
    Value message = stage_word(s, line, "message", names);
    r->reply = stage_word(s, line, "reply", names);
    r->calls = stage_word(s, line, "calls", names);
    r->usage = value_getz(line->words, "usage");
    r->message = value_absent(message) ? STR("") : value_plain(s->arena, message);
    r->delay_ms = stage_ms(line, "delay");
    r->retry_after_ms = stage_ms(line, "retry_after");
    return read_fail(s, line, r);
}

/* What the model stage of a route says is the answer that the route has asked for. */
static Value routed(Stage *s, const ScriptLine *line) {
    static const char *const words[] = { "to", "confidence", "reasoning", "requires_context" };
    MapBuilder m = map_builder(s->arena);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        Value v = value_getz(line->words, words[i]);
        if (!value_absent(v))
            map_addz(&m, words[i], v);
        else if (i == 1)
            map_addz(&m, words[i], value_double(1.0));
        else if (i == 2)
            map_addz(&m, words[i], value_str(STR("scripted")));
    }
    return map_done(&m, NULL);
}

static void answer_by(Stage *s, Attempt *a, const Script *script, const ScriptedAsk *ask,
                      bool route) {
    int64_t call = ++s->turns[script->number].asked;
    Value names = names_of(s, a, ask, call);
    const ScriptLine *line = stage_choose(s, script, names);
    ScriptedReply r;
    if (!line) {
        stage_problem(s, "no line of the script of `%.*s` (line %u) answers call %lld, at %.*s",
                      STR_FMT(script->name), script->line, (long long)call, STR_FMT(a->address));
        refuse(s, a, STR("no line of its script answers this"));
        return;
    }
    if (!read_line(s, line, names, &r)) {
        refuse(s, a, STR("its script is wrong"));
        return;
    }
    if (route && !r.fail)
        r.reply = routed(s, line);
    end_by(s, a, line, &r, ask);
}

/* ---- scripted models -------------------------------------------------------------------------------------------------- */

static Str scripted_path(const Stage *s, const Attempt *a) {
    Value model = a->kind == CALLEE_MODEL ? value_getz(a->request, "model") : VALUE_ABSENT;
    if (!value_is(model, V_STRING) || !str_starts(value_as_str(model), STR("scripted/")))
        return STR_NULL;
    Str file = str_slice(value_as_str(model), strlen("scripted/"), model.len);
    return file.len && file.p[0] == '/'
               ? file
               : arena_fmt(s->arena, "%.*s/%.*s", STR_FMT(s->options->dir), STR_FMT(file));
}

/* The file that the workflow names answers as it does in a real run. */
static void answer_by_file(Stage *s, Attempt *a, Str path, ScriptedAsk *ask) {
    const StageFiles *files = &s->options->files;
    ScriptedFile *file = NULL;
    Str text, problem;
    if (!files->read || !files->read(files->ctx, path, s->arena, &text, &problem) ||
        scripted_parse(path, text, &file, s->arena, &problem) != 0) {
        stage_problem(s, "%.*s", STR_FMT(problem));
        refuse(s, a, problem);
        return;
    }
    const ScriptedReply *r = scripted_find(file, ask);
    if (r) {
        end_by(s, a, NULL, r, ask);
    } else {
        problem = arena_fmt(s->arena, "%.*s has no reply for %.*s", STR_FMT(path),
                            STR_FMT(scripted_explain(file, ask, s->arena)));
        stage_problem(s, "%.*s", STR_FMT(problem));
        refuse(s, a, problem);
    }
    scripted_file_free(file);
}

/* ---- recordings ------------------------------------------------------------------------------------------------------- */

static void answer_recorded(Stage *s, Attempt *a, Value o) {
    Value output = value_getz(o, "output");
    Completion c = { .outcome = OUTCOME_OK,
                     .sent = SENT_YES,
                     .payload = value_text(&a->arena, value_absent(output) ? VALUE_NULL : output),
                     .usage = { .tokens_in = count_of(o, "tokens_in"),
                                .tokens_out = count_of(o, "tokens_out"),
                                .tokens_cached = count_of(o, "tokens_cached"),
                                .cost_nano = count_of(o, "cost_nano") } };
    world_end(s->world, a, &c, count_of(o, "took_us") / 1000);
}

/* False: the cassette has nothing of it. */
static bool answer_by_cassette(Stage *s, Attempt *a, const Want *w, ScriptedAsk *ask) {
    const Cassette *c = s->options->cassette;
    Hash hash;
    bool other = false;
    if (!c || !w)
        return false;
    const ScriptedReply *r = c->file && a->kind == CALLEE_MODEL ? scripted_find(c->file, ask)
                                                                : NULL;
    if (r) {
        end_by(s, a, NULL, r, ask);
        return true;
    }
    Value found = outcomes_hash(w, &hash) ? cassette_find(c, a->address, &hash, &other)
                                          : VALUE_ABSENT;
    if (!value_absent(found))
        answer_recorded(s, a, found);
    else if (other) {
        Str why = arena_fmt(s->arena,
                            "%.*s has another request recorded at %.*s than the one of now",
                            STR_FMT(c->name), STR_FMT(a->address));
        stage_problem(s, "%.*s", STR_FMT(why));
        refuse(s, a, why);
    }
    return other || !value_absent(found);
}

/* ---- choosing who answers --------------------------------------------------------------------------------------------- */

static bool is_agent(const Attempt *a, const Callee *callee) {
    return callee_converses(a->kind) || (callee && callee->is_agent);
}

/* "answer" of "team/answer[2]~1": how people call a step. */
static Str step_of(const Attempt *a) { return a->step_name; }

static bool nameless(const Callee *callee) {
    return callee && (str_is(callee->name, "run") || str_is(callee->name, "http"));
}

static Str whose(const Stage *s, const Attempt *a, const Callee *callee) {
    if (nameless(callee))
        return arena_fmt(s->arena, "step `%.*s` (%.*s)", STR_FMT(step_of(a)), STR_FMT(a->callee));
    return arena_fmt(s->arena, "%s `%.*s`", is_agent(a, callee) ? "agent" : "tool",
                     STR_FMT(a->callee));
}

static void refuse_unscripted(Stage *s, Attempt *a, const Callee *callee) {
    Str who = whose(s, a, callee);
    stage_problem(s,
                  "no script for %.*s, asked at %.*s: write `%s: { %.*s: { reply: ... } }`; "
                  "a test touches nothing outside",
                  STR_FMT(who), STR_FMT(a->address), is_agent(a, callee) ? "agents" : "tools",
                  STR_FMT(nameless(callee) ? step_of(a) : a->callee));
    refuse(s, a, arena_fmt(s->arena, "no script for %.*s", STR_FMT(who)));
}

/* A target of a route is called by the name of its agent; the question which one it is has a name of its own. */
static bool asks_route(const Attempt *a) {
    return a->kind == CALLEE_MODEL && str_is(a->callee, "route_model");
}

void answer_attempt(Stage *s, Attempt *a) {
    if (a->notice) { /* somebody is told something, and nothing follows from it */
        world_end(s->world, a, &(Completion){ .outcome = OUTCOME_OK, .payload = STR("null") }, 0);
        return;
    }
    const Want *w = want_of(s, a);
    const Callee *callee = w ? w->callee : NULL;
    bool route = asks_route(a);
    Str names[] = { arena_str(s->arena, a->address), nameless(callee) ? STR("") : a->callee,
                    step_of(a) };
    Str model = STR("model");
    ScriptedAsk ask = scripted_ask(a->request, a->callee, s->arena);
    ask.attempt = a->attempt;
    stage_count(s, nameless(callee) ? step_of(a) : a->callee);
    ask.call = 1;
    ScriptKind kind = is_agent(a, callee) ? SCRIPT_AGENT : SCRIPT_TOOL;
    const Script *script = route ? stage_script(s, SCRIPT_ROUTE, &model, 1)
                                 : stage_script(s, kind, names, ARRAY_LEN(names));
    Str path = scripted_path(s, a);
    if (script)
        answer_by(s, a, script, &ask, route);
    else if (answer_by_cassette(s, a, w, &ask))
        return;
    else if (a->kind == CALLEE_ECHO && str_is(a->callee, "echo"))
        world_end(s->world, a,
                  &(Completion){ .outcome = OUTCOME_OK,
                                 .sent = SENT_YES,
                                 .payload = value_text(&a->arena, a->request) },
                  0);
    else if (path.p)
        answer_by_file(s, a, path, &ask);
    else
        refuse_unscripted(s, a, callee);
}
