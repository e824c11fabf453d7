/* A plugin in plain C that breaks one rule, named by the macro that it is compiled with; none: a good one. */
#include "plexus/abi/host.h"
#include "plexus/abi/plugin.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct instance {
    const plexus_host* host;
    plexus_plugin plugin;
    plexus_service service;
    plexus_completion done;
    plexus_timer* timer;
} instance;

static const plexus_loop* loop_of(const plexus_host* host) {
    return (const plexus_loop*)(const void*)host->get_service(host, PLEXUS_LOOP_ID);
}

static int32_t init(void* self, plexus_error** error) {
    (void)self;
    (void)error;
#ifdef INIT_FAILS
    return PLEXUS_E_IO;
#endif
#ifdef INIT_HANGS
    for (;;) pause();
#endif
    return PLEXUS_OK;
}

static void fired(void* context) { (void)context; }

static void started(void* context) {
    instance* one = (instance*)context;
#ifdef STOP_LEAVES_A_TIMER
    const plexus_loop* loop = loop_of(one->host);
    plexus_task task = {fired, one};
    loop->timer_create(loop->service.self, task, &one->timer);
#endif
    one->done.done(one->done.context, PLEXUS_OK, NULL);
}

static int32_t start(void* self, plexus_completion done) {
    instance* one = (instance*)self;
    const plexus_loop* loop = loop_of(one->host);
    plexus_task task = {started, one};
    one->done = done;
    return loop->post(loop->service.self, 0, task);
}

static void stopped(void* context) {
    instance* one = (instance*)context;
    one->done.done(one->done.context, PLEXUS_OK, NULL);
}

static int32_t stop(void* self, plexus_completion done) {
    instance* one = (instance*)self;
    const plexus_loop* loop = loop_of(one->host);
    plexus_task task = {stopped, one};
    one->done = done;
    return loop->post(loop->service.self, 0, task);
}

static void destroy(void* self) { free(self); }

static const plexus_service* get_service(void* self, const char* id) {
    instance* one = (instance*)self;
#ifdef ANSWERS_ANY_SERVICE
    (void)id;
    return &one->service;
#endif
#ifdef LACKS_ITS_SERVICE
    (void)one;
    (void)id;
    return NULL;
#endif
    return strcmp(id, "com.example.broken/1") == 0 ? &one->service : NULL;
}

static void* wait_forever(void* unused) {
    (void)unused;
    for (;;) pause();
    return NULL;
}

static int32_t create(const plexus_host* host, const plexus_plugin** plugin, plexus_error** error) {
    instance* one = (instance*)calloc(1, sizeof *one);
    (void)error;
    (void)wait_forever;
    (void)fired;
#ifdef CREATE_CALLS_THE_HOST
    host->get_service(host, PLEXUS_LOG_ID);
#endif
#ifdef CREATE_CRASHES
    signal(SIGSEGV, SIG_DFL); /* that of a sanitizer would end the process in order */
    memset((void*)host, 0, sizeof *host);
    host->get_service(host, NULL);
#endif
#ifdef CREATE_STARTS_A_THREAD
    pthread_t thread;
    pthread_create(&thread, NULL, wait_forever, NULL);
#endif
    one->host = host;
    one->service.size = sizeof one->service;
    one->service.self = one;
    one->plugin.size = sizeof one->plugin;
    one->plugin.self = one;
    one->plugin.init = init;
    one->plugin.start = start;
    one->plugin.stop = stop;
    one->plugin.destroy = destroy;
    one->plugin.get_service = get_service;
#ifdef LACKS_STOP
    one->plugin.stop = NULL;
#endif
    *plugin = &one->plugin;
    return PLEXUS_OK;
}

static const char* const provides[] = {"com.example.broken/1", NULL};

#ifdef REQUIRES_MORE
static const char* const needs[] = {"com.example.absent/1", NULL};
#else
#define needs NULL
#endif

static const plexus_key keys[] = {
    {"word", PLEXUS_KEY_TEXT, 0, "a", NULL, 0, 0,
#ifdef KEY_WITHOUT_DOC
     ""
#else
     "a word"
#endif
    },
#ifdef KEY_WITH_A_BAD_DEFAULT
    {"count", PLEXUS_KEY_INTEGER, 0, "many", NULL, 0, 0, "a count"},
#endif
};

#ifdef WRONG_MAJOR
#define MAJOR (PLEXUS_ABI_MAJOR + 1)
#else
#define MAJOR PLEXUS_ABI_MAJOR
#endif
#ifdef NEEDS_A_LATER_MINOR
#define LEAST 999
#else
#define LEAST 0
#endif

__attribute__((unused)) static const plexus_descriptor descriptor = {sizeof(plexus_descriptor),
                                                                     MAJOR,
                                                                     PLEXUS_ABI_MINOR,
                                                                     LEAST,
                                                                     "com.example.broken",
                                                                     "1.0.0",
                                                                     "Breaks a rule",
                                                                     "Example",
                                                                     NULL,
                                                                     provides,
                                                                     needs,
                                                                     NULL,
                                                                     keys,
                                                                     sizeof keys / sizeof keys[0],
                                                                     0,
                                                                     NULL,
                                                                     create};

#ifdef EXPORTS_MORE
__attribute__((visibility("default"))) int another_symbol = 1;
#endif

#ifndef NO_ENTRY
PLEXUS_EXPORT const plexus_descriptor* plexus_plugin_entry(void);
PLEXUS_EXPORT const plexus_descriptor* plexus_plugin_entry(void) {
#ifdef ENTRY_CHANGES
    static plexus_descriptor copies[2];
    static int calls;
    copies[calls % 2] = descriptor;
    return &copies[calls++ % 2];
#endif
    return &descriptor;
}
#endif
