/* Addresses of the internet and ranges of them: ip('10.0.0.1'), cidr('10.0.0.0/8').
 *
 * A value of this type is its one text (RFC 5952 for the longer kind), so two that are the same have the same text, and
 * whatever stores or compares values needs to know nothing more. The functions read the text again: it is short.
 *
 * An address of version 4 written as one of version 6 (::ffff:c0a8:1) is the address of version 4. Its half-dotted spelling
 * (::ffff:192.168.0.1) is refused, and so are zones (fe80::1%en0) and leading zeros: other readers differ on them. */
#include "cel/function.h"

#include <stdio.h>

typedef struct Net {
    uint8_t bytes[16];
    unsigned n; /* 4 or 16 */
    int prefix; /* bits of a range, -1 of an address */
} Net;

/* ---- reading ---- */

/* Decimal without leading zeros, at most `max`, at *at. */
static bool read_decimal(Str s, size_t *at, unsigned max, unsigned *ret) {
    size_t start = *at;
    unsigned value = 0;
    while (*at < s.len && s.p[*at] >= '0' && s.p[*at] <= '9' && *at - start < 3)
        value = value * 10 + (unsigned)(s.p[(*at)++] - '0');
    *ret = value;
    size_t digits = *at - start;
    return digits && value <= max && (digits == 1 || s.p[start] != '0');
}

static bool read_dotted(Str s, uint8_t *bytes) {
    size_t at = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned value;
        if (i && (at == s.len || s.p[at++] != '.'))
            return false;
        if (!read_decimal(s, &at, 255, &value))
            return false;
        bytes[i] = (uint8_t)value;
    }
    return at == s.len;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_group(Str s, size_t *at, uint8_t *bytes) {
    unsigned value = 0;
    size_t start = *at;
    for (; *at < s.len && *at - start < 4 && hex_digit(s.p[*at]) >= 0; ++*at)
        value = value << 4 | (unsigned)hex_digit(s.p[*at]);
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
    return *at > start;
}

/* Groups of four digits between colons; the `::` is found first and filled at the end. */
static bool read_groups(Str s, uint8_t *bytes) {
    size_t at = 0, n = 0, gap = SIZE_MAX;
    if (str_starts(s, STR("::"))) {
        gap = 0;
        at = 2;
    }
    while (at < s.len) {
        Str rest = str_slice(s, at, s.len);
        if (n <= 12 && str_find(rest, STR(".")) >= 0 && str_find(rest, STR(":")) < 0) {
            if (!read_dotted(rest, bytes + n))
                return false;
            n += 4;
            break;
        }
        if (n == 16 || !read_group(s, &at, bytes + n))
            return false;
        n += 2;
        if (at == s.len)
            break;
        if (s.p[at++] != ':' || at == s.len)
            return false;
        if (s.p[at] == ':') {
            if (gap != SIZE_MAX)
                return false;
            gap = n;
            at++;
        }
    }
    if (gap == SIZE_MAX)
        return n == 16;
    if (n > 14)
        return false;
    memmove(bytes + 16 - (n - gap), bytes + gap, n - gap);
    memset(bytes + gap, 0, 16 - n);
    return true;
}

static bool is_mapped(const uint8_t *bytes) {
    static const uint8_t start[12] = { [10] = 0xff, [11] = 0xff };
    return memcmp(bytes, start, sizeof start) == 0;
}

static bool read_address(Str s, Net *ret) {
    Net net = { .n = 4, .prefix = -1 };
    if (s.len > 45) /* the longest there is, with eight groups and dots */
        return false;
    if (str_find(s, STR(":")) < 0) {
        if (!read_dotted(s, net.bytes))
            return false;
        *ret = net;
        return true;
    }
    net.n = 16;
    if (!read_groups(s, net.bytes))
        return false;
    if (is_mapped(net.bytes)) {
        if (str_find(s, STR(".")) >= 0)
            return false;
        memmove(net.bytes, net.bytes + 12, 4);
        memset(net.bytes + 4, 0, 12);
        net.n = 4;
    }
    *ret = net;
    return true;
}

static bool read_range(Str s, Net *ret) {
    ptrdiff_t slash = str_find(s, STR("/"));
    if (slash < 0)
        return false;
    Str address = str_slice(s, 0, (size_t)slash);
    size_t at = (size_t)slash + 1;
    unsigned bits;
    Net net = { 0 };
    if (!read_address(address, &net) || !read_decimal(s, &at, 128, &bits) || at != s.len)
        return false;
    if (net.n == 4 && str_find(address, STR(":")) >= 0) {
        if (bits < 96)
            return false;
        bits -= 96;
    }
    net.prefix = (int)bits;
    *ret = net;
    return bits <= 8 * net.n;
}

/* ---- writing ---- */

/* The longest run of two or more zero groups, the first of equals: that is what `::` stands for. */
static unsigned find_gap(const Net *net, unsigned *ret_length) {
    unsigned best = 0;
    *ret_length = 1;
    for (unsigned i = 0; i < 8; i++) {
        unsigned length = 0;
        while (i + length < 8 && !net->bytes[2 * (i + length)] && !net->bytes[2 * (i + length) + 1])
            length++;
        if (length > *ret_length) {
            *ret_length = length;
            best = i;
        }
        i += length;
    }
    if (*ret_length == 1)
        *ret_length = 0;
    return best;
}

static void write_groups(Buf *b, const Net *net) {
    unsigned length, gap = find_gap(net, &length);
    for (unsigned i = 0; i < 8; i++) {
        if (length && i == gap) {
            buf_str_add(b, STR("::"));
            i += length - 1;
            continue;
        }
        if (i && !(length && i == gap + length))
            buf_char(b, ':');
        buf_fmt(b, "%x", (unsigned)net->bytes[2 * i] << 8 | net->bytes[2 * i + 1]);
    }
}

static void write_net(Buf *b, const Net *net) {
    if (net->n == 4)
        buf_fmt(b, "%u.%u.%u.%u", net->bytes[0], net->bytes[1], net->bytes[2], net->bytes[3]);
    else
        write_groups(b, net);
    if (net->prefix >= 0)
        buf_fmt(b, "/%d", net->prefix);
}

static Value net_value(Eval *ev, const Net *net) {
    Buf b = text_buf(ev);
    write_net(&b, net);
    Value v = text_of_buf(ev, &b);
    if (!value_absent(v))
        v.type = V_NET;
    return v;
}

/* ---- what a call is given ---- */

static Value fail_text(Eval *ev, Value v, const char *what) {
    return fail(ev, "cannot read %s from '%.*s'", what, (int)MIN(v.len, 50u), v.s);
}

/* An address: a value, or a text that says one. */
static bool address_of(Eval *ev, Value v, Net *ret) {
    if (read_address(value_as_str(v), ret))
        return true;
    if (v.type == V_NET)
        fail(ev, "%.*s is a range here and should be an address; write x.ip()",
             STR_FMT(value_as_str(v)));
    else
        fail_text(ev, v, "an address; write it as 192.0.2.1 or 2001:db8::1");
    return false;
}

static bool range_of(Eval *ev, Value v, Net *ret) {
    if (read_range(value_as_str(v), ret))
        return true;
    if (v.type == V_NET)
        fail(ev, "%.*s is one address here and should be a range; write cidr('...')",
             STR_FMT(value_as_str(v)));
    else
        fail_text(ev, v, "a range of addresses; write it as 10.0.0.0/8");
    return false;
}

static void mask(Net *net) {
    for (int bit = net->prefix; bit < (int)(8 * net->n); bit++)
        net->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

/* Whether `inner` lies in `range`, an address being a range of one. */
static bool holds(const Net *range, const Net *inner) {
    if (range->n != inner->n || (inner->prefix >= 0 && inner->prefix < range->prefix))
        return false;
    Net a = *range, b = *inner;
    b.prefix = range->prefix;
    mask(&a);
    mask(&b);
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

/* ---- functions ---- */

/* ip('10.0.0.1'); of a range the address it was written with. */
Value fn_ip(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Net net;
    bool good = args[0].type == V_NET ? range_of(ev, args[0], &net) : address_of(ev, args[0], &net);
    net.prefix = -1;
    return good ? net_value(ev, &net) : VALUE_ABSENT;
}

Value fn_cidr(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Net net;
    return range_of(ev, args[0], &net) ? net_value(ev, &net) : VALUE_ABSENT;
}

Value fn_is_ip(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    Net net;
    return value_bool(read_address(value_as_str(args[0]), &net));
}

Value fn_is_cidr(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    Net net;
    return value_bool(read_range(value_as_str(args[0]), &net));
}

Value fn_ip_is_canonical(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Net net;
    if (!address_of(ev, args[0], &net))
        return VALUE_ABSENT;
    Value canonical = net_value(ev, &net);
    return value_absent(canonical)
               ? canonical
               : value_bool(str_eq(value_as_str(canonical), value_as_str(args[0])));
}

Value fn_masked(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Net net;
    if (!range_of(ev, args[0], &net))
        return VALUE_ABSENT;
    mask(&net);
    return net_value(ev, &net);
}

Value fn_prefix_length(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Net net;
    return range_of(ev, args[0], &net) ? value_int(net.prefix) : VALUE_ABSENT;
}

Value fn_contains_ip(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Net range, address;
    return range_of(ev, args[0], &range) && address_of(ev, args[1], &address)
               ? value_bool(holds(&range, &address))
               : VALUE_ABSENT;
}

Value fn_contains_cidr(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Net range, inner;
    return range_of(ev, args[0], &range) && range_of(ev, args[1], &inner)
               ? value_bool(holds(&range, &inner))
               : VALUE_ABSENT;
}

/* What an address is for (RFC 1122, 3927, 4291). Private addresses are global unicast, as the specification has it: ask
 * cidr('10.0.0.0/8').containsIP(x) for those. */
static bool is_loopback(const Net *a) {
    static const uint8_t one[16] = { [15] = 1 };
    return a->n == 4 ? a->bytes[0] == 127 : memcmp(a->bytes, one, 16) == 0;
}
static bool is_unspecified(const Net *a) {
    static const uint8_t zero[16];
    return memcmp(a->bytes, zero, 16) == 0;
}
static bool is_multicast(const Net *a) {
    return a->n == 4 ? a->bytes[0] >> 4 == 0xe : a->bytes[0] == 0xff;
}
static bool is_link_local(const Net *a) {
    return a->n == 4 ? a->bytes[0] == 169 && a->bytes[1] == 254
                     : a->bytes[0] == 0xfe && a->bytes[1] >> 6 == 2;
}
static bool is_local_multicast(const Net *a) {
    return a->n == 4 ? a->bytes[0] == 224 && !a->bytes[1] && !a->bytes[2]
                     : a->bytes[0] == 0xff && (a->bytes[1] & 0x0f) == 2;
}
static bool is_global(const Net *a) {
    static const uint8_t broadcast[4] = { 255, 255, 255, 255 };
    return !(a->n == 4 && memcmp(a->bytes, broadcast, 4) == 0) && !is_unspecified(a) &&
           !is_loopback(a) && !is_multicast(a) && !is_link_local(a);
}

#define OF_ADDRESS(name, answer)                                                                   \
    Value name(Eval *ev, const Value *args, size_t n) {                                            \
        (void)n;                                                                                   \
        Net a;                                                                                     \
        return address_of(ev, args[0], &a) ? answer : VALUE_ABSENT;                                \
    }
OF_ADDRESS(fn_family, value_int(a.n == 4 ? 4 : 6))
OF_ADDRESS(fn_is_loopback, value_bool(is_loopback(&a)))
OF_ADDRESS(fn_is_unspecified, value_bool(is_unspecified(&a)))
OF_ADDRESS(fn_is_link_local, value_bool(is_link_local(&a)))
OF_ADDRESS(fn_is_local_multicast, value_bool(is_local_multicast(&a)))
OF_ADDRESS(fn_is_global, value_bool(is_global(&a)))
