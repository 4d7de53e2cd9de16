/* What is said to a remote agent and what it answers, in A2A 1.0 over JSON-RPC (a2a-protocol.org, specification 1.0.1). Pure: no
 * connection, no clock. Field names of the answers are read leniently: agents differ. */
#ifndef BATON_EXEC_A2A_FRAME_H
#define BATON_EXEC_A2A_FRAME_H

#include "base/value.h"

/* ---- the agent's card ---------------------------------------------------------------------------------------------------- */

typedef struct A2aCard {
    Str name, description;
    Str url;    /* where JSON-RPC is spoken */
    Str tenant; /* to be named in each request there; empty: none */
    bool streams;
} A2aCard;
/* False: *ret_problem. Everything borrows `card`. */
bool a2a_card(Value card, Arena *a, A2aCard *ret, Str *ret_problem);
/* Where the card of the agent at `url` is: as it is if it names one, else below /.well-known. */
Str a2a_card_url(Arena *a, Str url);
/* Do both have scheme, host and port in common? */
bool a2a_same_origin(Str a, Str b);

/* ---- requests ------------------------------------------------------------------------------------------------------------- */

typedef enum A2aMethod { A2A_SEND, A2A_STREAM, A2A_GET, A2A_CANCEL } A2aMethod;
typedef struct A2aOrder {
    A2aMethod method;
    Str message; /* of a send: its id, by which an agent may know one that it had already */
    Str tenant;
    Str task, context; /* empty: a new one */
    Str text;          /* of a send: what is said; a JSON object or list goes as data */
} A2aOrder;
Str a2a_request(Arena *a, const A2aOrder *order);

/* ---- answers --------------------------------------------------------------------------------------------------------------- */

typedef enum A2aState {
    A2A_UNKNOWN, /* of a state that we do not know: it goes on */
    A2A_WORKING, /* or submitted */
    A2A_INPUT,   /* it asks for something before it goes on */
    A2A_AUTH,    /* it wants to know who asks */
    A2A_COMPLETED,
    A2A_FAILED,
    A2A_CANCELED,
    A2A_REJECTED,
} A2aState;
/* Neither goes on by itself. */
static inline bool a2a_is_over(A2aState s) { return s >= A2A_INPUT; }

/* Of one task; what is more is left out. */
#define A2A_ARTIFACTS_MAX 1000

typedef struct A2aArtifact {
    Str id;
    ListBuilder texts; /* as they came, to be joined */
    Value data;        /* the last that is no text; absent: there is none */
} A2aArtifact;

/* A task, as far as it was told. */
typedef struct A2aTask {
    Str id, context;
    A2aState state;
    Str said;               /* by the message of its state, or in place of a task */
    A2aArtifact *artifacts; /* in the order in which they began */
    size_t n_artifacts, room;
} A2aTask;
typedef struct A2aError {
    int64_t code; /* of JSON-RPC; 0: what came is no answer */
    Str message;
} A2aError;

#define A2A_TASK                                                                                   \
    ((A2aTask){ .id = STR(""), .context = STR(""), .state = A2A_WORKING, .said = STR("") })
/* One answer, or one event of a stream: { result: task | message | statusUpdate | artifactUpdate }, or the task itself. False: *ret_error;
 * nothing has changed. Texts are copied. */
bool a2a_take(A2aTask *task, Arena *a, Value answer, A2aError *ret_error);
/* What it gave: the texts of its artifacts, each on lines of its own; a single piece of data as JSON; without artifacts what it
 * said. */
Str a2a_output(const A2aTask *task, Arena *a);

#endif
