/* Outcomes are one map: (address, hash of the request) -> recorded outcome. Fork, dev and record are readers of it.
 *
 *   run of then:  fold its facts, outcomes_note() before each      run of now:  outcomes_find() before an attempt starts
 *
 * The request is hashed as it is sent (want_request), so it stands for the arguments and for everything of the callee that
 * matters: another prompt, model, tool, command or header is another request, and is asked anew. What is recorded is what
 * ended ok, or was settled by a person as done; what failed, is in doubt, was cancelled or was undone is not offered. */
#ifndef BATON_KERNEL_OUTCOMES_H
#define BATON_KERNEL_OUTCOMES_H

#include "kernel/run.h"

typedef struct Recorded {
    Str address;
    Hash request_hash;
    Str payload; /* JSON text: the output; STR_NULL: none, which is null */
    Usage usage; /* what it cost then */
    int64_t took_us;
    CalleeKind kind;
    Str callee;  /* its name */
    Str request; /* of a model call, canonical JSON, where the map keeps requests; else empty */
} Recorded;

typedef struct Outcomes Outcomes;
/* keep_requests: of model calls, for fixtures. */
Outcomes *outcomes_new(bool keep_requests);
/* Takes NULL and returns NULL. */
Outcomes *outcomes_free(Outcomes *o);
DEFINE_CLEANUP(Outcomes *, outcomes_free)

/* To be called before run_apply(r, fact) with each fact that the run takes: remembers the outcome, if it is one and stands
 * before the step `before` (empty: wherever). The last one noted of an address and a request counts. */
void outcomes_note(Outcomes *o, Run *r, const Fact *fact, Str before);
/* What this step did, and what was done in it, is done anew. */
void outcomes_forget_within(Outcomes *o, Str step);
/* To be called when the facts of a run are noted: what it undid is not there any more. */
void outcomes_forget_undone(Outcomes *o, const Run *r);
/* The outcome recorded for the attempt that is wanted; NULL: none for this request. */
const Recorded *outcomes_recorded(const Outcomes *o, const Want *w);
/* The same as far as it is offered, which is before the step that the run begins anew from; NULL: it must be made. */
const Recorded *outcomes_find(const Outcomes *o, const Want *w);
/* Of what the attempt sends, as it is recorded; false: it is too large, or cannot be composed. */
bool outcomes_hash(const Want *w, Hash *ret);
/* All, in the order of recording. */
const Recorded *outcomes_all(const Outcomes *o, size_t *ret_n);

#endif
