/* What a plugin shows to the host: one function, plexus_plugin_entry, that returns a static descriptor. */
#ifndef PLEXUS_ABI_PLUGIN_H
#define PLEXUS_ABI_PLUGIN_H

#include "plexus/abi/base.h"

typedef struct plexus_host plexus_host;
typedef struct plexus_config plexus_config;

enum {
    PLEXUS_KEY_TEXT = 1,
    PLEXUS_KEY_INTEGER = 2,
    PLEXUS_KEY_BOOLEAN = 3,
    PLEXUS_KEY_TEXT_LIST = 4,
    PLEXUS_KEY_DURATION = 5, /* text such as "250ms", "10s", "21d"; read as nanoseconds with get_integer */
    PLEXUS_KEY_BYTES = 6     /* text such as "64KiB", "10GiB", or an integer; read with get_integer */
};

enum {
    PLEXUS_KEY_REQUIRED = 1,
    PLEXUS_KEY_SECRET = 2,     /* never logged nor shown */
    PLEXUS_KEY_RELOADABLE = 4, /* a new value takes effect without a restart */
    PLEXUS_KEY_PATH = 8        /* a path; a relative one is taken from the folder of the TOML file */
};

/* One key of a plugin's configuration, or one option of a command. */
typedef struct plexus_key {
    const char* name; /* kebab-case; "a.b" is key b of table a */
    uint32_t type;    /* PLEXUS_KEY_* */
    uint32_t flags;
    const char* preset;  /* the default, written as in TOML without quotes; NULL: none */
    const char* choices; /* allowed texts, separated by '|'; NULL: any */
    int64_t least;       /* of integers, durations and sizes; both 0: no bounds */
    int64_t most;
    const char* doc; /* one line */
} plexus_key;

/* A subcommand of the programs, run by the plugin's service plexus.command/1. */
typedef struct plexus_command_info {
    const char* name;      /* for example "init" */
    const char* arguments; /* for the usage line, for example "DIR"; NULL: none */
    uint32_t argument_least;
    uint32_t argument_most;
    const plexus_key* options;
    uint32_t option_count;
    uint32_t reserved;
    const char* summary; /* one line */
} plexus_command_info;

/* An instance of a plugin. The host calls create, init, start, stop, destroy in this order, each [loader].
 * The completions of start and stop may come on any thread, also before the call returns. */
typedef struct plexus_plugin {
    uint32_t size;
    uint32_t reserved;
    void* self;
    /* Takes services and checks the configuration. Other plugins' services may be looked up, not called. */
    int32_t (*init)(void* self, plexus_error** error);
    /* Begins to work; required services are started already. */
    int32_t (*start)(void* self, plexus_completion done);
    /* Drains: the completion comes when no operation, timer, watch or task of the instance is left. */
    int32_t (*stop)(void* self, plexus_completion done);
    void (*destroy)(void* self);
    /* The table of a service that the descriptor says is provided. Valid from the end of create to destroy.
     */
    const plexus_service* (*get_service)(void* self, const char* id);
    /* The configuration was read again. `values`, lent until the call returns, are this instance's as they
     * are now; those of keys that are not PLEXUS_KEY_RELOADABLE may differ from what the instance works with,
     * and are for the next start. Files that keys name are to be read again. On failure everything stays as
     * it was. NULL: nothing can change. Only while it is started. [loader] */
    int32_t (*reload)(void* self, const plexus_config* values, plexus_error** error);
} plexus_plugin;

/* Capabilities: withheld unless declared, shown to the user. */
#define PLEXUS_CAP_NET_OUTBOUND "net.outbound"
#define PLEXUS_CAP_NET_LISTEN "net.listen"
#define PLEXUS_CAP_FS_STATE "fs.state"
#define PLEXUS_CAP_PROCESS_SPAWN "process.spawn"
#define PLEXUS_CAP_KEYS "keys"
#define PLEXUS_CAP_OPERATE "operate" /* what an operator may do: log level, metrics of all, reload */

typedef struct plexus_descriptor {
    uint32_t size;
    uint32_t abi_major; /* PLEXUS_ABI_MAJOR when it was compiled */
    uint32_t abi_minor;
    uint32_t abi_least_minor; /* the least minor of a host that it can work with */
    const char* id;           /* unique, for example "store-lmdb" or "com.example.i2p" */
    const char* version;
    const char* summary; /* one line */
    const char* vendor;
    const char* const* capabilities; /* these four lists end with NULL; NULL is an empty list */
    const char* const* provides;
    const char* const* requires_;
    const char* const* uses; /* services taken when there are any */
    const plexus_key* keys;
    uint32_t key_count;
    uint32_t command_count;
    const plexus_command_info* commands;
    /* Makes an instance; calls no function of the host. The table stays valid until its destroy. */
    int32_t (*create)(const plexus_host* host, const plexus_plugin** plugin, plexus_error** error);
} plexus_descriptor;

/* Pure: always the same pointer, nothing else happens. [loader] */
typedef const plexus_descriptor* (*plexus_plugin_entry_function)(void);
#define PLEXUS_PLUGIN_ENTRY "plexus_plugin_entry"

#endif
