/* Base64, JSON, and text as it is shown and counted. */
#include "cel/function.h"

#include "base/base64.h"
#include "base/json.h"

Value fn_base64_encode(Eval *ev, const Value *args, size_t n) {
    (void)n;
    size_t len = args[0].len, out_len = base64_room(len);
    char *out = take(ev, out_len);
    if (!out || !charge_bytes(ev, len))
        return VALUE_ABSENT;
    base64_write((Str){ args[0].s, len }, out);
    return value_str((Str){ out, out_len });
}

Value fn_base64_decode(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Str s = value_as_str(args[0]);
    char *out = take(ev, s.len);
    if (!out || !charge_bytes(ev, s.len))
        return VALUE_ABSENT;
    ptrdiff_t len = base64_read(s, out);
    if (len < 0)
        return fail(ev, "this is not base64; its letters are A-Z a-z 0-9 + /");
    return (Value){ .type = V_BYTES, .len = (uint32_t)len, .s = out };
}

Value fn_to_json(Eval *ev, const Value *args, size_t n) {
    (void)n;
    if (!charge_value(ev, args[0]))
        return VALUE_ABSENT;
    Buf b = text_buf(ev);
    value_write(&b, args[0]);
    return text_of_buf(ev, &b);
}

Value fn_parse_json(Eval *ev, const Value *args, size_t n) {
    (void)n;
    /* A document of short items takes 16 bytes for two of text, and a map's entry 32 for seven. */
    enum { BYTES_PER_CHAR = 8 };
    Value v;
    JsonError error;
    Str text = value_as_str(args[0]);
    size_t used = ev->arena->used_bytes;
    if (used > ev->bytes_end || text.len > (ev->bytes_end - used) / BYTES_PER_CHAR)
        return fail_over(ev);
    if (!charge(ev, text.len / 8))
        return VALUE_ABSENT;
    if (json_read(ev->arena, text, &v, &error) == 0)
        return v;
    return fail(ev, "parseJson(): %s, at line %u column %u of the text", error.message, error.line,
                error.column);
}

/* The text of a value, or absent past the budget. */
static Value plain(Eval *ev, Value v) {
    if (v.type == V_STRING)
        return v;
    Value args[] = { v };
    return fn_to_json(ev, args, 1);
}

static Value unwrapped(Value v) { return v.type == V_OPTIONAL && v.opt ? *v.opt : v; }

/* What `${{ }}` inside a text would join: strings as they are, the rest as JSON. */
Value fn_text(Eval *ev, const Value *args, size_t n) {
    (void)n;
    return plain(ev, unwrapped(args[0]));
}

/* An estimate that is the same for every model: four bytes of text to a token. */
Value fn_tokens(Eval *ev, const Value *args, size_t n) {
    (void)n;
    Value text = plain(ev, unwrapped(args[0]));
    return value_absent(text) ? text : value_int(((int64_t)text.len + 3) / 4);
}
