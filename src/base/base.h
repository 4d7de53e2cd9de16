/* What every file of Baton may assume: assertions that stay on in release, cleanup attributes, error codes.
 *
 * Errors (STYLE.md): a function returns 0 when good; a negative -ERR_* that its caller forwards without looking at
 * it; or a positive MODULE_E_* that its direct caller handles. What goes wrong in the world (a 500, a killed tool)
 * is data, never one of these. */
#ifndef BATON_BASE_BASE_H
#define BATON_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define UNUSED __attribute__((unused))
#define PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

/* _cleanup_(x_freep) T *x = NULL; runs x_freep(&x) when the scope ends. DEFINE_CLEANUP(T *, x_free) makes x_freep. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define DEFINE_CLEANUP(type, fn)                                                                   \
    static inline void fn##p(type *p) {                                                            \
        if (*p)                                                                                    \
            fn(*p);                                                                                \
    }
/* Ownership leaves the scope: return TAKE(x). */
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        __typeof__(p) _t = (p);                                                                    \
        (p) = NULL;                                                                                \
        _t;                                                                                        \
    })

/* Assertions are for our own mistakes and stay on in release; data from a disk, a peer or a person is checked and
 * refused instead. */
_Noreturn void assert_failed(const char *expr, const char *file, int line);
#define ASSERT(e) ((e) ? (void)0 : assert_failed(#e, __FILE__, __LINE__))
#define UNREACHABLE(why) assert_failed("unreachable: " why, __FILE__, __LINE__)

enum {
    ERR_IO = 1,   /* the disk or a pipe failed; nothing more may be promised */
    ERR_TOO_BIG,  /* a cap of base/limits.h was reached */
    ERR_CORRUPT,  /* stored bytes are not what was written */
    ERR_FULL,     /* the disk is full; may be tried again */
    ERR_BUSY,     /* another process holds the directory */
    ERR_INTERNAL, /* a library refused what it never refuses */
};
/* "I/O error", ...; for logs. Takes the negative code. */
const char *err_text(int err);

/* Heap allocation that aborts when memory is out: the journal makes a crash cheap (DESIGN.md section 10).
 * Never sized by input without a cap: use Buf or a capped Arena there. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrndup(const char *p, size_t len);

#endif
