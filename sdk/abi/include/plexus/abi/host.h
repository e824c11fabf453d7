/* What the host gives to an instance of a plugin: a way to look up services by id, and the services that the
 * kernel itself provides. */
#ifndef PLEXUS_ABI_HOST_H
#define PLEXUS_ABI_HOST_H

#include "plexus/abi/base.h"

/* One for each instance; valid from create to the end of destroy. */
typedef struct plexus_host {
    uint32_t size;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t reserved;
    void* self;
    const char* name;     /* the program and its version, for example "plexusd 0.1.0" */
    const char* instance; /* the name of this instance in the configuration */
    /* The service's table, or NULL: it is not there, or a capability that guards it was not declared. The
     * instance's descriptor must name it under requires or uses, unless it is the kernel's own (this header).
     * [loader] */
    const plexus_service* (*get_service)(const struct plexus_host* host, const char* id);
} plexus_host;

/* ---- plexus.log/1
 * ------------------------------------------------------------------------------------------- */
#define PLEXUS_LOG_ID "plexus.log/1"

enum {
    PLEXUS_LOG_ERROR = 1,
    PLEXUS_LOG_WARNING = 2,
    PLEXUS_LOG_INFO = 3,
    PLEXUS_LOG_DEBUG = 4,
    PLEXUS_LOG_TRACE = 5
};

typedef struct plexus_log_field {
    plexus_view key;
    plexus_view value;
} plexus_log_field;

typedef struct plexus_log {
    plexus_service service;
    uint32_t (*enabled)(void* self, uint32_t level); /* [any-thread] */
    /* One line; the instance's name, the time and the shard are added. Never a secret. [any-thread] */
    void (*write)(void* self, uint32_t level, plexus_view message, const plexus_log_field* fields,
                  uint32_t field_count);
} plexus_log;

/* ---- plexus.config/1: the instance's own section, checked against its keys, defaults filled in
 * ---------------- */
#define PLEXUS_CONFIG_ID "plexus.config/1"

typedef struct plexus_config {
    plexus_service service;
    /* All [any-thread]; what is returned lives as long as the instance. NOT_FOUND: no value and no default;
     * INVALID: not a declared key of that type. */
    int32_t (*get_text)(void* self, const char* key, plexus_view* value);
    int32_t (*get_integer)(void* self, const char* key,
                           int64_t* value); /* also durations (ns) and sizes (bytes) */
    int32_t (*get_boolean)(void* self, const char* key, uint32_t* value);
    int32_t (*get_list)(void* self, const char* key, const plexus_view** values, uint32_t* count);
} plexus_config;

/* ---- plexus.clock/1
 * ------------------------------------------------------------------------------------------ */
#define PLEXUS_CLOCK_ID "plexus.clock/1"

typedef struct plexus_clock {
    plexus_service service;
    uint64_t (*monotonic_ns)(void* self); /* [any-thread] never goes back; its zero means nothing */
    int64_t (*wall_ns)(void* self);       /* [any-thread] since 1970-01-01 UTC; may jump */
} plexus_clock;

/* ---- plexus.random/1
 * ----------------------------------------------------------------------------------------- */
#define PLEXUS_RANDOM_ID "plexus.random/1"

typedef struct plexus_random {
    plexus_service service;
    void (*fill)(void* self, plexus_span out); /* [any-thread] fit for keys */
} plexus_random;

/* ---- plexus.loop/1: shards, timers, descriptors, worker threads
 * ------------------------------------------------ */
#define PLEXUS_LOOP_ID "plexus.loop/1"

typedef struct plexus_timer plexus_timer;
typedef struct plexus_watch plexus_watch;
typedef struct plexus_worker plexus_worker;

enum { PLEXUS_READABLE = 1, PLEXUS_WRITABLE = 2, PLEXUS_HANGUP = 4 };

typedef struct plexus_loop {
    plexus_service service;
    uint32_t (*shard_count)(void* self); /* [any-thread] */
    /* The calling thread's shard, or -1 outside shards. [any-thread] */
    int32_t (*current_shard)(void* self);
    /* Runs the task on that shard, never inside the call, in the order of posting for each pair of poster and
     * shard. STOPPING: the shard no longer runs; the task is dropped. [any-thread] */
    int32_t (*post)(void* self, uint32_t shard, plexus_task task);

    /* A timer of the calling shard. `fired` runs there, once for each arming, never inside a call and never
     * after disarm or destroy returned. All [shard], on the shard where it was made. */
    int32_t (*timer_create)(void* self, plexus_task fired, plexus_timer** timer);
    void (*timer_arm)(void* self, plexus_timer* timer, uint64_t delay_ns); /* arming again replaces */
    void (*timer_disarm)(void* self, plexus_timer* timer);
    void (*timer_destroy)(void* self, plexus_timer* timer);

    /* Readiness of a file descriptor, which must be non-blocking and stay open until destroy. While interest
     * is set and the descriptor is ready, `ready` is called from the loop again and again (level-triggered),
     * with the PLEXUS_READABLE and PLEXUS_WRITABLE that hold. Interest begins as 0. Never called after
     * destroy returned. All [shard]. */
    int32_t (*watch_create)(void* self, int32_t descriptor, void (*ready)(void* context, uint32_t events),
                            void* context, plexus_watch** watch);
    void (*watch_interest)(void* self, plexus_watch* watch, uint32_t events);
    void (*watch_destroy)(void* self, plexus_watch* watch);

    /* A named thread for what blocks: files, databases. [loader] or [shard] */
    int32_t (*worker_create)(void* self, const char* name, plexus_worker** worker);
    /* Runs `work` on the worker, in the order of submission; then `done`, unless its run is NULL, on the
     * shard that submitted (from a thread that is no shard: on the worker). [any-thread] */
    int32_t (*worker_submit)(void* self, plexus_worker* worker, plexus_task work, plexus_task done);
    /* Waits for what was submitted, then ends the thread. `done` tasks not yet run still run on their shards.
     * [loader] */
    void (*worker_destroy)(void* self, plexus_worker* worker);
} plexus_loop;

/* ---- plexus.metrics/1
 * ---------------------------------------------------------------------------------------- */
#define PLEXUS_METRICS_ID "plexus.metrics/1"

enum { PLEXUS_METRIC_COUNTER = 1, PLEXUS_METRIC_GAUGE = 2 };

typedef struct plexus_metric plexus_metric;

typedef struct plexus_metrics {
    plexus_service service;
    /* Names are snake_case with their unit, as Prometheus has them ("messages_received_total"); the same name
     * gives the same metric. Lives as long as the instance. [any-thread] */
    int32_t (*create)(void* self, uint32_t kind, const char* name, const char* help, plexus_metric** metric);
    void (*add)(void* self, plexus_metric* metric, int64_t amount); /* [any-thread], without a lock */
    void (*set)(void* self, plexus_metric* metric, int64_t value);  /* [any-thread], gauges */
} plexus_metrics;

/* ---- plexus.resolver/1: the only road to DNS; needs net.outbound
 * ------------------------------------------------ */
#define PLEXUS_RESOLVER_ID "plexus.resolver/1"

typedef struct plexus_address {
    uint32_t family; /* 4 or 6 */
    uint32_t port;
    uint8_t bytes[16]; /* the first 4 for IPv4; network order */
} plexus_address;

typedef struct plexus_resolver {
    plexus_service service;
    /* Addresses are lent until `done` returns. A numeric address resolves to itself; a .onion name never
     * leaves and is INVALID. `operation` may be NULL. [shard] */
    int32_t (*resolve)(void* self, plexus_view host, uint32_t port,
                       void (*done)(void* context, int32_t status, const plexus_error* error,
                                    const plexus_address* addresses, uint32_t count),
                       void* context, plexus_operation** operation);
} plexus_resolver;

/* ---- plexus.app/1: the program that the instance is part of
 * ------------------------------------------------------ */
#define PLEXUS_APP_ID "plexus.app/1"

typedef struct plexus_app {
    plexus_service service;
    /* Asks the program to stop in order and to exit with this code; the first call decides. [any-thread] */
    void (*request_stop)(void* self, int32_t exit_code);
} plexus_app;

/* ---- plexus.command/1: provided by plugins whose descriptor lists commands
 * ---------------------------------------- */
#define PLEXUS_COMMAND_ID "plexus.command/1"

typedef struct plexus_command {
    plexus_service service;
    /* Runs a command of the descriptor in an instance that was created and not initialised: of the host's
     * services it may use log, clock and random, and plexus.deployments/1 (a draft). `options` answers for
     * the command's keys. Text for the user goes out through `print` (to standard output, or to standard
     * error if `to_error` is 1). Stores the exit code. May block. [loader] */
    int32_t (*run)(void* self, const char* name, const plexus_config* options, const plexus_view* arguments,
                   uint32_t argument_count, void (*print)(void* context, uint32_t to_error, plexus_view text),
                   void* context, int32_t* exit_code, plexus_error** error);
} plexus_command;

#endif
