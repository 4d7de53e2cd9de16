/* Facts, moves and outcomes: what a run's history is made of.
 *
 * A fact is what the world told the run; it is the truth. A move is what the kernel made of it; it is the proof: replay
 * derives the moves again and compares. Kinds are numbered for ever: never renumber, never reuse.
 *
 * A payload is JSON text, kept byte for byte; the kernel parses it when it applies the fact. */
#ifndef BATON_KERNEL_FACT_H
#define BATON_KERNEL_FACT_H

#include "base/hash.h"
#include "base/value.h"

typedef enum FactKind {
    FACT_ACCEPTED = 1,    /* the run exists: payload = input */
    FACT_DISPATCHING = 2, /* the first byte of an unsafe attempt may leave from now on */
    FACT_FINISHED = 3,    /* an attempt ended: payload = output, or what is known of the failure */
    FACT_PROGRESS = 4,    /* of an attempt, by name: late, unsent, handle */
    FACT_TIMER = 5,       /* a timer is due */
    FACT_SIGNAL = 6,      /* payload = data */
    FACT_EVENT = 7,
    /* a person settles what is in doubt (or, later, an approval): payload = result */
    FACT_DECISION = 8,
    FACT_CHILD = 9, /* a child run is over: as FINISHED, `run` its id */
    /* of a run that this one called, or of the one that called it, by name: asks, granted (kernel/more.c); `run` is that run,
     * `address` the step of who called */
    FACT_MAIL = 10,
    FACT_CONTROL = 11,  /* pause resume cancel retry limits */
    FACT_MIGRATED = 12, /* the run goes on with another file: payload = the closure it had before */
    FACT_RECOVERED = 13, /* another engine goes on: what was in flight ended unknown */
} FactKind;

/* What an accepted run is for. Numbers are stored. */
typedef enum Acceptance {
    ACCEPT_RUN = 0,
    ACCEPT_LISTEN =
        1, /* does not run: starts a run of the same file for each event that its `on` asks for */
} Acceptance;

typedef enum Outcome { OUTCOME_OK = 1, OUTCOME_FAILED, OUTCOME_REFUSED, OUTCOME_UNKNOWN } Outcome;
/* Did anything leave? Decides whether a failure is definite. */
typedef enum Sent { SENT_NO = 0, SENT_MAYBE, SENT_YES } Sent;

/* The closed list of DESIGN.md section 9; a `fail` step may bring a kind of its own, so errors carry text. */
typedef enum ErrorKind {
    KIND_NONE = 0,
    KIND_REFUSED,
    KIND_REJECTED,
    KIND_INVALID,
    KIND_DENIED,
    KIND_CHECK,
    KIND_NOT_FOUND,
    KIND_CONFLICT,
    KIND_RATE_LIMITED,
    KIND_UNAVAILABLE,
    KIND_BREAKER_OPEN,
    KIND_TIMEOUT,
    KIND_CANCELLED,
    KIND_CRASHED,
    KIND_CONTENT_REFUSED,
    KIND_BUDGET,
    KIND_LIMIT,
    KIND_NO_ROUTE,
    KIND_NO_QUORUM,
    KIND_ALL_FAILED,
    KIND_IN_DOUBT,
    KIND_INTERNAL,
    KIND_COUNT,
} ErrorKind;
const char *error_kind_name(ErrorKind k);
/* KIND_NONE for a kind that is an author's own. */
ErrorKind error_kind_from(Str name);

typedef enum Control {
    CONTROL_PAUSE = 1,
    CONTROL_RESUME,
    CONTROL_CANCEL,
    CONTROL_RETRY,
    CONTROL_LIMITS, /* payload: what limits become, { "cost": nano, "work.calls": n } */
} Control;
/* By which rules the moves of a run are derived: those of the program that began it, for as long as it lives, so that what it
 * recorded is derived again by a program that would act otherwise. Numbers are stored. */
typedef enum Rules {
    /* Steps whose needs are met by the same step begin in reverse file order; what is cancelled before it was let out is spent
     * as if it had been. */
    RULES_REVERSE = 0,
    RULES_FILE_ORDER = 1,
    RULES_KEYS_OF_ALL = 2,   /* what is done under a business key is every run's (kernel/key.h) */
    RULES_SETTLED_FIRST = 3, /* no limit fails a call of which nobody knows what it did */
    RULES_SYSTEM = 4,        /* routers look how their targets are */
    RULES_CHILDREN_ASK =
        5, /* a child that has used up its grant asks its parent, not a person (kernel/more.c) */
} Rules;
#define RULES_NOW RULES_CHILDREN_ASK
/* How a person settles an effect in doubt, or answers what was asked. Numbers are stored. */
typedef enum Decision {
    DECISION_DONE = 1,
    DECISION_NOT_DONE,
    DECISION_RETRY,
    DECISION_FAIL,
    DECISION_UNDO,        /* whatever happened, take it back */
    DECISION_APPROVE = 6, /* payload: the value as edited; none: as shown */
    DECISION_REJECT,
    DECISION_REVISE, /* once more, with the words */
    DECISION_ANSWER, /* payload: of the form */
} Decision;

typedef struct Usage { /* of one attempt; zero where nothing is known */
    int64_t tokens_in, tokens_out;
    int64_t tokens_cached, tokens_reasoning; /* a part of the one, of the other */
    int64_t cost_nano;
    int64_t cpu_us,
        peak_bytes; /* of a command: processor time of all its processes, memory of the largest */
} Usage;

typedef struct Fact {
    FactKind kind;
    int64_t time_ms;  /* UTC; never decreasing within a run */
    Str address;      /* of the frame it concerns; empty: the run */
    uint32_t attempt; /* dispatching, finished */
    uint32_t purpose; /* timer: TimerPurpose of kernel/run.h; accepted: Acceptance */
    Str payload;      /* JSON text; STR_NULL: none */
    /* finished */
    Outcome outcome;
    Sent sent;
    Str error_kind; /* empty when ok */
    Str message;    /* of the failure, for people; ok: the end of what a command wrote to stderr */
    Usage usage;
    int64_t queued_us, took_us; /* waited for a slot; ran */
    int64_t retry_after_ms; /* the target asked for it; 0: no; -1: it would say the same again */
    /* its outcome is one recorded before (kernel/outcomes.h): nothing was sent, and usage is what it cost then */
    bool reused;
    /* accepted */
    Str run;  /* id */
    Str name; /* of the workflow; signal: the signal's name; recovered: the engine */
    Str dir;  /* where relative paths and commands start */
    uint64_t seed;
    uint64_t upto; /* rows of the run whose outcomes are reused: what it did later does not count */
    /* signal, decision, control; accepted: the run whose outcomes are reused, and before which step */
    Str id;        /* signal: for saying it once; accepted: the step, empty: all */
    Str from;      /* who said so; accepted: the run, empty: none */
    uint32_t verb; /* Control or Decision; accepted: Rules */
    /* accepted: of the event that started it; empty: its own id. event: `id` is its own, `name` its type, payload the whole */
    Str correlation;
    /* accepted: how the targets of its routers have done so far, JSON (kernel/dispatch.c); empty: nobody asks */
    Str past;
    /* decision: of what was shown (want_ask() of run.h), so that nobody agrees to what he did not see; empty: of whatever is
     * asked. Its words are `message`. accepted: who started the run is `by`; whose child it is and what it may spend, as JSON
     * (kernel/child.c), is `shown`. child: what it spent that is no usage, as JSON, is `shown`. */
    Str shown, by;
    /* dispatching, under a business key (kernel/key.h): which of the effects of that name it is, since when it is tried; `from`
     * is the run that gave it up not knowing what it had done. finished, reused: `from` is the run whose effect it was, `id`
     * its step there. */
    uint32_t generation;
    int64_t since_ms;
} Fact;

/* What a frame is doing. The life cycle is drawn in kernel/frame.c. Numbers are stored. */
typedef enum Status {
    STATUS_NEW = 0,
    STATUS_RUNNING = 1,
    STATUS_RETRYING = 2, /* waits for its next attempt */
    STATUS_IN_DOUBT = 3, /* outcome unknown, may not be sent again: a person decides */
    STATUS_OK = 4,
    STATUS_FAILED = 5,
    STATUS_SKIPPED = 6,
    STATUS_CANCELLED = 7,
    STATUS_HELD = 8,    /* does not fit a budget yet: waits for siblings to settle */
    STATUS_WAITING = 9, /* people are asked */
} Status;
const char *status_name(Status s);
static inline bool status_final(Status s) { return s >= STATUS_OK && s <= STATUS_CANCELLED; }

typedef struct Move {
    uint32_t cause; /* which fact of the row, from 0 */
    Str address;
    Status from, to;
    uint32_t attempt; /* attempt that was opened by this move; 0: none */
    uint64_t args;    /* first 8 bytes of the hash of its canonical arguments; 0: none */
    Str choice;       /* why: "needs plan, research", "if false", "retry 2 in 1.2s: timeout" */
} Move;

/* One line each, without newline, as `baton show --facts`, kernel tests and the simulator print them:
 *   @1200 finished plan#1 ok {"x":1}
 *   plan new > running #1 (needs draft) */
void fact_write_text(Buf *b, const Fact *f);
void move_write_text(Buf *b, const Move *m);

#endif
