/* Where requests may lead: the one decision that every outgoing connection asks for, by the address it is about to connect to and
 * not by the name it was given, so that neither a spelling of an address nor a name server changes the answer.
 *
 *   the most specific entry of `egress:` that fits decides, `deny` before `allow` where two are equal; where none fits:
 *     a host that a file or the operator has written out    any address: it is there because somebody meant it
 *     a host that comes from data                           public addresses only */
#ifndef BATON_SPEC_EGRESS_H
#define BATON_SPEC_EGRESS_H

#include "base/arena.h"

/* Entries as the project file has them: `10.0.0.0/8`, `fd00::1`, `files.internal`, `*.example.com`; with a port behind it
 * `10.0.0.5:8080`, `[fd00::/8]:443`, `files.internal:80`. */
typedef struct Egress {
    Str *allow, *deny;
    size_t n_allow, n_deny;
} Egress;
Egress egress_copy(const Egress *from, Arena *a);
bool egress_is_entry(Str text);

typedef struct EgressTarget {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint16_t port;
    Str host;     /* as the URL names it; empty: not known, entries with names do not fit */
    bool of_data; /* no file has written the host out */
} EgressTarget;

/* Text of an address to its bytes; false if it is none. */
bool egress_address(Str text, uint8_t ret[16]);

typedef struct EgressVerdict {
    bool allowed;
    Str entry;         /* of `egress:`, that decided; empty: none fits */
    const char *range; /* what kind of address it is, if it is not public; else NULL */
} EgressVerdict;
/* `policy` NULL: no entries. */
EgressVerdict egress_decide(const Egress *policy, const EgressTarget *target);

#endif
