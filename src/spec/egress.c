#include "spec/egress.h"

#include "base/mutant.h"

#include <arpa/inet.h>
#include <string.h>

/* One entry, read. A name has as many bits as a single address: both mean one thing. */
typedef struct Entry {
    Str name;   /* empty: an address */
    bool below; /* `*.name`: all below it */
    uint8_t address[16];
    unsigned bits;
    uint16_t port; /* 0: any */
} Entry;
#define BITS_MAX 128
#define BITS_V4 96 /* before those of an IPv4 address */

/* ---- addresses --------------------------------------------------------------------------------------------------------- */

bool egress_address(Str text, uint8_t ret[16]) {
    char z[INET6_ADDRSTRLEN + 1];
    if (text.len == 0 || text.len >= sizeof(z) || memchr(text.p, 0, text.len))
        return false;
    memcpy(z, text.p, text.len);
    z[text.len] = 0;
    if (memchr(text.p, ':', text.len))
        return inet_pton(AF_INET6, z, ret) == 1;
    memcpy(ret, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
    return inet_pton(AF_INET, z, ret + 12) == 1;
}

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits) {
    unsigned bytes = bits / 8, rest = bits % 8;
    return memcmp(address, prefix, bytes) == 0 &&
           (rest == 0 || (address[bytes] ^ prefix[bytes]) >> (8 - rest) == 0);
}

/* The IPv4 address that one of the forms of IPv6 that carry one leads to: compatible, NAT64, 6to4. */
static void unwrap(uint8_t address[16]) {
    static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b }, none[12] = { 0 };
    const uint8_t *inner = NULL;
    if (has_prefix(address, nat64, BITS_V4))
        inner = address + 12;
    else if (has_prefix(address, none, BITS_V4) && (address[12] | address[13] | address[14]))
        inner = address + 12;
    else if (address[0] == 0x20 && address[1] == 0x02)
        inner = address + 2;
    if (!inner || MUTANT(egress_wrapped))
        return;
    uint8_t v4[4];
    memcpy(v4, inner, 4);
    memcpy(address, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
    memcpy(address + 12, v4, 4);
}

/* ---- entries ----------------------------------------------------------------------------------------------------------- */

static bool is_name(Str s) {
    if (s.len == 0 || s.len > 253 || s.p[0] == '.' || s.p[0] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

/* Of what ends like one nothing but an address was meant: `10.0.0.300`, `0x7f.1`. */
static bool ends_in_number(Str s) {
    ptrdiff_t dot;
    while ((dot = str_find(s, STR("."))) >= 0)
        s = str_slice(s, (size_t)dot + 1, s.len);
    return s.len && s.p[0] >= '0' && s.p[0] <= '9' &&
           (s.len == 1 || s.p[1] == 'x' || (s.p[s.len - 1] >= '0' && s.p[s.len - 1] <= '9'));
}

/* Takes `:PORT` from the end, and the brackets before it. */
static bool take_port(Str *text, uint16_t *ret_port) {
    uint64_t port;
    Str s = *text;
    bool brackets = s.len && s.p[0] == '[';
    const char *end = brackets ? memchr(s.p, ']', s.len) : memchr(s.p, ':', s.len);
    if (brackets && !end)
        return false;
    if (!end || (!brackets && memchr(end + 1, ':', (size_t)(s.p + s.len - end) - 1)))
        return true; /* no port; or an IPv6 address without brackets */
    size_t at = (size_t)(end - s.p);
    *text = str_slice(s, brackets, at);
    s = str_slice(s, at + brackets, s.len);
    if (s.len == 0 && brackets)
        return true;
    if (s.len < 2 || s.p[0] != ':' || !str_to_u64(str_slice(s, 1, s.len), &port) || port == 0 ||
        port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool read_range(Str s, Entry *e) {
    uint64_t bits = BITS_MAX;
    ptrdiff_t slash = str_find(s, STR("/"));
    bool v6 = str_find(s, STR(":")) >= 0;
    if (!egress_address(slash < 0 ? s : str_slice(s, 0, (size_t)slash), e->address))
        return false;
    if (slash >= 0) {
        if (!str_to_u64(str_slice(s, (size_t)slash + 1, s.len), &bits) || bits > (v6 ? 128 : 32))
            return false;
        bits += v6 ? 0 : BITS_V4;
    }
    e->bits = (unsigned)bits;
    return true;
}

static bool read_entry(Str text, Entry *ret) {
    Entry e = { .name = STR(""), .bits = BITS_MAX };
    if (!take_port(&text, &e.port))
        return false;
    if (!read_range(text, &e)) {
        e.below = str_starts(text, STR("*."));
        e.name = e.below ? str_slice(text, 2, text.len) : text;
        if (!is_name(e.name) || ends_in_number(e.name))
            return false;
    }
    *ret = e;
    return true;
}

bool egress_is_entry(Str text) {
    Entry e;
    return read_entry(text, &e);
}

/* ---- what fits --------------------------------------------------------------------------------------------------------- */

static bool same_letters(Str x, Str lower) {
    for (size_t i = 0; i < lower.len; i++) {
        char c = x.p[i];
        if ((c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c) != lower.p[i])
            return false;
    }
    return true;
}

static bool fits_name(const Entry *e, Str host) {
    if (host.len && host.p[host.len - 1] == '.')
        host.len--;
    if (!e->below)
        return host.len == e->name.len && same_letters(host, e->name);
    return host.len > e->name.len + 1 && host.p[host.len - e->name.len - 1] == '.' &&
           same_letters(str_slice(host, host.len - e->name.len, host.len), e->name);
}

static bool fits(const Entry *e, const EgressTarget *t) {
    if (e->port && e->port != t->port)
        return false;
    return e->name.len ? fits_name(e, t->host) : has_prefix(t->address, e->address, e->bits);
}

/* How exactly the best entry of the list fits: twice its bits, and one more for a port; -1: none does. */
static int best_fit(const Str *entries, size_t n, const EgressTarget *t, Str *ret_entry) {
    int best = -1;
    for (size_t i = 0; i < n; i++) {
        Entry e;
        if (!read_entry(entries[i], &e) || !fits(&e, t))
            continue;
        int fit = (int)e.bits * 2 + (e.port != 0);
        if (fit > best) {
            best = fit;
            *ret_entry = entries[i];
        }
    }
    return best;
}

/* IANA's special-purpose registries, and what clouds have their metadata at; the first that fits counts. */
static const struct {
    const char *range, *what;
} special[] = {
    { "127.0.0.0/8", "loopback" },
    { "169.254.0.0/16", "link-local" },
    { "10.0.0.0/8", "private" },
    { "172.16.0.0/12", "private" },
    { "192.168.0.0/16", "private" },
    { "100.64.0.0/10", "private (carriers)" },
    { "168.63.129.16/32", "metadata of a cloud" },
    { "0.0.0.0/8", "this machine's own" },
    { "192.0.0.0/24", "reserved" },
    { "192.0.2.0/24", "for documentation" },
    { "192.88.99.0/24", "reserved" },
    { "198.18.0.0/15", "for benchmarks" },
    { "198.51.100.0/24", "for documentation" },
    { "203.0.113.0/24", "for documentation" },
    { "224.0.0.0/4", "multicast" },
    { "240.0.0.0/4", "reserved" },
    { "::ffff:0:0/96", NULL }, /* the rest of IPv4 is public */
    { "::1/128", "loopback" },
    { "fc00::/7", "private" },
    { "fe80::/10", "link-local" },
    { "fec0::/10", "private" },
    { "ff00::/8", "multicast" },
    { "2001:db8::/32", "for documentation" },
    { "2001::/23", "reserved" }, /* Teredo too, which carries an IPv4 address */
    { "3fff::/20", "for documentation" },
    { "2000::/3", NULL }, /* what is given out */
    { "::/0", "reserved" },
};

static const char *kind_of(const uint8_t address[16]) {
    for (size_t i = 0; i < ARRAY_LEN(special); i++) {
        Entry e = { 0 };
        bool good = read_range(str_from(special[i].range), &e);
        ASSERT(good);
        if (has_prefix(address, e.address, e.bits))
            return special[i].what;
    }
    UNREACHABLE("::/0 holds every address");
}

EgressVerdict egress_decide(const Egress *policy, const EgressTarget *target) {
    EgressTarget t = *target;
    unwrap(t.address);
    EgressVerdict v = { .entry = STR(""), .range = kind_of(t.address) };
    Str allow = STR(""), deny = STR("");
    int allowed = policy ? best_fit(policy->allow, policy->n_allow, &t, &allow) : -1;
    int denied = policy ? best_fit(policy->deny, policy->n_deny, &t, &deny) : -1;
    if (allowed < 0 && denied < 0) {
        v.allowed = !t.of_data || !v.range || MUTANT(egress_open);
        return v;
    }
    v.allowed = allowed > denied;
    v.entry = v.allowed ? allow : deny;
    return v;
}

/* ---- copies ------------------------------------------------------------------------------------------------------------ */

static Str *copy_texts(const Str *texts, size_t n, Arena *a) {
    Str *copy = ARENA_ARRAY(a, Str, n);
    for (size_t i = 0; i < n; i++)
        copy[i] = arena_str(a, texts[i]);
    return copy;
}

Egress egress_copy(const Egress *from, Arena *a) {
    return (Egress){ .allow = copy_texts(from->allow, from->n_allow, a),
                     .deny = copy_texts(from->deny, from->n_deny, a),
                     .n_allow = from->n_allow,
                     .n_deny = from->n_deny };
}
