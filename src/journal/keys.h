/* The index of business keys (kernel/key.h): what a claim is answered, and what a change makes of an entry. The same for every
 * backend, which only keeps the entries. */
#ifndef BATON_JOURNAL_KEYS_H
#define BATON_JOURNAL_KEYS_H

#include "journal/store.h"

/* True: the entry has changed, and is to be stored. `c->answer` is set. The entry's texts may be borrowed from the claim. */
bool key_claim(StoreKey *entry, StoreClaim *c, Str run, int64_t now_ms);
/* True: the entry has changed. A run that does not hold it changes nothing. */
bool key_change(StoreKey *entry, const StoreKeyChange *change, Str run);
/* The run is forgotten: what it gave is gone, and what it held nobody will say any more. */
bool key_forget(StoreKey *entry);
/* Is the address that of `top`, or below it? Everything is below the empty one. */
bool key_is_within(Str address, Str top);

#endif
