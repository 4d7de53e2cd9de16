/* Mail: what somebody who does not own a run has to say to it. It is taken in by the run's owner, in the transaction that
 * appends the fact it became, so it is neither lost nor said twice.
 *
 *   body = { "signal": NAME, "id": ID, "from": WHO, "data": JSON text }    the mail's id is made of the run's and the signal's:
 *                                                                         what names a signal names it within its run
 *          { "event": ... } { "start": ... } { "child": ... }         events.h, child.c
 *
 * The store is asked when the engine enters, when it renews its lease, and when the soonest "not before" comes; there is
 * no other polling. */
#include "engine/events.h"

#include "base/uuid.h"

#define MAIL_MAX 256

/* ---- taking in ------------------------------------------------------------------------------------------------------- */

typedef struct MailJob {
    Pending p; /* first */
    int64_t now_ms, next_ms;
    StoreMail mail[MAIL_MAX];
    Letter letters[MAIL_MAX];
    size_t n;
} MailJob;

static void read_mail(StoreJob *job, Store *store) {
    MailJob *j = (MailJob *)job;
    j->p.err = store->ops->mail(store, false, j->now_ms, MAIL_MAX, &j->p.arena, j->mail, &j->n,
                                &j->next_ms);
    if (!j->p.err)
        letters_read(store, j->mail, j->n, &j->p.arena, j->letters);
}

static Str text_of(Value v, const char *key) {
    Value text = value_getz(v, key);
    return text.type == V_STRING ? value_as_str(text) : STR("");
}

/* What cannot be read is taken away and said once: left there it would be read again and again. */
static void take_in(Engine *e, const Letter *letter, Arena *a) {
    const StoreMail *mail = letter->mail;
    Value v = letter->body;
    if (letter_take(e, letter, a))
        return;
    if (!text_of(v, "signal").len) {
        engine_log(e, "mail %.*s to run %.*s cannot be read and was dropped", STR_FMT(mail->id),
                   STR_FMT(mail->to));
        commit_mail_done(e, mail->id);
        return;
    }
    Str id = text_of(v, "id");
    request_queue(e, &(Request){ .kind = REQUEST_MAIL,
                                 .run = mail->to,
                                 .id = id.len ? id : mail->id, /* as it was written once */
                                 .mail = mail->id,
                                 .name = text_of(v, "signal"),
                                 .from = text_of(v, "from"),
                                 .payload = text_of(v, "data") });
}

static void take_all(StoreJob *job) {
    MailJob *j = (MailJob *)job;
    Engine *e = j->p.e;
    e->mail_asked = false;
    if (j->p.err)
        engine_log(e, "mail could not be read");
    for (size_t i = 0; i < j->n && !j->p.err && e->phase == ENGINE_INSIDE; i++)
        take_in(e, &j->letters[i], &j->p.arena);
    int64_t next = j->n == MAIL_MAX ? e->now_ms + 50 : j->next_ms ? j->next_ms : INT64_MAX;
    e->mail_at_ms = MIN(e->mail_at_ms, next);
    pending_free(&j->p);
    engine_wake(e);
}

int64_t mail_next(const Engine *e) {
    return e->mail_asked || e->phase != ENGINE_INSIDE ? INT64_MAX : e->mail_at_ms;
}

bool mail_quiet(const Engine *e) { return !e->mail_asked && e->mail_at_ms > e->now_ms; }

/* Mail that was taken in but is not yet durable is found again, and changes nothing then. */
void mail_take(Engine *e) {
    if (e->mail_asked || e->phase != ENGINE_INSIDE || e->now_ms < e->mail_at_ms)
        return;
    MailJob *j = pending_new(e, sizeof *j, false, read_mail, take_all);
    j->now_ms = e->now_ms;
    e->mail_asked = true;
    e->mail_at_ms = INT64_MAX;
    pending_submit(&j->p);
}

/* ---- sending --------------------------------------------------------------------------------------------------------- */

typedef struct PostJob {
    Pending p; /* first */
    Request *q;
    StoreMail mail;
} PostJob;

static void post(StoreJob *job, Store *store) {
    PostJob *j = (PostJob *)job;
    j->p.err = store->ops->post(store, &j->mail, 1);
}

static void posted(StoreJob *job) {
    PostJob *j = (PostJob *)job;
    Engine *e = j->p.e;
    Request *q = TAKE(j->q);
    if (j->p.err)
        request_answer(e, q, ENGINE_FAILED,
                       "the signal could not be sent to the engine that owns run %.*s",
                       STR_FMT(q->run));
    else
        request_ok(e, q);
    pending_free(&j->p);
    engine_wake(e);
}

static void drop_post(Pending *p) {
    PostJob *j = (PostJob *)p;
    if (j->q)
        request_free(p->e, j->q);
}

static Str make_body(Arena *a, const Request *q, Str id) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "signal", value_str(q->name));
    map_addz(&m, "id", value_str(id));
    map_addz(&m, "from", value_str(q->from));
    map_addz(&m, "data", value_str(q->payload));
    return value_text(a, map_done(&m, NULL));
}

static Str make_id(Engine *e, Arena *a) {
    uint8_t random[10];
    char id[UUID_CHARS + 1];
    e->ports.random(e->ports.ctx, random, sizeof random);
    uuid7(e->now_ms, random, id);
    return arena_str(a, str_from(id));
}

void mail_post(Engine *e, Request *q) {
    PostJob *j = pending_new(e, sizeof *j, true, post, posted);
    j->q = q;
    j->p.drop = drop_post;
    Str id = q->id.len ? q->id : make_id(e, &j->p.arena);
    j->mail = (StoreMail){ .id = MUTANT(signals_share_ids)
                                     ? id
                                     : arena_fmt(&j->p.arena, "%.*s:signal:%.*s", STR_FMT(q->run),
                                                 STR_FMT(id)),
                           .to = q->run,
                           .body = make_body(&j->p.arena, q, id) };
    pending_submit(&j->p);
}
