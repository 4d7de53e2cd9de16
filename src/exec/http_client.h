/* HTTP requests out, many at once on one loop (libcurl multi on libuv). No redirect is followed, no proxy variable and no
 * .netrc is read, only http and https are spoken, answers are capped. Which transfers may have reached the other side is
 * told exactly as far as it can be known: that is what makes a failure definite or not. */
#ifndef BATON_EXEC_HTTP_CLIENT_H
#define BATON_EXEC_HTTP_CLIENT_H

#include "base/buf.h"
#include "exec/slots.h"
#include "spec/egress.h"

#include <uv.h>

typedef enum HttpEnd {
    HTTP_ANSWERED,      /* a complete answer, whatever its status */
    HTTP_DENIED,        /* where it leads is not allowed; nothing was sent */
    HTTP_REFUSED,       /* the order is impossible (URL, header); nothing was sent */
    HTTP_NO_CONNECTION, /* name, connect or TLS failed; nothing was sent */
    HTTP_CUT,           /* it ended after bytes had left and without a complete answer */
    HTTP_TIMED_OUT,     /* the same, because time ran out */
    HTTP_TOO_BIG,       /* the answer passed the cap */
    HTTP_STOPPED,       /* http_stop(); look at `sent` */
    HTTP_STALLED,       /* as timed out: nothing came for too long */
    HTTP_DROPPED,       /* `take` wanted no more of the answer */
} HttpEnd;

typedef struct HttpAnswer {
    HttpEnd end;
    bool sent; /* at least one byte of the request left */
    int status;
    Str body;         /* as far as it came */
    Str content_type; /* empty: none was said */
    Str location;
    Str kept;               /* the header that the call asked to keep; empty: it was not said */
    int64_t retry_after_ms; /* 0: not asked for */
    int should_retry;       /* what the server says of that: 1 yes, -1 no, 0 nothing */
    Str problem;            /* unless answered: what went wrong, for people */
    int64_t queued_us, took_us;
} HttpAnswer;

typedef struct HttpClient HttpClient;

typedef enum HttpTake { HTTP_TAKEN, HTTP_KEEP, HTTP_ENOUGH } HttpTake;

/* One request. Made by the caller, who fills the first part and keeps it, and what it refers to, until `done`. */
typedef struct HttpCall {
    Str method, url;
    const char *const *headers; /* "Name: value", no line breaks */
    size_t n_headers;
    Str body; /* STR_NULL: none */
    /* on a connection of its own: libcurl sends again by itself what a reused one lost */
    bool fresh;
    int64_t timeout_ms; /* from the moment it has a slot; 0: none */
    /* the longest silence before the first byte of the answer's body, and between two; 0: any */
    int64_t first_byte_ms, gap_ms;
    size_t answer_bytes_max;
    /* Gets the body as it comes; NULL, or HTTP_KEEP at the first bytes: it gathers and is given to `done`. */
    HttpTake (*take)(void *ctx, int status, Str content_type, Str bytes);
    const Egress *egress; /* NULL: no entries */
    bool host_of_data;    /* of `url`: no file has written it out */
    const char *keep;     /* a header of the answer; NULL: none */
    /* Called with what has come so far, each time that there is more; it must not call the client. NULL: only `done` */
    void (*came)(void *ctx, Str content_type, Str kept, Str body);
    void (*done)(
        void *ctx,
        const HttpAnswer *answer); /* once, perhaps within http_call(); everything borrowed */
    void *ctx;

    /* The client's. */
    HttpClient *client;
    Slot slot;
    void *easy;        /* CURL * */
    void *header_list; /* curl_slist * */
    Buf answer;
    char denial[256];    /* by egress; empty: none */
    bool keeps;          /* the body gathers */
    bool heard;          /* a byte of the body was there */
    bool dropped;        /* `take` wanted no more */
    int64_t heard_at_us; /* it, or the beginning */
    char problem[256];   /* as libcurl wants it */
} HttpCall;

struct HttpClient {
    uv_loop_t *loop;
    Slots slots;
    void *multi; /* CURLM *, made at the first call: starting TLS costs milliseconds */
    uv_timer_t *timer;
    uv_timer_t *silence; /* due when a call may have been silent for too long */
};

void http_client_init(HttpClient *c, uv_loop_t *loop, unsigned calls_max);
/* Forgets every call (`done` is not called) and closes the handles on the loop. */
void http_client_close(HttpClient *c);
void http_client_deinit(HttpClient *c);

void http_call(HttpClient *c, HttpCall *call);
/* From within `take`: nothing more is expected, and silence of this length is the end. */
void http_end_soon(HttpCall *call, int64_t gap_ms);
/* Ends it now: `done` is called from within. */
void http_stop(HttpCall *call);

#endif
