/* Mail to people on its way out. A notice becomes mail in the very append that made it (notice.c); from the store it is
 * taken, sent, and put back with what became of it, in another append.
 *
 *   @channel --due, sent--> ok      > @told, kept for a week, so that one can see that it was said
 *      |                    answered meanwhile > @told, as not needed any more
 *      ^                    failed  > @channel again, not before 1 s, 2 s, 4 s ... 1 h later; with its last error
 *      +--------------------+       > for three days, or if the receiver says that it never will: @told, given up
 *
 * A crash between sending and putting back sends it again: with the same id, by which receivers know it. While one is in
 * flight, or on its way to the disk, the store still has it as it was: it is told apart by its id. */
#include "engine/state.h"

#include "base/json.h"

#include <stdlib.h>

#define TRY_FIRST_MS 1000
#define TRY_LAST_MS (3600 * 1000)
#define GIVE_UP_MS (3 * 24 * 3600 * INT64_C(1000))
#define KEEP_MS (7 * 24 * 3600 * INT64_C(1000))
/* At once: the store is asked for no more, so that a receiver that hangs delays only these. */
#define DELIVERIES_MAX 64

/* ---- which there are -------------------------------------------------------------------------------------------------- */

static Delivery *find(const Engine *e, Str id) {
    Delivery *d = MUTANT(told_twice) ? NULL : e->deliveries;
    while (d && !str_eq(d->mail.id, id))
        d = d->all_next;
    return d;
}

static void free_delivery(Delivery *d) {
    arena_deinit(&d->attempt.arena);
    free(d);
}

/* What was read before it became durable may still bring it back. */
static void forget_durable(Engine *e) {
    if (e->deliver_asked)
        return;
    for (Delivery **at = &e->deliveries; *at;) {
        Delivery *d = *at;
        if (!d->durable) {
            at = &d->all_next;
            continue;
        }
        *at = d->all_next;
        e->n_deliveries--;
        free_delivery(d);
    }
}

void deliver_durable(Engine *e, DeliveryQueue *back) {
    bool any = back->first != NULL;
    for (Delivery *d; (d = QUEUE_POP(back));) {
        e->deliver_at_ms = MIN(e->deliver_at_ms, d->mail.not_before_ms);
        d->durable = true;
    }
    if (any && e->deliver_more)
        e->deliver_at_ms = e->now_ms;
    forget_durable(e);
}

const StoreMail *deliver_mail(const DeliveryQueue *back, Arena *a, size_t *ret_n) {
    size_t n = 0;
    for (const Delivery *d = back->first; d; d = d->next)
        n++;
    StoreMail *mail = ARENA_ARRAY(a, StoreMail, n);
    *ret_n = 0;
    for (const Delivery *d = back->first; d; d = d->next)
        mail[(*ret_n)++] = d->mail;
    return mail;
}

void deliver_deinit(Engine *e) {
    for (Delivery *d = e->deliveries, *next; d; d = next) {
        next = d->all_next;
        free_delivery(d);
    }
}

/* ---- putting back ----------------------------------------------------------------------------------------------------- */

static Str text_of(Value v, const char *key) {
    Value text = value_getz(v, key);
    return text.type == V_STRING ? value_as_str(text) : STR("");
}

static int64_t int_of(Value v, const char *key) {
    Value n = value_getz(v, key);
    return n.type == V_INT ? n.i : 0;
}

static void put_back(Engine *e, Delivery *d, Str to, int64_t not_before_ms, MapBuilder *body) {
    d->mail.to = to;
    d->mail.not_before_ms = not_before_ms;
    d->mail.body = value_text(&d->attempt.arena, map_done(body, NULL));
    QUEUE_PUSH(&e->gather.deliveries, d);
}

/* Of what it was, all but the given keys. */
static MapBuilder body_without(Delivery *d, const char *const *keys, size_t n) {
    MapBuilder m = map_builder(&d->attempt.arena);
    for (uint32_t i = 0; i < d->body.len; i++) {
        ValueEntry entry = value_entry(d->body, i);
        bool left_out = false;
        for (size_t k = 0; k < n; k++)
            left_out |= str_is(value_as_str(entry.key), keys[k]);
        if (!left_out)
            map_add(&m, entry.key, entry.value);
    }
    return m;
}

/* What is kept says who was told of what and when, not what it said nor how it was sent. */
static void keep_record(Engine *e, Delivery *d, Str error, bool needless) {
    static const char *const gone[] = { "url",     "sign",  "mark",  "dir",  "secrets",
                                        "message", "tries", "error", "at_ms" };
    MapBuilder m = body_without(d, gone, ARRAY_LEN(gone));
    map_addz(&m, "tries", value_int(d->tries));
    map_addz(&m, "at_ms", value_int(e->now_ms));
    if (error.len)
        map_addz(&m, "error", value_str(error));
    if (needless)
        map_addz(&m, "needless", value_bool(true));
    put_back(e, d, STR("@told"), e->now_ms + KEEP_MS, &m);
}

static void try_again(Engine *e, Delivery *d, Str error, int64_t retry_after_ms) {
    static const char *const changed[] = { "tries", "error", "at_ms" };
    int64_t wait = d->tries > 12 ? TRY_LAST_MS : TRY_FIRST_MS << MAX(d->tries - 1, (int64_t)0);
    wait = MAX(MIN(wait, (int64_t)TRY_LAST_MS), retry_after_ms);
    MapBuilder m = body_without(d, changed, ARRAY_LEN(changed));
    map_addz(&m, "tries", value_int(d->tries));
    map_addz(&m, "at_ms", value_int(e->now_ms));
    map_addz(&m, "error", value_str(error));
    put_back(e, d, STR("@channel"), e->now_ms + wait, &m);
}

/* It was understood and will never be taken: 401, 404, 410. A secret that is missing here may be there tomorrow. */
static bool is_final(const Completion *c) {
    return c->sent == SENT_YES && (c->kind == KIND_DENIED || c->kind == KIND_NOT_FOUND);
}

static void failed(Engine *e, Delivery *d, const Completion *c) {
    Arena *a = &d->attempt.arena;
    Str error = arena_str(a, str_slice(c->message, 0, MIN(c->message.len, (size_t)500)));
    bool give_up = is_final(c) || e->now_ms - d->made_ms > GIVE_UP_MS || MUTANT(told_or_not);
    Str run = d->attempt.run, name = d->attempt.callee;
    if (give_up)
        engine_log(e, "run %.*s: %.*s could not be told, and it is not tried again: %.*s",
                   STR_FMT(run), STR_FMT(name), STR_FMT(error));
    else if (d->tries == 1)
        engine_log(e, "run %.*s: %.*s could not be told yet, it is tried again: %.*s", STR_FMT(run),
                   STR_FMT(name), STR_FMT(error));
    if (give_up)
        keep_record(e, d, error.len ? error : STR("unknown"), false);
    else
        try_again(e, d, error, c->retry_after_ms);
}

void deliver_complete(Engine *e, Attempt *a, const Completion *c) {
    Delivery *d = (Delivery *)a;
    ASSERT(d->flying);
    d->flying = false;
    e->n_flying--;
    e->now_ms = MAX(e->now_ms, e->ports.now_ms(e->ports.ctx));
    bool stopped = c->outcome != OUTCOME_OK && c->kind == KIND_CANCELLED;
    if (stopped) { /* the next engine sends it */
        d->durable = true;
    } else {
        d->tries += !MUTANT(told_impatiently);
        if (c->outcome == OUTCOME_OK)
            keep_record(e, d, STR(""), false);
        else
            failed(e, d, c);
    }
    engine_wake(e);
}

/* ---- sending ---------------------------------------------------------------------------------------------------------- */

static SecretsFrom secrets_from(Value v, Arena *a) {
    Value command = value_getz(v, "command");
    SecretsFrom from = { .file = text_of(v, "file"), .below = text_of(v, "below") };
    if (command.type != V_LIST)
        return from;
    from.command = ARENA_ARRAY(a, Str, command.len);
    for (uint32_t i = 0; i < command.len; i++)
        if (command.items[i].type == V_STRING)
            from.command[from.n_command++] = value_as_str(command.items[i]);
    return from;
}

static Value request_of(const Delivery *d, Arena *a) {
    static const char *const keys[] = {
        "name", "kind", "url", "sign", "email", "about", "message"
    };
    MapBuilder m = map_builder(a);
    map_addz(&m, "id", value_str(d->mail.id));
    map_addz(&m, "made_ms", value_int(d->made_ms));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        Value v = value_getz(d->body, keys[i]);
        if (!value_absent(v))
            map_addz(&m, keys[i], v);
    }
    return map_done(&m, NULL);
}

static void compose(Delivery *d) {
    Attempt *a = &d->attempt;
    a->notice = true;
    a->effect = EFFECT_KEYED;
    a->run = text_of(d->body, "run");
    a->address = text_of(d->body, "step");
    a->step_name = a->callee = text_of(d->body, "name");
    a->workflow = text_of(d->body, "workflow");
    a->attempt = (uint32_t)d->tries + 1;
    a->secret_mark = text_of(d->body, "mark");
    a->secrets_from = secrets_from(value_getz(d->body, "secrets"), &a->arena);
    a->request = request_of(d, &a->arena);
    a->key = d->mail.id;
    a->dir = text_of(d->body, "dir");
}

static void begin(Engine *e, const StoreMail *mail, bool needless) {
    Delivery *d = xcalloc(1, sizeof *d);
    Arena *a = &d->attempt.arena;
    d->e = e;
    d->mail = (StoreMail){ .id = arena_str(a, mail->id) };
    if (json_read_copy(a, mail->body, &d->body, NULL) || d->body.type != V_MAP) {
        engine_log(e, "mail %.*s to people cannot be read and was dropped", STR_FMT(mail->id));
        commit_mail_done(e, mail->id);
        free_delivery(d);
        return;
    }
    d->tries = int_of(d->body, "tries");
    d->made_ms = int_of(d->body, "made_ms");
    d->all_next = e->deliveries;
    e->deliveries = d;
    e->n_deliveries++;
    compose(d);
    if (needless) {
        keep_record(e, d, STR(""), true);
        return;
    }
    d->flying = true;
    e->n_flying++;
    e->ports.start(e->ports.ctx, &d->attempt);
}

void deliver_stop_all(Engine *e) {
    for (Delivery *d = e->deliveries, *next; d; d = next) {
        next = d->all_next;
        if (d->flying)
            e->ports.stop(e->ports.ctx, &d->attempt);
    }
}

/* ---- taking ----------------------------------------------------------------------------------------------------------- */

typedef struct DeliverJob {
    Pending p; /* first */
    int64_t now_ms, next_ms;
    StoreMail mail[DELIVERIES_MAX];
    bool needless[DELIVERIES_MAX];
    size_t n;
} DeliverJob;

#define OPENS_MAX 1000

/* What asks is of no use once it is answered: it was down, or nobody was there to send it, for longer than that. */
static bool is_answered(Store *store, const StoreMail *mail, Arena *a) {
    Value body;
    size_t n = 0;
    if (json_read(a, mail->body, &body, NULL) || !str_is(mail->to, "@channel"))
        return false;
    Str about = text_of(body, "about"), run = text_of(body, "run"), step = text_of(body, "step");
    if (about.len == 0 || str_is(about, "notice") || run.len == 0)
        return false;
    StoreDue *opens = ARENA_ARRAY(a, StoreDue, OPENS_MAX);
    if (store->ops->opens(store, run, 0, 0, OPENS_MAX, a, opens, &n) || n == OPENS_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool asks = opens[i].kind == WANT_APPROVAL || opens[i].kind == WANT_DOUBT;
        if (asks && str_eq(opens[i].address, step))
            return false;
    }
    return true;
}

static void read_mail(StoreJob *job, Store *store) {
    DeliverJob *j = (DeliverJob *)job;
    j->p.err = store->ops->mail(store, true, j->now_ms, DELIVERIES_MAX, &j->p.arena, j->mail, &j->n,
                                &j->next_ms);
    for (size_t i = 0; i < j->n && !j->p.err; i++)
        j->needless[i] = is_answered(store, &j->mail[i], &j->p.arena);
}

static void take_one(Engine *e, const StoreMail *mail, bool needless) {
    if (find(e, mail->id))
        return;
    if (str_is(mail->to, "@channel"))
        begin(e, mail, needless);
    else
        commit_mail_done(e, mail->id); /* a record that was kept long enough */
}

static bool may_send(const Engine *e) {
    return e->phase == ENGINE_INSIDE && !e->full && lease_holds(e);
}

static void take_all(StoreJob *job) {
    DeliverJob *j = (DeliverJob *)job;
    Engine *e = j->p.e;
    e->deliver_asked = false;
    if (j->p.err)
        engine_log(e, "mail to people could not be read");
    bool good = !j->p.err && may_send(e);
    for (size_t i = 0; i < j->n && good; i++)
        take_one(e, &j->mail[i], j->needless[i]);
    e->deliver_more = j->n == DELIVERIES_MAX; /* asked for when one of these is done with */
    if (!good)
        e->deliver_at_ms = MIN(e->deliver_at_ms, e->now_ms + TRY_FIRST_MS);
    else if (!e->deliver_more && j->next_ms)
        e->deliver_at_ms = MIN(e->deliver_at_ms, j->next_ms);
    pending_free(&j->p);
    forget_durable(e);
    engine_wake(e);
}

int64_t deliver_next(const Engine *e) {
    return e->deliver_asked || e->phase != ENGINE_INSIDE ? INT64_MAX : e->deliver_at_ms;
}

bool deliver_quiet(const Engine *e) {
    return !e->n_deliveries && !e->deliver_asked && e->deliver_at_ms > e->now_ms;
}

void deliver_take(Engine *e) {
    if (e->now_ms < deliver_next(e))
        return;
    DeliverJob *j = pending_new(e, sizeof *j, false, read_mail, take_all);
    j->now_ms = e->now_ms;
    e->deliver_asked = true;
    e->deliver_at_ms = INT64_MAX;
    pending_submit(&j->p);
}
