/* One conversation with an MCP server: which era of the protocol it speaks, requests and their answers, progress,
 * cancellation. Pure: whoever carries the messages gives them in and takes them out, so that a session needs no process.
 *
 *            begin             a DiscoverResult
 *   CLOSED ---------> PROBING ------------------------------------> OPEN, modern (2026-07-28: no state, each request says all)
 *     ^                  | anything else, or no answer in time        ^
 *     |                  v               an InitializeResult         |
 *     |               GREETING ---------------------------------> OPEN, legacy (2024-11-05 ... 2025-11-25: `initialize` first)
 *     +-- end, refused --+-------------------------------------------+
 *
 * The era is kept over an end: a server that is started again speaks as before. */
#ifndef BATON_EXEC_MCP_SESSION_H
#define BATON_EXEC_MCP_SESSION_H

#include "exec/mcp/frame.h"

#define MCP_MODERN "2026-07-28"
#define MCP_LEGACY "2025-11-25" /* asked for; the server picks */

typedef enum McpState { MCP_CLOSED, MCP_PROBING, MCP_GREETING, MCP_OPEN } McpState;
typedef enum McpEra { MCP_ERA_UNKNOWN, MCP_ERA_LEGACY, MCP_ERA_MODERN } McpEra;

typedef enum McpEnd {
    MCP_ANSWERED, /* with `result` */
    MCP_FAULT, /* the server says that the request itself is wrong, or that it failed at it: `code`, `text` */
    MCP_LOST,    /* it was given to the carrier, and nobody will answer: `text` */
    MCP_UNSENT,  /* surely nothing of it was done: `text` */
    MCP_EXPIRED, /* the server has forgotten the session, and so has not looked at the request */
} McpEnd;
typedef struct McpReply {
    McpEnd end;
    Value result; /* lives as long as `done` runs */
    int64_t code;
    Str text;
} McpReply;

/* A request. Made by its caller, who keeps it, and what it refers to, until `done` or mcp_cancel(). */
typedef struct McpCall McpCall;
struct McpCall {
    Str method;
    Str name; /* what it is about, for carriers that say so: the name of the tool; may be empty */
    Value params; /* a map without `_meta` */
    Str key;      /* of the effect; may be empty */
    bool watched; /* asks to be told of progress */
    void (*done)(McpCall *call, const McpReply *reply);
    void (*progressed)(McpCall *call, Str message); /* watched: the server still works at it */
    void *ctx;
    /* The session's. */
    int64_t id;
    McpCall *next;
};

typedef struct McpOut { /* for the carrier; borrowed */
    Str text;
    int64_t id; /* of the request; -1: an answer or a notice */
    Str method, name;
} McpOut;

typedef struct McpSession {
    McpState state;
    McpEra era;
    char version[16]; /* as agreed; of an HTTP header */
    int64_t last_id;
    int64_t probe, greet; /* ids of the two; 0: none is under way */
    McpCall *calls;       /* under way, newest first */
    void *ctx;
    void (*send)(void *ctx, const McpOut *out);
    void (*abandon)(void *ctx, int64_t id); /* nobody waits for the answer any more; may be NULL */
    void (*opened)(void *ctx);
    void (*refused)(void *ctx, Str why); /* no version is common; the session is closed */
    void (*changed)(void *ctx);          /* the server has other tools than before */
} McpSession;

void mcp_begin(McpSession *s);
/* No answer to `server/discover` in time. */
void mcp_probe_late(McpSession *s);
/* Of an open session. */
void mcp_call(McpSession *s, McpCall *call);
/* The server is told; `done` is not called. */
void mcp_cancel(McpSession *s, McpCall *call, Str why);
/* A message came. */
void mcp_take(McpSession *s, Str text);
/* The carrier knows that request `id` will not be answered. */
void mcp_unanswered(McpSession *s, int64_t id, McpEnd end, Str why);
/* There is no server any more: all that is under way ends so. */
void mcp_end(McpSession *s, McpEnd end, Str why);

#endif
