#include "exec/letter.h"

#include "base/arena.h"
#include "exec/libcurl.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define GOODBYE_MS 1000

/* Of its own: whoever sent it may be gone before the thread is. */
struct Letter {
    uv_work_t work;
    Letters *among; /* NULL: nobody waits any more */
    Letter *next;
    Arena arena;
    const char *url, *from, *to;
    Str text;
    size_t at; /* so much of the text was handed over */
    int64_t timeout_ms;
    uint64_t quit_ns; /* by then it is over, whatever the server does */
    void (*done)(void *ctx, const LetterEnd *end);
    void *ctx;
    atomic_bool stopped;
    LetterEnd end;
    char problem[LIBCURL_PROBLEM_BYTES];
};

/* ---- where to ---------------------------------------------------------------------------------------------------------- */

/* What stands after `//` and the `@` of a user, before a port or a path. */
static Str host_of(Str url) {
    ptrdiff_t scheme = str_find(url, STR("://"));
    size_t from = scheme < 0 ? 0 : (size_t)scheme + 3, to = from;
    for (; to < url.len && !strchr("/?#", url.p[to]); to++)
        if (url.p[to] == '@')
            from = to + 1;
    Str host = str_slice(url, from, to);
    bool v6 = host.len && host.p[0] == '[';
    ptrdiff_t end = str_find(host, v6 ? STR("]") : STR(":"));
    return end < 0 ? host : str_slice(host, 0, (size_t)end + v6);
}

/* The one machine that is spoken to in the clear. */
static bool is_local(Str url) {
    Str host = host_of(url);
    return str_is(host, "localhost") || str_is(host, "127.0.0.1") || str_is(host, "[::1]");
}

/* ---- on the thread ----------------------------------------------------------------------------------------------------- */

static size_t give_bytes(char *to, size_t one, size_t n, void *ctx) {
    Letter *l = ctx;
    size_t len = MIN(one * n, l->text.len - l->at);
    memcpy(to, l->text.p + l->at, len);
    l->at += len;
    return len;
}

static size_t drop_bytes(UNUSED char *bytes, size_t one, size_t n, UNUSED void *ctx) {
    return one * n;
}

/* Asked about once a second, whatever is waited for: also for the answer to QUIT, which libcurl's own timeout does not cover. */
static int is_stopped(void *ctx, UNUSED curl_off_t total, UNUSED curl_off_t now,
                      UNUSED curl_off_t up_total, UNUSED curl_off_t up_now) {
    const Letter *l = ctx;
    return atomic_load(&l->stopped) || uv_hrtime() > l->quit_ns;
}

static void set_options(CURL *easy, Letter *l, const struct curl_slist *to) {
    bool tls = !is_local(str_from(l->url));
    libcurl_set_common(easy);
    libcurl.easy_setopt(easy, CURLOPT_URL, l->url);
    libcurl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    libcurl.easy_setopt(easy, CURLOPT_USE_SSL, (long)(tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    libcurl.easy_setopt(easy, CURLOPT_MAIL_FROM, l->from);
    libcurl.easy_setopt(easy, CURLOPT_MAIL_RCPT, to);
    libcurl.easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    libcurl.easy_setopt(easy, CURLOPT_READFUNCTION, give_bytes);
    libcurl.easy_setopt(easy, CURLOPT_READDATA, l);
    libcurl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_bytes);
    libcurl.easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)l->text.len);
    libcurl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)l->timeout_ms);
    /* Kept for a next letter it would be closed by a handle that asks nobody whether to go on. */
    libcurl.easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    libcurl.easy_setopt(easy, CURLOPT_ERRORBUFFER, l->problem);
    libcurl.easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    libcurl.easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, is_stopped);
    libcurl.easy_setopt(easy, CURLOPT_XFERINFODATA, l);
}

static void send_letter(uv_work_t *work) {
    Letter *l = work->data;
    uint64_t began = uv_hrtime();
    CURL *easy = libcurl.easy_init();
    struct curl_slist *to = libcurl.slist_append(NULL, l->to);
    long status = 0;
    ASSERT(easy && to);
    l->quit_ns = began + (uint64_t)(l->timeout_ms + GOODBYE_MS) * 1000000;
    set_options(easy, l, to);
    CURLcode code = libcurl.easy_perform(easy);
    libcurl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        libcurl_explain(easy, code, l->problem);
    l->end.taken = code == CURLE_OK;
    l->end.status = (int)status;
    l->end.took_us = (int64_t)(uv_hrtime() - began) / 1000;
    libcurl.easy_cleanup(easy);
    libcurl.slist_free_all(to);
}

/* ---- on the loop ------------------------------------------------------------------------------------------------------- */

static void leave(Letter *l) {
    Letter **at = &l->among->first;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->among = NULL;
}

static void thread_ended(uv_work_t *work, UNUSED int status) {
    Letter *l = work->data;
    l->end.problem = str_from(l->problem);
    if (l->among) {
        leave(l);
        l->done(l->ctx, &l->end);
    }
    arena_deinit(&l->arena);
    free(l);
}

/* Without libcurl there is nothing to do on a thread; the answer still comes later. */
static void say_nothing(UNUSED uv_work_t *work) {}

Letter *letter_send(Letters *among, const LetterOrder *order,
                    void (*done)(void *ctx, const LetterEnd *end), void *ctx) {
    Letter *l = xcalloc(1, sizeof(*l));
    arena_init(&l->arena, 0);
    l->work.data = l;
    l->among = among;
    l->next = among->first;
    among->first = l;
    l->url = arena_str(&l->arena, order->url).p;
    l->from = arena_fmt(&l->arena, "<%.*s>", STR_FMT(order->from)).p;
    l->to = arena_fmt(&l->arena, "<%.*s>", STR_FMT(order->to)).p;
    l->text = arena_str(&l->arena, order->text);
    l->timeout_ms = order->timeout_ms;
    l->done = done;
    l->ctx = ctx;
    const char *trouble = libcurl_load();
    snprintf(l->problem, sizeof(l->problem), "%s", trouble ? trouble : "");
    int err =
        uv_queue_work(among->loop, &l->work, trouble ? say_nothing : send_letter, thread_ended);
    ASSERT(err == 0);
    return l;
}

void letter_stop(Letter *l) {
    leave(l);
    atomic_store(&l->stopped, true);
    uv_cancel((uv_req_t *)&l->work);
}

void letters_close(Letters *among) {
    while (among->first)
        letter_stop(among->first);
}
