/* The way to the engine of a directory.
 *
 *   somebody listens on DIR/sock  -> HTTP over it (remote.c)
 *   nobody does                   -> take the lock and be the engine, in this process (local.c)
 *                                    or, to look only, open the store for reading
 *
 * Whoever holds the lock is the engine. The requests are the same in all three cases. */
#ifndef BATON_CLI_LINK_H
#define BATON_CLI_LINK_H

#include "server/api.h"

#include <uv.h>

typedef enum LinkMode {
    LINK_READ,  /* no engine is needed; none is started */
    LINK_ACT,   /* be the engine if there is none; other runs stay where they are */
    LINK_CARRY, /* be the engine if there is none, and go on with what an earlier one left */
} LinkMode;

typedef struct Link Link;
typedef struct LinkOptions {
    const char *dir;
    LinkMode mode;
    bool engine_only; /* refuse if another process is the engine: `serve` */
    /* On the loop; each may be NULL. */
    void (*signalled)(void *ctx, int signum); /* NULL: the process ends as it does by itself */
    void (*tick)(void *ctx);                  /* every tick_ms */
    void (*turned)(void *ctx);                /* after each turn of an engine in this process */
    unsigned tick_ms;
    void *ctx;
} LinkOptions;

/* Does an engine answer in this directory? */
bool link_listens(const char *dir);
enum { LINK_E_NONE = 1 }; /* LINK_READ: there is no store here */
/* Waits until requests can be made. 0, LINK_E_NONE, or -ERR_* with `problem` (HOST_PROBLEM_BYTES). */
int link_open(const LinkOptions *options, Link **ret_link, char *problem);
/* Leaves. As the engine: a clean stop that waits up to grace_ms for attempts in flight. Takes NULL, returns NULL. */
Link *link_close(Link *l, int64_t grace_ms);
/* Reading a directory where no engine runs. */
bool link_unattended(const Link *l);
/* Is this process the engine? */
Engine *link_engine(const Link *l);
/* What the engine found when it began in this process. */
size_t link_recovering(const Link *l, bool *ret_after_crash);
/* As the engine: others that are connected to us. */
size_t link_clients(const Link *l);

/* The sink is called on the loop, or before this returns. If the engine goes away before the end, `lost` is called instead and
 * nothing after it. */
typedef struct LinkCall LinkCall;
LinkCall *link_call(Link *l, const ApiRequest *request, const ApiSink *sink,
                    void (*lost)(void *ctx), void *ctx);
/* Before the end: the sink is not called again. After `end` or `lost`: link_forget(). Both take NULL. */
void link_hangup(LinkCall *call);
void link_forget(LinkCall *call);

/* Its loop, where it has one: as the engine, or the client of one. */
uv_loop_t *link_loop(Link *l);
/* Turns the loop until link_quit(). -ERR_IO, -ERR_INTERNAL: the store or the helper failed, which the log
 * has said; what is durable is safe, leave at once. */
int link_run(Link *l);
void link_quit(Link *l);
/* Begins to leave while link_run() goes on serving others; again: at once. As a client: nothing. */
void link_stop(Link *l, int64_t grace_ms);

/* ---- one request, whole */
typedef struct Reply {
    unsigned status; /* 0: the engine could not be reached; said already */
    Buf body;
} Reply;
static inline void reply_deinit(Reply *r) { buf_deinit(&r->body); }
/* Asks and waits for the answer, opening the link again if the engine goes away meanwhile. */
void link_ask(Link *l, const ApiRequest *request, Reply *ret_reply);

#endif
