#include "server/microhttpd.h"

#include "base/base.h"
#include "exec/library.h"

MicroHttpd mhd;

#define LIBRARY "libmicrohttpd.so.12"

static const LibraryFunction functions[] = {
#define FUNCTION(name) { "MHD_" #name, offsetof(MicroHttpd, name) },
    MICROHTTPD_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

const char *microhttpd_load(void) {
    static bool loaded;
    const char *problem = loaded ? NULL
                                 : library_load(LIBRARY, functions, ARRAY_LEN(functions),
                                                LIBRARY " is not the one expected", &mhd);
    loaded = !problem;
    return problem;
}
