/* The types that cross between host and plugins: views, status codes, error objects, completions.
 *
 * Rules that hold in every header of this folder:
 * - Fixed-width integers, {pointer, length} views and opaque handles only. A truth value is a uint32_t, 0
 * or 1.
 * - A struct that the other side reads begins with `uint32_t size`, grows only at the end, and a field beyond
 * the size that its writer gave reads as zero. Nobody but its writer allocates such a struct.
 * - A function answers 0 (PLEXUS_OK) or a positive PLEXUS_E_*; on failure the outputs are untouched. Where it
 * takes `plexus_error** error`, that may be NULL; what is stored there belongs to the caller, who calls its
 * `release`.
 * - Inputs are borrowed until the call returns, outputs until the time that the function's comment states.
 * - An asynchronous function takes a completion. It is called exactly once, never inside the starting call,
 * on the shard where the call was made. A non-zero return from the starting call means that none will come.
 * - Every function is tagged with the threads that may call it: [any-thread], [shard] (any shard's thread;
 * for a handle: the shard where it was made) or [loader] (the thread that loads, starts and stops plugins).
 * - No function throws. */
#ifndef PLEXUS_ABI_BASE_H
#define PLEXUS_ABI_BASE_H

#include <stddef.h>
#include <stdint.h>

/* The major must be equal on both sides. A minor adds to the ends of structs, or adds services. */
#define PLEXUS_ABI_MAJOR 0
#define PLEXUS_ABI_MINOR 1

#if defined(__cplusplus)
#define PLEXUS_EXTERN_C extern "C"
#else
#define PLEXUS_EXTERN_C
#endif
#define PLEXUS_EXPORT PLEXUS_EXTERN_C __attribute__((visibility("default")))

/* True if the struct that `pointer` points to was written with `field` in it. */
#define PLEXUS_HAS(pointer, field)                                                                           \
    ((size_t)(pointer)->size >= (size_t)((const char*)(&(pointer)->field + 1) - (const char*)(pointer)))

enum {
    PLEXUS_OK = 0,
    PLEXUS_E_INVALID = 1,      /* an argument, or a value of the configuration */
    PLEXUS_E_NOT_FOUND = 2,    /* no such key, host, table, file */
    PLEXUS_E_EXISTS = 3,       /* it is there already */
    PLEXUS_E_WOULD_BLOCK = 4,  /* nothing to take or no room now; a readiness callback follows */
    PLEXUS_E_CANCELLED = 5,    /* by cancel, or by the end of its owner */
    PLEXUS_E_CLOSED = 6,       /* the other side ended the stream in order, or the object is closed */
    PLEXUS_E_TIMEOUT = 7,      /* the deadline passed */
    PLEXUS_E_LIMIT = 8,        /* a stated limit is reached */
    PLEXUS_E_IO = 9,           /* the system reported an error */
    PLEXUS_E_FULL = 10,        /* no room on the disk or in the map */
    PLEXUS_E_CORRUPT = 11,     /* stored data is damaged */
    PLEXUS_E_BUSY = 12,        /* another process or instance holds it */
    PLEXUS_E_UNSUPPORTED = 13, /* this implementation does not do that */
    PLEXUS_E_REFUSED = 14,     /* the connection was refused */
    PLEXUS_E_UNREACHABLE = 15, /* no road to the host */
    PLEXUS_E_IDENTITY = 16,    /* the peer's certificate or fingerprint is not the expected one */
    PLEXUS_E_PROTOCOL = 17,    /* the peer broke the protocol */
    PLEXUS_E_DENIED = 18,      /* a capability that the plugin did not declare, or file permissions */
    PLEXUS_E_STOPPING = 19,    /* the host or the service is on its way down */
    PLEXUS_E_MEMORY = 20,      /* no memory */
    PLEXUS_E_INTERNAL = 21     /* a broken invariant; the message says which */
};

/* Bytes that somebody else owns. `data` may be NULL if `size` is 0. Text is UTF-8, without a final zero. */
typedef struct plexus_view {
    const uint8_t* data;
    uint64_t size;
} plexus_view;

typedef struct plexus_span {
    uint8_t* data;
    uint64_t size;
} plexus_span;

enum {
    PLEXUS_ERROR_RETRYABLE = 1 /* the same call may succeed later */
};

/* What went wrong, for programs (domain, code) and for people (message: the thing, the value, the way out).
 */
typedef struct plexus_error {
    uint32_t size;
    int32_t code; /* of the domain; for domain "plexus" a PLEXUS_E_* */
    uint32_t flags;
    uint32_t reserved;
    plexus_view domain;
    plexus_view message;
    void (*release)(struct plexus_error* self); /* [any-thread] NULL for an error that is only lent */
} plexus_error;

/* Something to run. [the thread that the function taking it says] */
typedef struct plexus_task {
    void (*run)(void* context);
    void* context;
} plexus_task;

/* The end of an asynchronous call. `error` is lent until `done` returns, and may be NULL. */
typedef struct plexus_completion {
    void (*done)(void* context, int32_t status, const plexus_error* error);
    void* context;
} plexus_completion;

/* The same with bytes, lent until `done` returns. */
typedef struct plexus_view_completion {
    void (*done)(void* context, int32_t status, const plexus_error* error, plexus_view value);
    void* context;
} plexus_view_completion;

/* An asynchronous call under way; valid until its completion is called. `cancel` only hastens the completion,
 * which comes with the result or with PLEXUS_E_CANCELLED, and never inside `cancel`. [shard] */
typedef struct plexus_operation plexus_operation;
struct plexus_operation {
    void (*cancel)(plexus_operation* self);
};

/* The beginning of every service table. `self` is the first argument of its functions. A published table
 * never changes; a change is a new service id. */
typedef struct plexus_service {
    uint32_t size;
    uint32_t reserved;
    void* self;
} plexus_service;

#endif
