/* Servers of tools, shared by all runs, and the attempts that ask them. Only src/exec/mcp includes this.
 *
 *   executor.c      an attempt becomes a job; a reply becomes its outcome
 *   server.c        one server: begun when it is needed, asked for its tools, begun again when it dies, ended when idle
 *   trust.c         what was accepted of its tools
 *   session.c       the conversation; frame.c its messages; tools.c what they say
 *   carry_stdio.c   who carries messages to a child process; carry_http.c, over HTTP */
#ifndef BATON_EXEC_MCP_MCP_H
#define BATON_EXEC_MCP_MCP_H

#include "base/limits.h"
#include "base/mutant.h"
#include "exec/mcp/session.h"
#include "exec/mcp/tools.h"
#include "exec/mcp/trust.h"

typedef struct McpServer McpServer;
typedef struct McpJob McpJob;
typedef struct McpChild McpChild;
typedef struct McpWire McpWire;
typedef struct TrustJob TrustJob;

struct Mcp {
    McpServer *servers;
    McpChild *children; /* processes, also those that are ending */
    McpWire *wires;     /* over HTTP, also those that are ending */
    TrustJob *jobs;
};
void trust_jobs_free(Mcp *mcp);

/* How messages reach a server and come back: into mcp_take(), and when there is no server any more mcp_died(). */
typedef struct McpCarrier {
    /* False: mcp_died() was called, or will be. */
    void (*start)(McpServer *s);
    void (*send)(McpServer *s, const McpOut *out);
    void (*abandon)(McpServer *s, int64_t id);
    /* Nothing comes of it any more; what it holds goes by itself. */
    void (*stop)(McpServer *s);
} McpCarrier;
extern const McpCarrier mcp_stdio, mcp_http;
/* Ends every one at once. */
void mcp_children_close(Exec *x);
void mcp_wires_close(Exec *x);

/* ---- servers ------------------------------------------------------------------------------------------------------------- */

/*   DOWN --needed--> RISING --open--> LISTING --all pages--> TRUSTING --read--> UP --a list that is too old--> LISTING
 *     ^-- died, idle ---+----------------+-----------------------+---------------+                                        */
typedef enum McpServerState {
    SERVER_DOWN,
    SERVER_RISING,
    SERVER_LISTING,
    SERVER_TRUSTING,
    SERVER_UP
} McpServerState;

struct McpServer {
    McpServer *next;
    Exec *x;
    Hash key;   /* of all that it is reached by */
    Attempt as; /* its definition, as the request of an attempt; owns its arena */
    Str set,
        address; /* for people: the name of the set; the program, or the URL without what may be secret */
    const McpCarrier *carrier;
    void *carried; /* the carrier's */
    McpSession session;
    McpServerState state;
    McpCall list; /* the page of tools that is asked for */
    unsigned pages;
    Arena tools_arena;
    Value tools, listing; /* name -> face: as known, and as far as it is asked for */
    uint64_t listed_us;   /* when; 0: the list is not to be used any more */
    Trust trust;
    McpJob *jobs;      /* all of them, newest first */
    uv_timer_t *timer; /* of the probe, of a new beginning, of idleness */
    unsigned deaths;   /* since it last gave an answer */
    uint64_t next_us;  /* not begun before */
};

/* What it asks for goes on when the server is up: job_go(), or job_unsent(). */
void mcp_want(McpServer *s, McpJob *job);
/* The job is gone. */
void mcp_leave(McpServer *s, McpJob *job);
/* The list of tools is asked for anew, before anything else is done. */
void mcp_relist(McpServer *s);
/* What was accepted is read anew. */
void mcp_retrust(McpServer *s);
/* Of the carrier: there is no server any more. */
void mcp_died(McpServer *s, Str why);
/* The server lives and knows nothing of the session: what it was asked in it, it has not looked at. */
void mcp_forgotten(McpServer *s);
McpServer *mcp_server_of(Exec *x, const Attempt *a);
void mcp_server_free(McpServer *s);

/* ---- jobs ---------------------------------------------------------------------------------------------------------------- */

struct McpJob {
    McpJob *next;
    McpServer *server;
    Attempt *a;   /* NULL: completed */
    bool waiting; /* for the server */
    bool sent, again, relisted, reread;
    McpCall call;
    uv_timer_t *timer;
    uint64_t began_us, sent_us;
    Buf said; /* the last word of its progress */
};
void job_go(McpJob *job);
/* The server could not be had. */
void job_unsent(McpJob *job, Str why);

#endif
