/* People and signals: a run that waits for one is looked at, and whoever has a script answers when the time has come. */
#include "base/time.h"
#include "try/stage.h"

typedef struct Answer { /* on its way */
    Stage *stage;
    unsigned line;
    Str run, who;
    EngineDecision decision;
    Str signal, event, data, from; /* the one that is not empty is sent; else it is a decision */
} Answer;

static bool seen_before(Stage *s, Str key) {
    for (const StageAsked *h = s->handled; h; h = h->next)
        if (str_eq(h->key, key))
            return true;
    StageAsked *h = ARENA_NEW(s->arena, StageAsked);
    *h = (StageAsked){ key, s->handled };
    s->handled = h;
    return false;
}

static void replied(void *ctx, const EngineReply *reply) {
    Answer *answer = ctx;
    if (reply->answer != ENGINE_OK)
        stage_problem(answer->stage, "the answer of line %u, for `%.*s`, changes nothing: %.*s",
                      answer->line, STR_FMT(answer->who), STR_FMT(reply->message));
}

static void give(void *ctx) {
    Answer *x = ctx;
    Engine *e = world_engine(x->stage->world);
    if (x->event.len)
        engine_emit(e,
                    &(EngineEmit){ .id = STR(""),
                                   .type = x->event,
                                   .data_json = x->data,
                                   .correlation = STR(""),
                                   .source = x->from },
                    replied, x);
    else if (x->signal.len)
        engine_signal(e, x->run, STR(""), x->signal, x->data, x->from, replied, x);
    else
        engine_decide(e, x->run, &x->decision, replied, x);
}

/* ---- what they say ---------------------------------------------------------------------------------------------------- */

static Str text_of(Stage *s, Value v) {
    return value_absent(v) || value_is(v, V_BOOL) ? STR("") : value_plain(s->arena, v);
}

/* False: the line says nothing of it, or no. */
static bool says(const ScriptLine *l, const char *word) {
    Value v = value_getz(l->words, word);
    return !value_absent(v) && !(value_is(v, V_BOOL) && !v.b);
}

static void set_value(Stage *s, const ScriptLine *l, const char *word, Value names,
                      EngineDecision *d) {
    Value v = stage_word(s, l, word, names);
    d->value_json = value_absent(v) ? STR("") : value_text(s->arena, v);
}

static Decision verdict(Stage *s, const ScriptLine *l, Value ask, Value names, EngineDecision *d) {
    static const struct {
        const char *word;
        Decision verb;
    } plain[] = { { "approve", DECISION_APPROVE }, { "reject", DECISION_REJECT },
                  { "revise", DECISION_REVISE },   { "not_done", DECISION_NOT_DONE },
                  { "retry", DECISION_RETRY },     { "fail", DECISION_FAIL },
                  { "undo", DECISION_UNDO } };
    Value kind = value_getz(ask, "kind");
    bool form = value_is(kind, V_STRING) && str_is(value_as_str(kind), "answer");
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        if (!says(l, plain[i].word))
            continue;
        Str words = text_of(s, value_getz(l->words, plain[i].word));
        d->words = words.len ? words : d->words;
        return plain[i].verb;
    }
    bool done = says(l, "done");
    set_value(s, l, done ? "done" : "reply", names, d);
    return done ? DECISION_DONE : form ? DECISION_ANSWER : DECISION_APPROVE;
}

static bool has_said(Value ask, Value who) {
    Value said = value_getz(ask, "said");
    for (uint32_t i = 0; value_is(said, V_LIST) && i < said.len; i++)
        if (value_equal(value_getz(said.items[i], "from"), who))
            return true;
    return false;
}

/* Who is named in the script, else the first of those who may and have not yet. */
static Str by_whom(Stage *s, const ScriptLine *l, Value ask) {
    Value as = value_getz(l->words, "as"), may = value_getz(ask, "may");
    if (value_is(as, V_STRING))
        return value_as_str(as);
    for (uint32_t i = 0; value_is(may, V_LIST) && i < may.len; i++)
        if (!has_said(ask, may.items[i]))
            return value_plain(s->arena, may.items[i]);
    Value said = value_getz(ask, "said");
    return arena_fmt(s->arena, "tester%u", value_is(said, V_LIST) ? said.len + 1 : 1);
}

/* ---- who is asked ----------------------------------------------------------------------------------------------------- */

static Str word_of(Value ask, const char *key) {
    Value v = value_getz(ask, key);
    return value_is(v, V_STRING) ? value_as_str(v) : STR("");
}

/* "answer" of "work/answer[1]:approve": the step without what is around and behind it. */
static Str id_of(Str address) {
    size_t end = 0, from = 0;
    while (end < address.len && address.p[end] != ':')
        end++;
    for (size_t i = 0; i < end; i++)
        from = address.p[i] == '/' ? i + 1 : from;
    for (size_t i = from; i < end; i++)
        if (address.p[i] == '[' || address.p[i] == '~' || address.p[i] == '.')
            end = i;
    return str_slice(address, from, end);
}

static Value names_with(Stage *s, Run *run, Want *w, Value ask) {
    Value seen = value_copy(s->arena, run_names(run, w, s->arena));
    return value_with(s->arena, seen, STR("asked"), ask);
}

static void nobody(Stage *s, const char *what, Str address, Str detail) {
    s->waits_for = arena_fmt(s->arena, "%s at %.*s%s%.*s", what, STR_FMT(address),
                             detail.len ? ": " : "", STR_FMT(detail));
}

static void arrange(Stage *s, Run *run, Want *w, Str address, Value ask, const Script *script) {
    Value names = names_with(s, run, w, ask);
    s->turns[script->number].asked++;
    const ScriptLine *line = stage_choose(s, script, names);
    if (!line || says(line, "silent"))
        return;
    Answer *x = ARENA_NEW(s->arena, Answer);
    *x = (Answer){
        .stage = s, .line = line->line, .run = arena_str(s->arena, run_id(run)), .who = script->name
    };
    x->decision = (EngineDecision){ .address = address,
                                    .value_json = STR(""),
                                    .from = arena_str(s->arena, by_whom(s, line, ask)),
                                    .shown = word_of(ask, "hash"),
                                    .words = text_of(s, value_getz(line->words, "words")) };
    x->decision.verb = verdict(s, line, ask, names, &x->decision);
    world_later(s->world, stage_ms(line, "after"), give, x);
}

static void look_at_ask(Stage *s, Run *run, Want *w, bool doubt) {
    static const uint8_t no_key[32];
    Value ask =
        value_copy(s->arena, doubt ? want_doubt(w, no_key, s->arena) : want_ask(w, s->arena));
    Str address = want_address(w, s->arena);
    Value said = value_getz(ask, "said");
    Str names[] = { address, id_of(address), word_of(ask, "person"), word_of(ask, "group") };
    const Script *script = stage_script(s, SCRIPT_PERSON, names, ARRAY_LEN(names));
    if (!script)
        nobody(s, doubt ? "somebody must find out what happened" : "people are asked", address,
               word_of(ask, doubt ? "message" : "ask"));
    Str key = arena_fmt(s->arena, "%.*s %.*s %.*s %u %u", STR_FMT(run_id(run)), STR_FMT(address),
                        STR_FMT(word_of(ask, "hash")), value_is(said, V_LIST) ? said.len : 0,
                        doubt ? w->attempt : 0);
    if (seen_before(s, key))
        return;
    list_add(&s->asked, value_with(s->arena, ask, STR("step"), value_str(address)));
    if (script)
        arrange(s, run, w, address, ask, script);
}

static void send(Stage *s, Run *run, Str name, bool event, const ScriptLine *line, Value names) {
    Value data = stage_word(s, line, "data", names);
    Answer *x = ARENA_NEW(s->arena, Answer);
    *x = (Answer){ .stage = s,
                   .line = line->line,
                   .run = arena_str(s->arena, run_id(run)),
                   .who = name,
                   .signal = event ? STR("") : name,
                   .event = event ? name : STR(""),
                   .data = value_absent(data) ? STR("null") : value_text(s->arena, data),
                   .from = text_of(s, value_getz(line->words, "from")) };
    if (!x->from.len)
        x->from = STR("test");
    world_later(s->world, stage_ms(line, "after"), give, x);
}

/* What is waited for: a signal by its name, or events, `event a, b`, by the first of their types that has a script. */
static const Script *awaited(Stage *s, Str key, bool *ret_event, Str *ret_name) {
    *ret_name = key;
    *ret_event = str_starts(key, STR("event "));
    if (!*ret_event)
        return stage_script(s, SCRIPT_SIGNAL, &key, 1);
    Str rest = str_slice(key, strlen("event "), key.len);
    while (rest.len) {
        ptrdiff_t comma = str_find(rest, STR(", "));
        *ret_name = comma < 0 ? rest : str_slice(rest, 0, (size_t)comma);
        const Script *script = stage_script(s, SCRIPT_EVENT, ret_name, 1);
        if (script)
            return script;
        rest = comma < 0 ? STR("") : str_slice(rest, (size_t)comma + 2, rest.len);
    }
    return NULL;
}

/* Each wait gets one: the next. */
static void look_at_signal(Stage *s, Run *run, Want *w) {
    Str address = want_address(w, s->arena), waited = arena_str(s->arena, w->key), name;
    bool event;
    const Script *script = awaited(s, waited, &event, &name);
    if (!script) {
        nobody(s, event ? "an event is waited for" : "a signal is waited for", address, waited);
        return;
    }
    Str key = arena_fmt(s->arena, "%.*s %.*s %.*s", STR_FMT(run_id(run)), STR_FMT(address),
                        STR_FMT(waited));
    if (seen_before(s, key))
        return;
    Value names = names_with(s, run, w, VALUE_NULL);
    const ScriptLine *line = stage_choose(s, script, names);
    if (line)
        send(s, run, name, event, line, names);
}

void people_look(Stage *s) {
    s->waits_for = STR("");
    for (size_t i = 0; i < s->n_runs; i++) {
        Run *run = (Run *)engine_run(world_engine(s->world), s->runs[i]);
        for (Want *w = run ? run_wants(run) : NULL; w; w = w->next) {
            if (w->kind == WANT_APPROVAL || w->kind == WANT_DOUBT)
                look_at_ask(s, run, w, w->kind == WANT_DOUBT);
            else if (w->kind == WANT_SIGNAL)
                look_at_signal(s, run, w);
        }
    }
}
