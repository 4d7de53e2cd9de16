/* libcurl, loaded at the first request: with the twenty libraries behind it, it costs every start 2 ms and every process
 * 2 MB, which a run that asks nobody over HTTP does not owe. Functions have their names without `curl_`. */
#ifndef BATON_EXEC_LIBCURL_H
#define BATON_EXEC_LIBCURL_H

#include <stdbool.h>

#define CURL_DISABLE_TYPECHECK /* its macros hide the names of the functions */
#include <curl/curl.h>

#define LIBCURL_FUNCTIONS(X)                                                                       \
    X(global_init)                                                                                 \
    X(easy_init)                                                                                   \
    X(easy_cleanup)                                                                                \
    X(easy_perform)                                                                                \
    X(easy_setopt)                                                                                 \
    X(easy_getinfo)                                                                                \
    X(easy_header)                                                                                 \
    X(easy_strerror)                                                                               \
    X(url)                                                                                         \
    X(url_set)                                                                                     \
    X(url_get)                                                                                     \
    X(url_cleanup)                                                                                 \
    X(free)                                                                                        \
    X(slist_append)                                                                                \
    X(slist_free_all)                                                                              \
    X(multi_init)                                                                                  \
    X(multi_cleanup)                                                                               \
    X(multi_setopt)                                                                                \
    X(multi_add_handle)                                                                            \
    X(multi_remove_handle)                                                                         \
    X(multi_assign)                                                                                \
    X(multi_socket_action)                                                                         \
    X(multi_info_read)

typedef struct LibCurl {
#define LIBCURL_MEMBER(name) __typeof__(&curl_##name) name;
    LIBCURL_FUNCTIONS(LIBCURL_MEMBER)
#undef LIBCURL_MEMBER
} LibCurl;

/* Filled by libcurl_load(). */
extern LibCurl libcurl;
/* NULL when it is there, else what is wrong, for people. Any number of times; one thread. */
const char *libcurl_load(void);

/* What holds for whatever leaves: no proxy and no .netrc, no signals, authorities, how long a handshake may take. */
void libcurl_set_common(CURL *easy);
#define LIBCURL_PROBLEM_BYTES CURL_ERROR_SIZE
/* What went wrong, for people; `problem` is what CURLOPT_ERRORBUFFER was given. */
void libcurl_explain(CURL *easy, CURLcode code, char problem[LIBCURL_PROBLEM_BYTES]);

#endif
