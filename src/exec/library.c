#include "exec/library.h"

#include <dlfcn.h>

const char *library_load(const char *soname, const LibraryFunction *functions, size_t n,
                         const char *too_old, void *table) {
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return dlerror();
    for (size_t i = 0; i < n; i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function)
            return too_old;
        *(void **)((char *)table + functions[i].offset) = function;
    }
    return NULL;
}
