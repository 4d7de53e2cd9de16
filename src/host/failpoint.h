/* BATON_FAIL in the environment of a test build makes the disk fail, for tests/crash:
 *
 *   vfs:K          SIGKILL at the K-th operation of the store (open, write, sync, truncate, delete), before it takes place
 *   vfs:K:MODE     io, full: that one fails as a broken or a full disk does; io-from, full-from: and all after it
 */
#ifndef BATON_HOST_FAILPOINT_H
#define BATON_HOST_FAILPOINT_H

/* The VFS to open the store with, ready to fail; NULL, the default one, where nothing was asked for. */
#ifdef BATON_TEST
const char *failpoint_vfs(void);
#else
static inline const char *failpoint_vfs(void) { return 0; }
#endif

#endif
