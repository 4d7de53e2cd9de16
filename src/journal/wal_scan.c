/* SQLite's write-ahead log (https://sqlite.org/fileformat2.html#the_write_ahead_log) is a header of 32 bytes and frames
 * of 24 bytes and a page. Each frame carries the two salts of the header and a checksum that continues that of the frame
 * before it. SQLite reads up to the first frame that does not fit and takes what follows for the remains of an
 * unfinished write - also if it is ten acknowledged commits behind one flipped bit.
 *
 *   header | frame frame commit | frame FLIPPED commit | frame commit | older frames, other salts
 *            intact               torn or rotten?        another commit: rotten
 *
 * Each commit is synced before the next one is begun, so a power cut can tear the last one only. Whatever lies behind a
 * bad frame can still be recognised: a frame carries the salts, and its checksum can be computed from the one stored in
 * the frame before it. If, behind the commit that the bad frame belongs to, another commit can be recognised, then the
 * bad frame had been synced, and something has changed it since. */
#include "journal/wal_scan.h"

#include "journal/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEADER_BYTES 32
#define FRAME_HEADER_BYTES 24
#define PAGE_BYTES_MIN 512u
#define PAGE_BYTES_MAX 65536u

typedef struct Check32 {
    uint32_t a, b;
} Check32;

typedef struct WalScan {
    int fd;
    bool big_endian; /* the words under the checksum */
    uint32_t page_bytes;
    uint8_t salts[8];
    uint8_t *frame; /* one, with its header */
} WalScan;

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const uint8_t *p) {
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static Check32 checksum(const WalScan *w, Check32 c, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i += 8) {
        c.a += (w->big_endian ? be32(p + i) : le32(p + i)) + c.b;
        c.b += (w->big_endian ? be32(p + i + 4) : le32(p + i + 4)) + c.a;
    }
    return c;
}

static Check32 stored(const uint8_t *p) { return (Check32){ be32(p), be32(p + 4) }; }

static bool same(Check32 x, Check32 y) { return x.a == y.a && x.b == y.b; }

/* False if the header is none that SQLite would read frames after. One that does not fit its own checksum is let pass:
 * if the frames continue it, it is rot that the caller finds, because no frame was intact. */
static bool read_header(WalScan *w, Check32 *ret_seed, bool *ret_intact) {
    uint8_t h[HEADER_BYTES];
    if (pread(w->fd, h, sizeof h, 0) != (ssize_t)sizeof h)
        return false;
    w->big_endian = h[3] & 1;
    w->page_bytes = be32(h + 8);
    memcpy(w->salts, h + 16, sizeof w->salts);
    *ret_seed = stored(h + 24);
    *ret_intact = (be32(h) & ~1u) == 0x377f0682 &&
                  same(checksum(w, (Check32){ 0, 0 }, h, 24), *ret_seed);
    return w->page_bytes >= PAGE_BYTES_MIN && w->page_bytes <= PAGE_BYTES_MAX &&
           w->page_bytes % 8 == 0;
}

typedef struct Frame {
    bool salted;    /* carries the salts of the header */
    bool commit;    /* the last of its transaction */
    Check32 stored; /* its checksum, as it says */
} Frame;

/* False at the end of the file. */
static bool read_frame(WalScan *w, uint64_t n, Frame *ret) {
    size_t bytes = FRAME_HEADER_BYTES + w->page_bytes;
    if (pread(w->fd, w->frame, bytes, (off_t)(HEADER_BYTES + n * bytes)) != (ssize_t)bytes)
        return false;
    *ret = (Frame){ .salted = memcmp(w->frame + 8, w->salts, sizeof w->salts) == 0,
                    .commit = be32(w->frame + 4) != 0,
                    .stored = stored(w->frame + 16) };
    return true;
}

/* Of the frame read last. */
static bool continues(const WalScan *w, const Frame *f, Check32 before) {
    Check32 c = checksum(w, before, w->frame, 8);
    return f->salted &&
           same(checksum(w, c, w->frame + FRAME_HEADER_BYTES, w->page_bytes), f->stored);
}

/* The number of the first frame that does not fit; the number of frames if all do. */
static uint64_t intact_frames(WalScan *w, Check32 seed, bool header_intact) {
    Frame f;
    uint64_t n = 0;
    if (!header_intact)
        return 0;
    for (; read_frame(w, n, &f) && continues(w, &f, seed); n++)
        seed = f.stored;
    return n;
}

/* The frame, counted from 1, of a commit that can be recognised behind the transaction that frame number `bad` belongs
 * to; 0: none. */
static uint64_t commit_behind(WalScan *w, uint64_t bad, Check32 seed, bool header_intact) {
    Frame f;
    /* without its header nothing in the log is read, the first commit included */
    bool behind = !header_intact;
    for (uint64_t n = bad; read_frame(w, n, &f); n++) {
        bool real = continues(w, &f, seed);
        if (real && f.commit && behind)
            return n + 1;
        behind = behind || (f.salted && f.commit);
        seed = f.stored;
    }
    return 0;
}

static int scan(WalScan *w, const char *path, char *problem) {
    Check32 seed;
    bool header_intact;
    if (!read_header(w, &seed, &header_intact))
        return 0;
    w->frame = xmalloc(FRAME_HEADER_BYTES + w->page_bytes);
    uint64_t bad = intact_frames(w, seed, header_intact);
    Frame before;
    if (bad > 0 && read_frame(w, bad - 1, &before))
        seed = before.stored;
    uint64_t commit = commit_behind(w, bad, seed, header_intact);
    free(w->frame);
    if (!commit)
        return 0;
    return sql_damaged(
        problem,
        "%s: frame %llu is damaged, and commits that were written after it follow, up to frame %llu",
        path, (unsigned long long)bad + 1, (unsigned long long)commit);
}

int wal_scan(const char *db_path, char *problem) {
    size_t room = strlen(db_path) + sizeof "-wal";
    char *path = xmalloc(room);
    snprintf(path, room, "%s-wal", db_path);
    WalScan w = { .fd = open(path, O_RDONLY | O_CLOEXEC) };
    int r = 0;
    if (w.fd >= 0) {
        r = scan(&w, path, problem);
        close(w.fd);
    } else if (errno != ENOENT) {
        snprintf(problem, STORE_PROBLEM_BYTES, "%s: %s", path, strerror(errno));
        r = -ERR_IO;
    }
    free(path);
    return r;
}
