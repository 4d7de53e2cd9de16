/* Events as the engine carries them.
 *
 *   a step emits ---mail---> event:ID, a run that is over at once ---mail---> each run that hears its type
 *   POST /v1/events -------^                                        \--mail---> on:ID, which listens ---mail---> a new run
 *
 * Who hears a type says the table `open` of the store: a row `event:TYPE` for each type and run that is not over, or, for a run
 * that waits only for what has its own correlation, `event:TYPE CORRELATION`. Both are found by an index. It is read after the event was written, so whoever had begun by then is told. Every arrow is an insertion in the append that sends it
 * and a deletion in the append that takes it in, and a run's id names the event or the key that begins it: none is lost, and what
 * comes twice finds itself there. */
#ifndef BATON_ENGINE_EVENTS_H
#define BATON_ENGINE_EVENTS_H

#include "engine/state.h"

/* A mail as it was read, with what of the store is needed to take it in. */
typedef struct Letter {
    const StoreMail *mail;
    Value body;    /* absent: it cannot be read */
    Value told;    /* of an event: the list of who is to be told */
    StoreRun file; /* of a start: the run whose file it is, or which calls */
    int err;       /* of reading it */
} Letter;
/* Reader's side. */
void letters_read(Store *store, const StoreMail *mail, size_t n, Arena *a, Letter *ret);
/* A request of it, for the inbox. False: it is none of an event or a start. */
bool letter_take(Engine *e, const Letter *l, Arena *a);

/* The same for mail between runs that call each other (child.c). */
bool child_take(Engine *e, const Letter *l, Arena *a);

/* What a run says to others, as mail for the append that makes it so: events that it emits, runs that it starts; of an event
 * itself, whom it tells. Adds to `mail`. */
const StoreMail *events_mail(Run *r, bool first_row, const StoreMail *mail, Arena *a,
                             size_t *ret_n);
/* Rows of `open` by which the store knows what it hears. */
size_t events_heard(const Run *r, StoreOpen *ret, Arena *a);
size_t events_n_heard(const Run *r);

#endif
