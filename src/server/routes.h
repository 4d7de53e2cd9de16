/* The routes as data: the server dispatches by them, and the reference page of the API is made from them. */
#ifndef BATON_SERVER_ROUTES_H
#define BATON_SERVER_ROUTES_H

#include "server/api.h"

typedef struct Route {
    ApiMethod method;
    const char *path; /* {run} stands for one segment */
    void (*handle)(ApiCall *call);
    const char *help;
} Route;
extern const Route routes[];
extern const size_t routes_count;

/* Finds and runs the handler of a call, or answers why there is none. */
void route_call(ApiCall *call);
/* %41 becomes A; with `plus`, + becomes a space. What is no escape stays. */
Str percent_decode(Str s, bool plus, Arena *a);

#endif
