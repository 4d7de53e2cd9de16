/*   v1,base64(HMAC-SHA256(secret, id "." seconds "." body))        standardwebhooks.com */
#include "exec/notice.h"

#include "base/base64.h"
#include "base/hash.h"
#include "base/limits.h"

/* The secret's own bytes; false if it is no base64. */
static bool key_of(Arena *a, Str secret, Str *ret_key) {
    if (str_starts(secret, STR("whsec_")))
        secret = str_slice(secret, 6, secret.len);
    char *bytes = arena_alloc(a, MAX(secret.len, (size_t)1));
    ptrdiff_t n = base64_read(secret, bytes);
    *ret_key = (Str){ bytes, (size_t)MAX(n, (ptrdiff_t)0) };
    return n > 0;
}

static Str next_secret(Str *rest) {
    while (rest->len && strchr(" \t\r\n", rest->p[0]))
        *rest = str_slice(*rest, 1, rest->len);
    size_t len = 0;
    while (len < rest->len && !strchr(" \t\r\n", rest->p[len]))
        len++;
    Str one = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len, rest->len);
    return one;
}

Str notice_signature(Arena *a, Str secrets, Str id, int64_t seconds, Str body) {
    Str head = arena_fmt(a, "%.*s.%lld.", STR_FMT(id), (long long)seconds), one, key;
    char *signed_text = arena_alloc(a, head.len + body.len);
    memcpy(signed_text, head.p, head.len);
    memcpy(signed_text + head.len, body.p, body.len);
    Buf b = BUF_INIT(4 * KIB);
    while ((one = next_secret(&secrets)).len) {
        if (!key_of(a, one, &key)) {
            buf_deinit(&b);
            return STR_NULL;
        }
        Hash mac = hash_hmac(key, (Str){ signed_text, head.len + body.len });
        char text[44];
        base64_write(hash_str(&mac), text);
        buf_fmt(&b, "%sv1,%.44s", b.len ? " " : "", text);
    }
    Str signature = b.len && !buf_over(&b) ? arena_str(a, buf_str(&b)) : STR_NULL;
    buf_deinit(&b);
    return signature;
}
