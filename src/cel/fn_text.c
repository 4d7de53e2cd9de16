/* Functions of text. Positions count code points, as size() does; text that is all ASCII is indexed directly. */
#include "cel/function.h"

static Str text_arg(Value v) { return value_as_str(v); }

Value new_text(Eval *ev, const char *p, size_t n) {
    char *copy = take(ev, n);
    if (!copy || !charge_bytes(ev, n))
        return VALUE_ABSENT;
    memcpy(copy, p, n);
    return value_str((Str){ copy, n });
}

Buf text_buf(const Eval *ev) {
    size_t used = ev->arena->used_bytes;
    return BUF_INIT(used < ev->bytes_end ? ev->bytes_end - used : 1);
}

Value text_of_buf(Eval *ev, Buf *b) {
    Value v = buf_over(b) ? fail_over(ev) : new_text(ev, buf_str(b).p, buf_str(b).len);
    buf_deinit(b);
    return v;
}

/* A part of a text that lives as long as the text. */
static Value part(Str s, size_t from, size_t to) { return value_str(str_slice(s, from, to)); }

/* The byte at which code point `position` starts (the length for the one after the last); false beyond that. */
static bool byte_of(Str s, int64_t position, size_t *ret_at) {
    if (position < 0)
        return false;
    size_t at = 0;
    for (int64_t i = 0; i < position; i++) {
        if (at == s.len)
            return false;
        str_next_codepoint(s, &at);
    }
    *ret_at = at;
    return true;
}

static Value fail_position(Eval *ev, int64_t position, Str s) {
    return fail(ev, "position %lld is outside of the text of %zu characters", (long long)position,
                str_codepoints(s));
}

Value fn_contains(Eval *ev, const Value *args, size_t n) {
    (void)n;
    if (!charge_bytes(ev, args[0].len))
        return VALUE_ABSENT;
    return value_bool(str_find(text_arg(args[0]), text_arg(args[1])) >= 0);
}

Value fn_starts_with(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return value_bool(str_starts(text_arg(args[0]), text_arg(args[1])));
}

Value fn_ends_with(Eval *ev, const Value *args, size_t n) {
    (void)ev, (void)n;
    return value_bool(str_ends(text_arg(args[0]), text_arg(args[1])));
}

Value fn_char_at(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Str s = text_arg(args[0]);
    size_t at;
    if (!charge_bytes(ev, s.len))
        return VALUE_ABSENT;
    if (!byte_of(s, args[1].i, &at))
        return fail_position(ev, args[1].i, s);
    size_t end = at;
    if (at < s.len)
        str_next_codepoint(s, &end);
    return part(s, at, end);
}

static Value position_of(Str s, size_t at) {
    return value_int((int64_t)str_codepoints(str_slice(s, 0, at)));
}

Value fn_index_of(Eval *ev, const Value *args, size_t n) {
    Str s = text_arg(args[0]);
    size_t from = 0;
    if (!charge_bytes(ev, s.len))
        return VALUE_ABSENT;
    if (n == 3 && !byte_of(s, args[2].i, &from))
        return fail_position(ev, args[2].i, s);
    ptrdiff_t found = str_find(str_slice(s, from, s.len), text_arg(args[1]));
    return found < 0 ? value_int(-1) : position_of(s, from + (size_t)found);
}

Value fn_last_index_of(Eval *ev, const Value *args, size_t n) {
    Str s = text_arg(args[0]), wanted = text_arg(args[1]);
    size_t last = s.len;
    if (n == 3 && !byte_of(s, args[2].i, &last))
        return fail_position(ev, args[2].i, s);
    if (wanted.len > s.len)
        return value_int(-1);
    for (size_t at = MIN(last, s.len - wanted.len) + 1; at-- > 0;) {
        if (!charge(ev, 1))
            return VALUE_ABSENT;
        if (memcmp(s.p + at, wanted.p, wanted.len) == 0)
            return position_of(s, at);
    }
    return value_int(-1);
}

Value fn_substring(Eval *ev, const Value *args, size_t n) {
    Str s = text_arg(args[0]);
    size_t from, to = s.len;
    if (!charge_bytes(ev, s.len))
        return VALUE_ABSENT;
    if (!byte_of(s, args[1].i, &from))
        return fail_position(ev, args[1].i, s);
    if (n == 3 && !byte_of(s, args[2].i, &to))
        return fail_position(ev, args[2].i, s);
    return from <= to ? part(s, from, to)
                      : fail(ev, "substring() ends before it begins: %lld, %lld",
                             (long long)args[1].i, (long long)args[2].i);
}

static bool is_space(uint32_t c) {
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

Value fn_trim(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Str s = text_arg(args[0]);
    if (!charge_bytes(ev, s.len))
        return VALUE_ABSENT;
    size_t from = 0, to = 0;
    bool begun = false;
    for (size_t at = 0; at < s.len;) {
        size_t start = at;
        if (is_space(str_next_codepoint(s, &at)))
            continue;
        if (!begun)
            from = start;
        begun = true;
        to = at;
    }
    return part(s, from, MAX(from, to));
}

static Value with_case(Eval *ev, Value v, char first, char last, char flip) {
    Value copy = new_text(ev, v.s, v.len);
    if (value_absent(copy))
        return copy;
    char *p = (char *)copy.s;
    for (size_t i = 0; i < copy.len; i++)
        if (p[i] >= first && p[i] <= last)
            p[i] = (char)(p[i] ^ flip);
    return copy;
}

Value fn_lower_ascii(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return with_case(ev, args[0], 'A', 'Z', 0x20);
}

Value fn_upper_ascii(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return with_case(ev, args[0], 'a', 'z', 0x20);
}

Value fn_reverse_text(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Value copy = new_text(ev, args[0].s, args[0].len);
    if (value_absent(copy))
        return copy;
    Str s = text_arg(args[0]);
    char *end = (char *)copy.s + copy.len;
    for (size_t at = 0; at < s.len;) {
        size_t start = at;
        str_next_codepoint(s, &at);
        end -= at - start;
        memcpy(end, s.p + start, at - start);
    }
    return copy;
}

Value fn_join(Eval *ev, const Value *args, size_t n) {
    Buf b = text_buf(ev);
    for (uint32_t i = 0; i < args[0].len; i++) {
        Value item = args[0].items[i];
        if (item.type != V_STRING) {
            buf_deinit(&b);
            return fail(
                ev,
                "join() takes strings, and element %u is a %s; write x.map(item, text(item)).join(', ')",
                i, type_word(item));
        }
        if (!charge(ev, 1))
            break;
        if (i && n == 2)
            buf_str_add(&b, text_arg(args[1]));
        buf_str_add(&b, text_arg(item));
    }
    if (ev->over) {
        buf_deinit(&b);
        return VALUE_ABSENT;
    }
    return text_of_buf(ev, &b);
}

/* The next piece of `s` from *at up to a separator (each character for an empty one); false after the last. */
static bool next_piece(Str s, Str separator, size_t *at, Str *ret_piece) {
    if (!separator.len) {
        size_t start = *at;
        if (start >= s.len)
            return false;
        str_next_codepoint(s, at);
        *ret_piece = str_slice(s, start, *at);
        return true;
    }
    if (*at > s.len)
        return false;
    Str rest = str_slice(s, *at, s.len);
    ptrdiff_t found = str_find(rest, separator);
    *ret_piece = found < 0 ? rest : str_slice(rest, 0, (size_t)found);
    *at = found < 0 ? s.len + 1 : *at + (size_t)found + separator.len;
    return true;
}

Value fn_split(Eval *ev, const Value *args, size_t n) {
    Str s = text_arg(args[0]), separator = text_arg(args[1]);
    size_t limit = n == 3 && args[2].i >= 0 ? (size_t)args[2].i : SIZE_MAX;
    ListBuilder pieces = list_builder(ev->arena);
    if (limit == 0 || !charge_bytes(ev, s.len))
        return ev->over ? VALUE_ABSENT : VALUE_EMPTY_LIST;
    Str piece;
    for (size_t at = 0, before = 0; next_piece(s, separator, &at, &piece); before = at) {
        if (pieces.n + 1 == limit) {
            list_add(&pieces, part(s, before, s.len));
            break;
        }
        list_add(&pieces, value_str(piece));
        if (!charge(ev, 1) || !take(ev, 0))
            return VALUE_ABSENT;
    }
    return list_done(&pieces);
}

static void replace_in(Buf *b, Str s, Str old, Str new, size_t limit) {
    Str piece;
    size_t done = 0;
    for (size_t at = 0, before = 0; done <= limit && next_piece(s, old, &at, &piece); before = at) {
        bool last = done == limit || at > s.len;
        buf_str_add(b, last ? str_slice(s, before, s.len) : piece);
        if (last)
            return;
        buf_str_add(b, new);
        done++;
    }
}

Value fn_replace(Eval *ev, const Value *args, size_t n) {
    Str s = text_arg(args[0]), old = text_arg(args[1]), new = text_arg(args[2]);
    size_t limit = n == 4 && args[3].i >= 0 ? (size_t)args[3].i : SIZE_MAX;
    if (limit == 0 || !charge_bytes(ev, s.len))
        return ev->over ? VALUE_ABSENT : args[0];
    Buf b = text_buf(ev);
    if (!old.len && limit--)
        buf_str_add(&b, new);
    replace_in(&b, s, old, new, limit);
    return text_of_buf(ev, &b);
}

static void quote_char(Buf *b, char c) {
    static const char escaped[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
    const char *found = c ? strchr(escaped, c) : NULL;
    if (found) {
        buf_char(b, '\\');
        c = letters[found - escaped];
    }
    buf_char(b, c);
}

Value fn_quote(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Buf b = text_buf(ev);
    buf_char(&b, '"');
    for (uint32_t i = 0; i < args[0].len; i++)
        quote_char(&b, args[0].s[i]);
    buf_char(&b, '"');
    return text_of_buf(ev, &b);
}
