#include "exec/libcurl.h"

#include <dlfcn.h>
#include <stddef.h>

LibCurl libcurl;

/* libcurl's ABI has had this number since 2006. */
#define LIBRARY "libcurl.so.4"

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define FUNCTION(name) { "curl_" #name, offsetof(LibCurl, name) },
    LIBCURL_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

/* Never unloaded: TLS libraries do not bear it. */
const char *libcurl_load(void) {
    if (libcurl.global_init)
        return NULL;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return dlerror();
    LibCurl loaded;
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function)
            return LIBRARY " is older than 7.85";
        *(void **)((char *)&loaded + functions[i].offset) = function;
    }
    if (loaded.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return LIBRARY " cannot be initialised";
    libcurl = loaded;
    return NULL;
}
