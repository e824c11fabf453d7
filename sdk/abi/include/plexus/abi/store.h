/* plexus.store/1: named tables of ordered byte keys. Writes are atomic batches, completed when they are as
 * safe as the configured durability says. */
#ifndef PLEXUS_ABI_STORE_H
#define PLEXUS_ABI_STORE_H

#include "plexus/abi/base.h"

#define PLEXUS_STORE_ID "plexus.store/1"

enum {
    PLEXUS_STORE_KEY_MOST = 480,        /* bytes of a key, at least 1 */
    PLEXUS_STORE_VALUE_MOST = 16777216, /* bytes of a value */
    PLEXUS_STORE_TABLES_MOST = 64
};

typedef struct plexus_table plexus_table;

enum {
    PLEXUS_WRITE_PUT = 1,    /* sets the value of a key */
    PLEXUS_WRITE_INSERT = 2, /* the same, but the batch fails with EXISTS if the key is there */
    PLEXUS_WRITE_DELETE = 3, /* removes a key; nothing if it is not there */
    PLEXUS_WRITE_DELETE_RANGE =
        4 /* removes key <= k < value (value is the end; empty: to the end of the table) */
};

typedef struct plexus_write {
    uint32_t kind;
    uint32_t reserved;
    plexus_table* table;
    plexus_view key;
    plexus_view value;
} plexus_write;

enum { PLEXUS_SCAN_REVERSE = 1 };

/* Keys with from <= k < to, in order or in reverse; an empty `to` is the end of the table. */
typedef struct plexus_scan {
    uint32_t size;
    uint32_t flags;
    plexus_table* table;
    plexus_view from;
    plexus_view to;
    uint64_t limit; /* rows at the most; 0: no limit */
} plexus_scan;

typedef struct plexus_row {
    plexus_view key;
    plexus_view value;
} plexus_row;

typedef struct plexus_store {
    plexus_service service;
    /* Opens a table, made when it is new. It lives as long as the store. After init. [loader] */
    int32_t (*table)(void* self, const char* name, plexus_table** table, plexus_error** error);

    /* Reads the last committed value. OK: `found` ran, with a value lent until it returns. WOULD_BLOCK: this
     * engine cannot answer at once; use get. NOT_FOUND. [any-thread] */
    int32_t (*try_get)(void* self, plexus_table* table, plexus_view key,
                       void (*found)(void* context, plexus_view value), void* context);
    /* The same, later. `key` is lent until the call returns. [shard] */
    int32_t (*get)(void* self, plexus_table* table, plexus_view key, plexus_view_completion done);

    /* Visits rows of one snapshot until `row` answers 0. Keep it short: the snapshot holds back the reuse of
     * space. WOULD_BLOCK as above. [any-thread] */
    int32_t (*try_scan)(void* self, const plexus_scan* scan,
                        uint32_t (*row)(void* context, plexus_view key, plexus_view value), void* context);
    /* The same on a worker, for long scans; rows are lent until `done` returns. Give a limit. [shard] */
    int32_t (*scan)(void* self, const plexus_scan* scan,
                    void (*done)(void* context, int32_t status, const plexus_error* error,
                                 const plexus_row* rows, uint64_t count),
                    void* context);

    /* Applies all writes or none. Keys, values and the array are lent until the completion, which comes when
     * the batch is as safe as the durability promises. Batches of one shard are applied and completed in the
     * order of the calls. EXISTS fails one batch; after any other failure (FULL, IO, CORRUPT) every batch
     * already queued behind it fails as well. [shard] */
    int32_t (*commit)(void* self, const plexus_write* writes, uint32_t count, plexus_completion done);
} plexus_store;

#endif
