/* A run as a JSON document, for lists and for GET /v1/runs/{run}. */
#ifndef BATON_SERVER_DOCUMENT_H
#define BATON_SERVER_DOCUMENT_H

#include "engine/engine.h"

/* { id, workflow, state, created, updated, ... what the engine wrote for lists }. */
Value document_listed(const StoreRun *stored, Arena *a);
/* The same and { input?, output, error, steps, ... }, from the folded run. `store` is the reader side. What cannot be
 * folded by this binary says so in `problem`. */
Value document_whole(Store *store, const StoreRun *stored, Arena *a);
/* And `held`, what its attempts wait for in the engine (engine_held), unless that is nothing. */
Value document_with_held(Value document, Value held, Arena *a);
/* { id, workflow, status, output, error, ... } of a run in memory. */
Value document_live(const Run *run, Arena *a);

#endif
