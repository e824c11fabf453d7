/* DRAFT plexus.name-resolver/0: whose address a name is (RSLV of SMP 20). Provided by a plugin that knows a
 * registry of names; used by smp-server, which answers that there is none when nobody provides it. */
#ifndef PLEXUS_ABI_DRAFT_RESOLVER_H
#define PLEXUS_ABI_DRAFT_RESOLVER_H

#include "plexus/abi/base.h"

#define PLEXUS_NAME_RESOLVER_ID "plexus.name-resolver/0"

/* Longer answers do not fit into a block of every client. */
enum { PLEXUS_NAME_RECORD_MOST = 15000 };

typedef struct plexus_name_resolver {
    plexus_service service;
    /* `name` has two labels or more of letters, digits and single hyphens, in small letters, and is lent
     * until the call returns. OK: the record as a JSON object of at most PLEXUS_NAME_RECORD_MOST bytes.
     * NOT_FOUND: nobody has the name. Others: nobody can tell now. The server answers its client TIMEOUT
     * after half a minute, and waits for the completion all the same. [shard] */
    int32_t (*resolve)(void* self, plexus_view name, plexus_view_completion done);
} plexus_name_resolver;

#endif
