/* Tells bit rot in the write-ahead log from the torn end that a power cut may leave. */
#ifndef BATON_JOURNAL_WAL_SCAN_H
#define BATON_JOURNAL_WAL_SCAN_H

/* Reads the log beside the database `db_path`, if there is one, and changes nothing. 0 if its intact part ends where a
 * cut may have ended it; STORE_E_DAMAGED with `problem` (STORE_PROBLEM_BYTES) if commits that were acknowledged follow
 * the damage; -ERR_IO. */
int wal_scan(const char *db_path, char *problem);

#endif
