/* A notice of a run as mail:
 *
 *   to @channel   { about, run, workflow, step, name, kind, url?, sign?, email?, message, made_ms, dir, mark?, secrets? }
 *   to @inbox     { about, run, workflow, step, message, made_ms }: kept until somebody has seen it (seen.c)
 *
 * In `url` and `sign` a mark stands for each secret, as in a request that is about to be sent (kernel/run.h): the value comes
 * from its source when the mail leaves, and never stands here. */
#include "engine/state.h"

/* A page of text is enough to be told of something; what is asked is shown whole by `baton approve`. */
#define MESSAGE_MAX (64 * KIB)

typedef struct Site {
    const Plan *plan;
    Str mark;
} Site;

static Value load(void *ctx, uint64_t slot, Arena *a) {
    const Site *site = ctx;
    if (slot_kind(slot) == SLOT_VAR)
        return site->plan->vars[slot_number(slot)];
    if (slot_kind(slot) != SLOT_SECRET)
        return VALUE_ABSENT;
    return value_str(plan_secret(site->plan, slot_number(slot), site->mark, a));
}

static void add_text(MapBuilder *m, const char *name, const Template *t, Site *site, Arena *a) {
    CelScope scope = { load, site };
    EvalError error;
    Value v;
    if (t && template_eval(t, &scope, a, &v, &error) == 0 && value_is(v, V_STRING))
        map_addz(m, name, v);
}

static Value secrets_value(const SecretsFrom *from, Arena *a) {
    MapBuilder m = map_builder(a);
    Value *words = ARENA_ARRAY(a, Value, from->n_command);
    for (size_t i = 0; i < from->n_command; i++)
        words[i] = value_str(from->command[i]);
    map_addz(&m, "file", value_str(from->file));
    map_addz(&m, "below", value_str(from->below));
    if (from->n_command)
        map_addz(&m, "command", value_list(words, (uint32_t)from->n_command));
    return map_done(&m, NULL);
}

static const char *kind_name(ChannelKind kind) {
    switch (kind) {
    case CHANNEL_WEBHOOK: return "webhook";
    case CHANNEL_CHAT: return "chat";
    case CHANNEL_EMAIL: return "email";
    case CHANNEL_PAGER: return "pager";
    }
    UNREACHABLE("kind of channel");
}

static void add_way(MapBuilder *m, const Notice *n, const Plan *plan, Str mark, Arena *a) {
    const Channel *c = n->channel;
    Site site = { plan, mark };
    map_addz(m, "name", value_str(c ? c->name : n->address));
    map_addz(m, "kind", value_str(str_from(c ? kind_name(c->kind) : "email")));
    if (!c || c->kind == CHANNEL_EMAIL)
        map_addz(m, "email", value_str(c ? c->email : n->address));
    if (!c || c->kind == CHANNEL_EMAIL)
        return;
    add_text(m, "url", c->url, &site, a);
    add_text(m, "sign", c->sign, &site, a);
    map_addz(m, "mark", value_str(mark));
    map_addz(m, "secrets", secrets_value(&plan->secrets_from, a));
}

/* What is asked, without what is too long to be sent. */
static Value message_of(Value asked, Str workflow, Arena *a) {
    Str text = value_text(a, asked);
    bool whole = text.p && text.len <= MESSAGE_MAX;
    MapBuilder m = map_builder(a);
    map_addz(&m, "workflow", value_str(workflow));
    for (uint32_t i = 0; i < asked.len; i++) {
        ValueEntry entry = value_entry(asked, i);
        Str key = value_as_str(entry.key);
        if (whole || (!str_is(key, "show") && !str_is(key, "value") && !str_is(key, "form")))
            map_add(&m, entry.key, entry.value);
    }
    if (!whole)
        map_addz(&m, "show_left_out", value_bool(true));
    return map_done(&m, NULL);
}

static bool is_kept(const Notice *n) { return !n->channel && !n->address.len; }

static Str body_of(const Run *r, const Notice *n, Str mark, int64_t now_ms, Arena *a) {
    MapBuilder m = map_builder(a);
    Value about = value_getz(n->body, "about"), asked = value_getz(n->body, "asked");
    Value step = value_getz(asked, "step");
    map_addz(&m, "about", value_is(about, V_STRING) ? about : value_str(STR("notice")));
    map_addz(&m, "run", value_str(run_id(r)));
    map_addz(&m, "workflow", value_str(run_plan(r)->name));
    map_addz(&m, "step", value_is(step, V_STRING) ? step : value_str(STR("")));
    if (!is_kept(n)) {
        add_way(&m, n, run_plan(r), mark, a);
        map_addz(&m, "dir", value_str(run_dir(r)));
    }
    map_addz(&m, "message", message_of(asked, run_plan(r)->name, a));
    map_addz(&m, "made_ms", value_int(now_ms));
    return value_text(a, map_done(&m, NULL));
}

const StoreMail *notice_mail(Engine *e, Run *r, Arena *a, size_t *ret_n) {
    const Notice *notices = run_notices(r, ret_n);
    StoreMail *mail = ARENA_ARRAY(a, StoreMail, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        mail[i] = (StoreMail){ .id = arena_str(a, notices[i].id),
                               .to = is_kept(&notices[i]) ? STR("@inbox") : STR("@channel"),
                               .not_before_ms = is_kept(&notices[i]) ? STORE_KEPT : 0,
                               .body = body_of(r, &notices[i], perform_mark(e, a), e->now_ms, a) };
    run_forget_notices(r);
    return mail;
}

/* ---- the console ------------------------------------------------------------------------------------------------------ */

/* A question may come from a model: nothing in it shall steer the terminal that shows the log. */
static Str tame(Arena *a, Str s) {
    char *text = arena_alloc(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        unsigned char after = i + 1 < s.len ? (unsigned char)s.p[i + 1] : 0;
        bool control = c < ' ' || c == 0x7f || (c == 0xC2 && after < 0xA0);
        text[i] = control ? ' ' : s.p[i];
        if (control && c == 0xC2 && i + 1 < s.len)
            text[++i] = ' ';
    }
    return (Str){ text, s.len };
}

static Str text_of(Value v, const char *key) {
    Value text = value_getz(v, key);
    return value_is(text, V_STRING) ? value_as_str(text) : STR("");
}

static void log_doubt(Engine *e, Run *r, const Want *w) {
    Arena arena = ARENA_NULL, *a = &arena;
    Str step = want_address(w, a);
    engine_log(e,
               "%.*s of run %.*s is in doubt: %.*s (baton effects %.*s; baton resolve %.*s %.*s)",
               STR_FMT(step), STR_FMT(run_id(r)),
               STR_FMT(tame(a, text_of(want_doubt(w, e->install_key, a), "message"))),
               STR_FMT(run_id(r)), STR_FMT(run_id(r)), STR_FMT(step));
    arena_deinit(a);
}

void notice_log(Engine *e, Run *r, uint64_t seq) {
    for (Want *w = run_wants(r); w; w = w->next) {
        if (w->kind == WANT_DOUBT && w->position == seq)
            log_doubt(e, r, w);
        if (w->kind != WANT_APPROVAL || w->position != seq)
            continue;
        Arena arena = ARENA_NULL, *a = &arena;
        Value line = want_ask_line(w, a);
        Str who = text_of(line, "group").len ? text_of(line, "group") : text_of(line, "person");
        engine_log(e, "%.*s is asked: %.*s (baton approve %.*s %.*s)",
                   STR_FMT(who.len ? tame(a, who) : STR("somebody")),
                   STR_FMT(tame(a, text_of(line, "ask"))), STR_FMT(run_id(r)),
                   STR_FMT(want_address(w, a)));
        arena_deinit(a);
    }
}
