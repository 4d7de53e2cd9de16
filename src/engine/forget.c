/* A run is forgotten: what it was given, gave and was told goes from the store; that it was, when, and how its steps moved stays,
 * and the chain of hashes holds.
 *
 *   request -> load (its head) -> a row that says who asked, and with it the store erases all before
 *
 * Only a run that is over, or parked, can be: what goes on needs what it holds. */
#include "engine/past.h"

#include <stdlib.h>

void engine_forget(Engine *e, Str run, Str from, Str reason, EngineReplied replied, void *ctx) {
    request_queue_checked(e, &(Request){ .kind = REQUEST_FORGET,
                                         .run = run,
                                         .from = from,
                                         .name = reason,
                                         .replied = replied,
                                         .ctx = ctx });
}

/* It is in memory, and so not over, or has only just ended. */
void forget_refuse_live(Engine *e, Resident *r, Request *q) {
    if (r->run && run_finished(r->run))
        request_answer(e, q, ENGINE_CONFLICT, "run %s has only just ended: try again", r->id);
    else
        request_answer(e, q, ENGINE_CONFLICT,
                       "run %s is not over and needs what it holds: `baton cancel %s` first", r->id,
                       r->id);
}

static bool is_forgotten(const StoreRun *stored) {
    return str_find(stored->info.info, STR("\"status\":\"forgotten\"")) >= 0;
}

void forget_stored(Engine *e, Resident *r, const StoreRun *stored, Request *q) {
    Str info = STR("{\"status\":\"forgotten\"}");
    bool already = is_forgotten(stored);
    r->state = RESIDENT_PARKED;
    r->forget = true;
    r->parked_info = xstrndup(info.p, info.len);
    r->parked_name = xstrndup(stored->info.name.p, stored->info.name.len);
    apply_note(e, r,
               arena_fmt(&e->scratch, "forgotten%s, as %.*s asked%s%.*s", already ? " again" : "",
                         STR_FMT(q->from), q->name.len ? ": " : "", STR_FMT(q->name)));
    request_when_durable(e, r, q);
}
