#include "exec/libcurl.h"

#include "base/base.h"
#include "exec/library.h"

LibCurl libcurl;

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
