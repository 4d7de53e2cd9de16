#include "exec/libcurl.h"

#include "base/base.h"
#include "exec/library.h"

#include <stdio.h>
#include <stdlib.h>

LibCurl libcurl;

/* A server that does not even complete a handshake in this time is not there; a healthy one across the world needs under 1 s. */
#define CONNECT_TIMEOUT_MS 10000L

/* libcurl's ABI has had this number since 2006. */
#define LIBRARY "libcurl.so.4"

static const LibraryFunction functions[] = {
#define FUNCTION(name) { "curl_" #name, offsetof(LibCurl, name) },
    LIBCURL_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

const char *libcurl_load(void) {
    static bool loaded;
    if (loaded)
        return NULL;
    const char *problem = library_load(LIBRARY, functions, ARRAY_LEN(functions),
                                       LIBRARY " is older than 7.85", &libcurl);
    if (problem)
        return problem;
    if (libcurl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return LIBRARY " cannot be initialised";
    loaded = true;
    return NULL;
}

void libcurl_set_common(CURL *easy) {
    libcurl.easy_setopt(easy, CURLOPT_PROXY, "");
    libcurl.easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    libcurl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    libcurl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    /* Beside the folder of authorities that libcurl was built to look into. */
    const char *authorities = getenv("BATON_CA_FILE");
    if (authorities && *authorities)
        libcurl.easy_setopt(easy, CURLOPT_CAINFO, authorities);
}

/* As OpenSSL numbers them: self signed, itself or at the end of its chain; no issuer; not even of the first. */
static bool is_unknown_signer(long verified) { return verified >= 18 && verified <= 21; }

void libcurl_explain(CURL *easy, CURLcode code, char problem[LIBCURL_PROBLEM_BYTES]) {
    long verified = 0;
    libcurl.easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified);
    if (code == CURLE_PEER_FAILED_VERIFICATION && is_unknown_signer(verified))
        snprintf(
            problem, LIBCURL_PROBLEM_BYTES,
            "no authority known here has signed its certificate; a private authority's is read "
            "from the file that BATON_CA_FILE names where the engine runs");
    else if (code == CURLE_USE_SSL_FAILED)
        snprintf(problem, LIBCURL_PROBLEM_BYTES,
                 "it offers no TLS, and nothing is sent in the clear");
    else if (!*problem)
        snprintf(problem, LIBCURL_PROBLEM_BYTES, "%s", libcurl.easy_strerror(code));
}
