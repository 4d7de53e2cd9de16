/* A thread that does StoreJobs in order, one side of a store (journal/store.h). Two of them make a host. */
#ifndef BATON_HOST_STORE_THREAD_H
#define BATON_HOST_STORE_THREAD_H

#include "engine/ports.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

typedef struct StoreThread {
    Store *store;
    uv_async_t *finished; /* told after each job; may be shared */
    pthread_t thread;
    bool running;
    _Atomic(StoreJob *) asked; /* newest first */
    _Atomic(StoreJob *) done;  /* newest first */
    atomic_bool asleep, leaving;
    pthread_mutex_t mutex; /* only for going to sleep and being woken */
    pthread_cond_t wake;
    const char *name;
} StoreThread;

/* 0 or -errno. */
int store_thread_start(StoreThread *t, const char *name, Store *store, uv_async_t *finished);
/* From the loop thread. */
void store_thread_submit(StoreThread *t, StoreJob *job);
/* On the loop thread: calls done() of what is finished, in order. False if there was nothing. */
bool store_thread_collect(StoreThread *t);
/* Waits for the job at hand; those behind it are neither done nor told. */
void store_thread_join(StoreThread *t);

#endif
