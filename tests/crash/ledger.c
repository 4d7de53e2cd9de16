/* ledger: the world outside, in the crash tests. It is told of every effect and writes it down, on the disk, before it
 * answers; afterwards nobody has to believe the engine. A file of lines, one for each time it was called:
 *
 *   {"n":7,"ms":1763692800000,"what":"effect","class":"keyed","run":"r12","step":"s3[1]","attempt":"1","key":"k","input":{}}
 *
 *   ledger append FILE FLAKY CLASS [GATE]   as a command: names and key from the environment, input on stdin, {"n":N} on stdout
 *   ledger serve FILE FLAKY [GATE]          as a server on 127.0.0.1: POST /CLASS, names in headers; prints its port
 *
 * `keyed` and `idempotent` honour keys: a call with a known key is answered like the first one and written down as a
 * "replay". Anything else happens as often as it is asked for.
 *
 * In the folder GATE a file hold-CLASS-POINT holds a call of that class up at that point: before (as if it had not come), during
 * (it has come and nothing is done yet), after (it is done and nothing is said yet). Who is held up writes its process id to
 * at-CLASS-POINT and goes on when the hold is gone; what was held up before is then dropped.
 *
 * It is as unreliable as the world: the first call of FLAKY percent of the steps is turned away (exit 75, 429; "refused"),
 * and of as many it happens and the answer is lost (killed, connection closed). Commands and server append under one
 * lock on the file. */
#define _GNU_SOURCE /* memmem, strcasestr */
#include "base/hash.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES_MAX 16384
#define REQUEST_BYTES_MAX 65536

typedef struct Call {
    char class[16], run[128], step[256], key[128], attempt[16];
    char input[TEXT_BYTES_MAX]; /* JSON in one line */
} Call;

typedef enum Answer { ANSWER_GIVEN, ANSWER_LOST, TURNED_AWAY } Answer;

typedef struct Book {
    const char *file;
    uint64_t flaky;   /* percent */
    const char *gate; /* NULL: none */
} Book;

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* ---- what is known already ---- */

typedef struct Known {
    const char *text;
    size_t len;
    unsigned long lines, first_effect; /* line of the first effect with this key, 0: none */
    bool step_seen;
} Known;

static bool has(const char *line, size_t len, const char *name, const char *value) {
    char want[400];
    int n = snprintf(want, sizeof want, "\"%s\":\"%s\"", name, value);
    return memmem(line, len, want, (size_t)n) != NULL;
}

static void look(Known *k, const Call *c) {
    for (size_t at = 0; at < k->len;) {
        const char *line = k->text + at;
        const char *end = memchr(line, '\n', k->len - at);
        size_t len = end ? (size_t)(end - line) : k->len - at;
        k->lines++;
        k->step_seen |= has(line, len, "run", c->run) && has(line, len, "step", c->step);
        if (!k->first_effect && memmem(line, len, "\"what\":\"effect\"", 15) &&
            has(line, len, "key", c->key))
            k->first_effect = k->lines;
        at += len + 1;
    }
}

static Known read_known(int fd, const Call *c) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        die("ledger: fstat");
    Known k = { .len = (size_t)st.st_size };
    if (k.len == 0)
        return k;
    void *text = mmap(NULL, k.len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED)
        die("ledger: mmap");
    k.text = text;
    look(&k, c);
    munmap(text, k.len);
    return k;
}

/* ---- writing it down ---- */

static void write_line(int fd, const Call *c, const Known *k, const char *what) {
    static char line[TEXT_BYTES_MAX + 1024];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int n = snprintf(line, sizeof line,
                     "{\"n\":%lu,\"ms\":%lld,\"what\":\"%s\",\"class\":\"%s\",\"run\":\"%s\","
                     "\"step\":\"%s\",\"attempt\":\"%s\",\"key\":\"%s\",\"input\":%s}\n",
                     k->lines + 1, (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000, what,
                     c->class, c->run, c->step, c->attempt, c->key, *c->input ? c->input : "null");
    if (write(fd, line, (size_t)n) != n || fdatasync(fd) != 0)
        die("ledger: write");
}

/* True if the call was held up there. */
static bool pass_gate(const Book *book, const char *class, const char *point) {
    char hold[600], at[600], moved[620];
    if (!book->gate)
        return false;
    snprintf(hold, sizeof hold, "%s/hold-%s-%s", book->gate, class, point);
    snprintf(at, sizeof at, "%s/at-%s-%s", book->gate, class, point);
    snprintf(moved, sizeof moved, "%s.new", at);
    if (access(hold, F_OK) != 0)
        return false;
    FILE *f = fopen(moved, "w");
    if (!f || fprintf(f, "%d", (int)getpid()) < 0 || fclose(f) != 0 || rename(moved, at) != 0)
        die(at);
    while (access(hold, F_OK) == 0)
        usleep(2000);
    return true;
}

/* The number of the effect in *ret_n, unless the call was turned away. */
static Answer take(const Book *book, const Call *c, unsigned long *ret_n) {
    int fd = open(book->file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        die(book->file);
    Known k = read_known(fd, c);
    bool honours_keys = strcmp(c->class, "keyed") == 0 || strcmp(c->class, "idempotent") == 0;
    bool replay = honours_keys && *c->key && k.first_effect;
    uint64_t luck = k.step_seen ? 100 : hash_fast(str_from(c->key), 0) % 100;
    bool refused = luck < book->flaky;
    write_line(fd, c, &k, refused ? "refused" : replay ? "replay" : "effect");
    close(fd);
    pass_gate(book, c->class, "after");
    *ret_n = replay ? k.first_effect : k.lines + 1;
    return refused ? TURNED_AWAY : luck < 2 * book->flaky ? ANSWER_LOST : ANSWER_GIVEN;
}

/* ---- as a command ---- */

static void copy_text(char *to, size_t room, const char *from) {
    snprintf(to, room, "%s", from ? from : "");
    if (strpbrk(to, "\"\\\n"))
        die("ledger: a name that JSON would have to escape");
}

static void read_input(char *to, size_t room) {
    size_t len = 0;
    ssize_t n;
    while (len < room - 1 && (n = read(0, to + len, room - 1 - len)) > 0)
        len += (size_t)n;
    to[len] = '\0';
    to[strcspn(to, "\n")] = '\0';
}

static int append(const Book *book, const char *class) {
    static Call c;
    copy_text(c.class, sizeof c.class, class);
    copy_text(c.run, sizeof c.run, getenv("BATON_RUN_ID"));
    copy_text(c.step, sizeof c.step, getenv("BATON_STEP"));
    copy_text(c.attempt, sizeof c.attempt, getenv("BATON_ATTEMPT"));
    copy_text(c.key, sizeof c.key, getenv("BATON_IDEMPOTENCY_KEY"));
    read_input(c.input, sizeof c.input);
    unsigned long n = 0;
    if (pass_gate(book, class, "before"))
        return 1;
    pass_gate(book, class, "during");
    switch (take(book, &c, &n)) {
    case ANSWER_GIVEN: printf("{\"n\":%lu}\n", n); return 0;
    case ANSWER_LOST: kill(getpid(), SIGKILL); return 1;
    case TURNED_AWAY: fputs("come back later\n", stderr); return 75;
    }
    return 1;
}

/* ---- as a server ---- */

typedef struct Reader {
    int fd;
    char bytes[REQUEST_BYTES_MAX];
    size_t len;
} Reader;

static bool read_more(Reader *r) {
    ssize_t n = r->len < sizeof r->bytes ? read(r->fd, r->bytes + r->len, sizeof r->bytes - r->len)
                                         : 0;
    r->len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void header(Str head, const char *name, char *to, size_t room) {
    *to = '\0';
    for (size_t at = 0, len = strlen(name); at + len < head.len; at++) {
        if (strncasecmp(head.p + at, name, len) != 0)
            continue;
        const char *value = head.p + at + len;
        snprintf(to, room, "%.*s", (int)strcspn(value, "\r"), value);
        return;
    }
}

/* The next request, its bytes taken from the reader; false when the connection is over or speaks nonsense. */
static bool read_request(Reader *r, Call *c) {
    char length[16];
    uint64_t body;
    ptrdiff_t end;
    while ((end = str_find((Str){ r->bytes, r->len }, STR("\r\n\r\n"))) < 0)
        if (!read_more(r))
            return false;
    Str head = { r->bytes, (size_t)end + 4 };
    header(head, "POST /", c->class, sizeof c->class);
    c->class[strcspn(c->class, " ")] = '\0';
    header(head, "\nx-run: ", c->run, sizeof c->run);
    header(head, "\nx-step: ", c->step, sizeof c->step);
    header(head, "\nidempotency-key: ", c->key, sizeof c->key);
    header(head, "\ncontent-length: ", length, sizeof length);
    if (!str_to_u64(str_from(length), &body) || body >= sizeof c->input)
        return false;
    while (r->len < head.len + body)
        if (!read_more(r))
            return false;
    snprintf(c->input, sizeof c->input, "%.*s", (int)body, r->bytes + head.len);
    r->len -= head.len + body;
    memmove(r->bytes, r->bytes + head.len + body, r->len);
    return true;
}

static bool answer_request(int fd, Answer how, unsigned long n) {
    char body[40], answer[160];
    int len = snprintf(body, sizeof body, how == TURNED_AWAY ? "{}" : "{\"n\":%lu}", n);
    len = snprintf(answer, sizeof answer,
                   "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                   how == TURNED_AWAY ? "429 Too Many Requests" : "200 OK", len, body);
    return how != ANSWER_LOST && write(fd, answer, (size_t)len) == len;
}

_Noreturn static void serve_connection(int fd, const Book *book) {
    static Reader r;
    static Call c;
    bool open = true;
    r.fd = fd;
    while (open && read_request(&r, &c)) {
        unsigned long n = 0;
        if (pass_gate(book, c.class, "before"))
            break;
        pass_gate(book, c.class, "during");
        Answer how = take(book, &c, &n);
        open = answer_request(fd, how, n);
    }
    exit(0);
}

static int listen_anywhere(void) {
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die("ledger: listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* A process for each connection; it goes with whoever started it. */
_Noreturn static void serve(const Book *book) {
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGCHLD, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int listening = listen_anywhere();
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        if (fd < 0 && errno != EINTR)
            die("ledger: accept");
        if (fd >= 0 && fork() == 0)
            serve_connection(fd, book);
        if (fd >= 0)
            close(fd);
    }
}

/* A command of Baton's is confined, and the leak checker of a sanitizer wants what it may not have. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

int main(int argc, char **argv) {
    Book book = { .file = argc > 2 ? argv[2] : "" };
    bool good = argc > 3 && str_to_u64(str_from(argv[3]), &book.flaky);
    bool command = good && argc >= 5 && strcmp(argv[1], "append") == 0;
    book.gate = argc > 4 + command ? argv[4 + command] : NULL;
    if (command)
        return append(&book, argv[4]);
    if (good && strcmp(argv[1], "serve") == 0)
        serve(&book);
    fputs("ledger append FILE FLAKY CLASS [GATE] | ledger serve FILE FLAKY [GATE]\n", stderr);
    return 2;
}
