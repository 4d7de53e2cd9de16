#include "exec/mcp/trust.h"

#include "base/json.h"
#include "exec/mcp/mcp.h"

#include <stdlib.h>
#include <time.h>

struct TrustJob {
    StoreJob job; /* first */
    Mcp *mcp;
    TrustJob *next;
    Arena arena;
    Trust *trust; /* NULL: nobody waits, or it is written */
    Str id, body;
    StoreMail mail;
    bool stored, found;
    void (*done)(void *ctx);
    void *ctx;
};

static int64_t clock_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- jobs ------------------------------------------------------------------------------------------------------------ */

static TrustJob *new_job(Exec *x, const Trust *t, void (*work)(StoreJob *job, Store *store),
                         void (*back)(StoreJob *job)) {
    TrustJob *j = xcalloc(1, sizeof *j);
    j->job.work = work;
    j->job.done = back;
    j->mcp = x->mcp;
    j->id = arena_str(&j->arena, str_from(t->id));
    j->next = x->mcp->jobs;
    x->mcp->jobs = j;
    return j;
}

static void free_job(TrustJob *j) {
    TrustJob **at = &j->mcp->jobs;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    arena_deinit(&j->arena);
    free(j);
}

void trust_jobs_free(Mcp *mcp) {
    while (mcp->jobs)
        free_job(mcp->jobs);
}

static void look(StoreJob *job, Store *store) {
    TrustJob *j = (TrustJob *)job;
    size_t n = 0;
    int err = store->ops->kept(store, STR(MCP_KEPT_FOR), j->id, 0, 1, &j->arena, &j->mail, &n);
    j->found = !err && n == 1;
}

/* What cannot be read is as good as not there: the tool is then new. */
static void take_entry(Trust *t, const TrustJob *j) {
    Value entry;
    arena_reset(&t->arena);
    t->entry = VALUE_ABSENT;
    t->stored = j->found;
    if (j->found && json_read_copy(&t->arena, j->mail.body, &entry, NULL) == 0)
        t->entry = entry;
}

static void looked(StoreJob *job) {
    TrustJob *j = (TrustJob *)job;
    void (*done)(void *) = j->trust ? j->done : NULL;
    void *ctx = j->ctx;
    if (j->trust)
        take_entry(j->trust, j);
    free_job(j);
    if (done)
        done(ctx);
}

void trust_read(Exec *x, Trust *t, void (*done)(void *ctx), void *ctx) {
    if (!x->options.submit) {
        done(ctx);
        return;
    }
    TrustJob *j = new_job(x, t, look, looked);
    j->trust = t;
    j->done = done;
    j->ctx = ctx;
    x->options.submit(x->options.ctx, &j->job);
}

void trust_forget(Exec *x, const Trust *t) {
    for (TrustJob *j = x->mcp->jobs; j; j = j->next)
        if (j->trust == t)
            j->trust = NULL;
}

void trust_deinit(Trust *t) { arena_deinit(&t->arena); }

static void write_down(StoreJob *job, Store *store) {
    TrustJob *j = (TrustJob *)job;
    StoreMail mail = {
        .id = j->id, .to = STR(MCP_KEPT_FOR), .not_before_ms = STORE_KEPT, .body = j->body
    };
    StoreBatch again = { .mail_again = &mail, .n_mail_again = 1, .now_ms = clock_ms() };
    /* A disk that fails is the engine's to find out: here the tool is only new once more. */
    if (j->stored)
        store->ops->append(store, &again);
    else
        store->ops->post(store, &mail, 1);
}

static void written(StoreJob *job) { free_job((TrustJob *)job); }

static void write_entry(Exec *x, Trust *t) {
    Str body = x->options.submit ? value_text(&t->arena, t->entry) : STR_NULL;
    if (!body.p)
        return;
    TrustJob *j = new_job(x, t, write_down, written);
    j->job.write = true;
    j->body = arena_str(&j->arena, body);
    j->stored = t->stored;
    t->stored = true;
    x->options.submit(x->options.ctx, &j->job);
}

/* ---- the entry ------------------------------------------------------------------------------------------------------- */

TrustAnswer trust_ask(const Trust *t, Str tool, Value face, Value *ret_accepted,
                      int64_t *ret_at_ms) {
    Value known = value_get(value_getz(t->entry, "tools"), tool);
    Value at_ms = value_getz(known, "at_ms");
    *ret_accepted = value_getz(known, "face");
    *ret_at_ms = value_is(at_ms, V_INT) ? at_ms.i : 0;
    if (value_absent(*ret_accepted))
        return TRUST_NEW;
    return mcp_is_same(*ret_accepted, face) ? TRUST_KNOWN : TRUST_CHANGED;
}

static void change(Exec *x, Trust *t, Str set, Str server, const char *key, Str tool, Value face) {
    Arena a = ARENA_NULL;
    Value map = mcp_with_face(&a, value_getz(t->entry, key), tool, face, clock_ms());
    Value entry = value_with(&a, t->entry, STR("set"), value_str(set));
    entry = value_with(&a, entry, STR("server"), value_str(server));
    entry = value_with(&a, entry, str_from(key), map);
    Arena kept = ARENA_NULL;
    Value copy = value_copy(&kept, entry);
    arena_deinit(&a);
    arena_deinit(&t->arena);
    t->arena = kept;
    t->entry = copy;
    write_entry(x, t);
}

void trust_accept(Exec *x, Trust *t, Str set, Str server, Str tool, Value face) {
    change(x, t, set, server, "tools", tool, face);
}

void trust_offer(Exec *x, Trust *t, Str set, Str server, Str tool, Value face) {
    Value before = value_getz(value_get(value_getz(t->entry, "offered"), tool), "face");
    if (value_absent(before) || !value_equal(before, face))
        change(x, t, set, server, "offered", tool, face);
}
