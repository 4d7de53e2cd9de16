/* Values as text. The canonical writer visits the entries of a map in the order of their keys: through the index where
 * the map has one, else by sorting a handful of pointers on the stack. */
#include "base/base64.h"
#include "base/json.h"
#include "base/json_text.h"
#include "base/limits.h"
#include "base/time.h"
#include "base/value.h"
#include "base/value_keys.h"

#include <stdlib.h>

typedef struct Writer {
    Buf *b;
    bool pretty;
} Writer;

enum { INTEGER_CHARS = 20 };

/* Writes digits up to `end` and gives where they start. */
static char *put_integer(char *end, uint64_t v) {
    do
        *--end = (char)('0' + v % 10);
    while (v /= 10);
    return end;
}

static void write_uint(Buf *b, uint64_t v) {
    char text[INTEGER_CHARS], *end = text + sizeof text;
    const char *at = put_integer(end, v);
    buf_add(b, at, (size_t)(end - at));
}

static void write_int(Buf *b, int64_t v) {
    char text[INTEGER_CHARS + 1], *end = text + sizeof text;
    char *at = put_integer(end, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    if (v < 0)
        *--at = '-';
    buf_add(b, at, (size_t)(end - at));
}

static void write_escape(Buf *b, unsigned char c) {
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
    };
    char text[6] = { '\\', 'u', '0', '0', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15] };
    char letter = c < 0x20 ? letters[c] : (char)c;
    if (letter)
        text[1] = letter;
    buf_add(b, text, letter ? 2 : 6);
}

/* The part of s, from its first byte, that is written as it is. */
static size_t verbatim_len(Str s) {
    size_t at = 0;
    while (at < s.len) {
        at += json_plain_prefix(s.p + at, s.len - at);
        if (at == s.len || (unsigned char)s.p[at] < 0x80)
            break;
        size_t len = str_sequence(str_slice(s, at, s.len));
        if (len == 0)
            break;
        at += len;
    }
    return at;
}

static void write_with_escapes(Buf *b, Str s) {
    buf_char(b, '"');
    for (size_t at = 0; at < s.len; at++) {
        Str rest = str_slice(s, at, s.len);
        size_t len = verbatim_len(rest);
        buf_add(b, rest.p, len);
        at += len;
        if (at == s.len)
            break;
        if ((unsigned char)s.p[at] < 0x80)
            write_escape(b, (unsigned char)s.p[at]);
        else
            buf_str_add(b, STR("\xEF\xBF\xBD"));
    }
    buf_char(b, '"');
}

void json_write_string(Buf *b, Str s) {
    char *at = buf_room(b, s.len + 2);
    /* Nearly every string is plain, and then it takes one look and one copy. */
    if (!at || s.len == 0 || json_plain_prefix(s.p, s.len) != s.len) {
        write_with_escapes(b, s);
        return;
    }
    at[0] = '"';
    memcpy(at + 1, s.p, s.len);
    at[s.len + 1] = '"';
    b->len += s.len + 2;
}

static void write_base64(Buf *b, Str s) {
    buf_char(b, '"');
    for (size_t at = 0; at < s.len && !buf_over(b); at += 48) {
        char letters[64];
        Str piece = str_slice(s, at, MIN(s.len, at + 48));
        base64_write(piece, letters);
        buf_add(b, letters, base64_room(piece.len));
    }
    buf_char(b, '"');
}

static void write_timestamp(Buf *b, Value v) {
    buf_char(b, '"');
    time_write(b, v.i, v.len);
    buf_char(b, '"');
}

static void write_duration(Buf *b, int64_t nanos) {
    uint64_t left = nanos < 0 ? 0 - (uint64_t)nanos : (uint64_t)nanos;
    uint64_t fraction = left % 1000000000;
    buf_str_add(b, nanos < 0 ? STR("\"-") : STR("\""));
    write_uint(b, left / 1000000000);
    if (fraction) {
        char text[10] = "", *end = text + sizeof text;
        /* The 1 in front keeps the leading zeros and becomes the point. */
        put_integer(end, fraction + 1000000000);
        text[0] = '.';
        while (end[-1] == '0')
            end--;
        buf_add(b, text, (size_t)(end - text));
    }
    buf_str_add(b, STR("s\""));
}

static void break_line(Writer w, unsigned depth) {
    if (!w.pretty)
        return;
    buf_char(w.b, '\n');
    for (unsigned i = 0; i < depth; i++)
        buf_str_add(w.b, STR("  "));
}

static void write_at(Writer w, Value v, unsigned depth);

static void write_list(Writer w, Value v, unsigned depth) {
    buf_char(w.b, '[');
    for (size_t i = 0; i < v.len && !buf_over(w.b); i++) {
        if (i)
            buf_char(w.b, ',');
        break_line(w, depth + 1);
        write_at(w, v.items[i], depth + 1);
    }
    if (v.len)
        break_line(w, depth);
    buf_char(w.b, ']');
}

/* The text of a key that is no string; `room` is INTEGER_CHARS + 1 bytes it may lie in. */
static Str key_text(Value key, char *room) {
    if (key.type == V_STRING)
        return value_as_str(key);
    if (key.type == V_BOOL)
        return key.b ? STR("true") : STR("false");
    bool negative = key.type == V_INT && key.i < 0;
    char *end = room + INTEGER_CHARS + 1, *at = put_integer(end, negative ? 0 - key.u : key.u);
    if (negative)
        *--at = '-';
    return (Str){ at, (size_t)(end - at) };
}

static void write_entry(Writer w, const ValueEntry *e, bool first, unsigned depth) {
    char room[INTEGER_CHARS + 1];
    if (!first)
        buf_char(w.b, ',');
    break_line(w, depth + 1);
    json_write_string(w.b, key_text(e->key, room));
    buf_char(w.b, ':');
    if (w.pretty)
        buf_char(w.b, ' ');
    write_at(w, e->value, depth + 1);
}

static void write_entries_as_they_are(Writer w, Value v, unsigned depth) {
    for (size_t i = 0; i < v.len && !buf_over(w.b); i++)
        write_entry(w, &v.map->entries[i], i == 0, depth);
}

static uint64_t first_four(const char *p) {
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return __builtin_bswap32(word);
}

/* The first eight bytes as a number that orders as they do; it decides between most keys in one comparison. */
static uint64_t key_head(Value key) {
    if (key.len >= 8)
        return first_four(key.s) << 32 | first_four(key.s + 4);
    if (key.len >= 4)
        return first_four(key.s) << 32 | first_four(key.s + key.len - 4) << (64 - 8 * key.len);
    uint64_t head = 0;
    for (size_t i = 0; i < key.len; i++)
        head |= (uint64_t)(unsigned char)key.s[i] << (56 - 8 * i);
    return head;
}

typedef struct HeadedEntry {
    uint64_t head;
    const ValueEntry *entry;
} HeadedEntry;

static bool comes_after(const HeadedEntry *a, const HeadedEntry *b) {
    if (a->head != b->head)
        return a->head > b->head;
    return value_key_order(a->entry->key, b->entry->key) > 0;
}

static void write_few_sorted(Writer w, Value v, unsigned depth) {
    HeadedEntry sorted[VALUE_MAP_SMALL];
    for (size_t i = 0; i < v.len; i++) {
        const ValueEntry *e = &v.map->entries[i];
        HeadedEntry moving = { key_head(e->key), e };
        size_t j = i;
        for (; j > 0 && comes_after(&sorted[j - 1], &moving); j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = moving;
    }
    for (size_t i = 0; i < v.len; i++)
        write_entry(w, sorted[i].entry, i == 0, depth);
}

static void write_indexed(Writer w, Value v, unsigned depth) {
    for (size_t i = 0; i < v.len && !buf_over(w.b); i++)
        write_entry(w, &v.map->entries[v.map->sorted[i]], i == 0, depth);
}

typedef struct TextKey {
    const ValueEntry *entry;
    Str text;
    char room[INTEGER_CHARS + 1];
} TextKey;

static int by_text_then_place(const void *a, const void *b) {
    const TextKey *x = *(const TextKey *const *)a, *y = *(const TextKey *const *)b;
    int order = str_cmp(x->text, y->text);
    return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

/* Keys of other types are strings in JSON and sort as such: "10" before "9"; and 1 and "1" become one key. */
static void write_by_text(Writer w, Value v, unsigned depth) {
    TextKey *keys = xmalloc(v.len * sizeof *keys);
    const TextKey **order = xmalloc(v.len * sizeof *order);
    for (size_t i = 0; i < v.len; i++) {
        keys[i].entry = &v.map->entries[i];
        keys[i].text = key_text(keys[i].entry->key, keys[i].room);
        order[i] = &keys[i];
    }
    qsort(order, v.len, sizeof *order, by_text_then_place);
    bool first = true;
    for (size_t i = 0; i < v.len; i++) {
        if (i + 1 < v.len && str_eq(order[i]->text, order[i + 1]->text))
            continue;
        write_entry(w, order[i]->entry, first, depth);
        first = false;
    }
    free(order);
    free(keys);
}

static bool only_string_keys(Value v) {
    /* Strings come last in the order of keys. */
    if (v.map->sorted)
        return v.map->entries[v.map->sorted[0]].key.type == V_STRING;
    for (size_t i = 0; i < v.len; i++)
        if (v.map->entries[i].key.type != V_STRING)
            return false;
    return true;
}

static void write_map(Writer w, Value v, unsigned depth) {
    buf_char(w.b, '{');
    if (v.len == 0)
        ;
    else if (w.pretty)
        write_entries_as_they_are(w, v, depth);
    else if (!only_string_keys(v))
        write_by_text(w, v, depth);
    else if (v.map->sorted)
        write_indexed(w, v, depth);
    else
        write_few_sorted(w, v, depth);
    if (v.len)
        break_line(w, depth);
    buf_char(w.b, '}');
}

static bool too_deep(Writer w, Value v, unsigned depth) {
    bool container = v.type == V_LIST || v.type == V_MAP || v.type == V_OPTIONAL;
    if (!container || depth < LIMIT_DEPTH)
        return false;
    w.b->over = true;
    return true;
}

static void write_at(Writer w, Value v, unsigned depth) {
    if (too_deep(w, v, depth))
        return;
    switch ((ValueType)v.type) {
    case V_ABSENT:
    case V_NULL: buf_str_add(w.b, STR("null")); return;
    case V_BOOL: buf_str_add(w.b, v.b ? STR("true") : STR("false")); return;
    case V_INT: write_int(w.b, v.i); return;
    case V_UINT: write_uint(w.b, v.u); return;
    case V_DOUBLE: json_write_double(w.b, v.d); return;
    case V_STRING:
    case V_TYPE:
    case V_NET: json_write_string(w.b, value_as_str(v)); return;
    case V_BYTES: write_base64(w.b, value_as_str(v)); return;
    case V_LIST: write_list(w, v, depth); return;
    case V_MAP: write_map(w, v, depth); return;
    case V_TIMESTAMP: write_timestamp(w.b, v); return;
    case V_DURATION: write_duration(w.b, v.i); return;
    case V_OPTIONAL: write_at(w, v.opt ? *v.opt : VALUE_NULL, depth + 1); return;
    }
    UNREACHABLE("every type has a text");
}

void value_write(Buf *b, Value v) { write_at((Writer){ .b = b }, v, 0); }

void value_write_pretty(Buf *b, Value v) { write_at((Writer){ .b = b, .pretty = true }, v, 0); }

Str value_text(Arena *a, Value v) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    value_write(&b, v);
    Str text = buf_over(&b) ? STR_NULL : arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

Str value_plain(Arena *a, Value v) {
    return v.type == V_STRING ? value_as_str(v) : value_text(a, v);
}
