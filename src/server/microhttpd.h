/* libmicrohttpd, loaded when the first client comes: it brings GnuTLS and eight more libraries, which a run that nobody asks
 * about does not owe. Functions have their names without `MHD_`. */
#ifndef BATON_SERVER_MICROHTTPD_H
#define BATON_SERVER_MICROHTTPD_H

#include <microhttpd.h>

#define MICROHTTPD_FUNCTIONS(X)                                                                    \
    X(add_response_header)                                                                         \
    X(create_response_from_buffer)                                                                 \
    X(create_response_from_callback)                                                               \
    X(destroy_response)                                                                            \
    X(get_connection_values)                                                                       \
    X(get_daemon_info)                                                                             \
    X(get_timeout)                                                                                 \
    X(lookup_connection_value)                                                                     \
    X(queue_response)                                                                              \
    X(resume_connection)                                                                           \
    X(run)                                                                                         \
    X(start_daemon)                                                                                \
    X(stop_daemon)                                                                                 \
    X(suspend_connection)

typedef struct MicroHttpd {
#define MICROHTTPD_MEMBER(name) __typeof__(&MHD_##name) name;
    MICROHTTPD_FUNCTIONS(MICROHTTPD_MEMBER)
#undef MICROHTTPD_MEMBER
} MicroHttpd;

/* Filled by microhttpd_load(). */
extern MicroHttpd mhd;
/* NULL when it is there, else what is wrong, for people. Any number of times; one thread. */
const char *microhttpd_load(void);

#endif
