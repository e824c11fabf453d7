/* A plugin that offers two commands: `greet NAME...` with an option of each type, and `fail`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plexus/abi/host.h"
#include "plexus/abi/plugin.h"

typedef struct greeter {
    plexus_plugin plugin;
    plexus_command command;
    const plexus_host* host;
} greeter;

typedef void (*print_function)(void* context, uint32_t to_error, plexus_view text);

static void say(print_function print, void* context, uint32_t to_error, const char* text) {
    const plexus_view view = {(const uint8_t*)text, strlen(text)};
    print(context, to_error, view);
}

static void error_release(plexus_error* self) { free(self); }

static int32_t fail(plexus_error** error) {
    static const char message[] = "nobody is there";
    plexus_error* made = (plexus_error*)calloc(1, sizeof *made);
    if (made == NULL) return PLEXUS_E_MEMORY;
    made->size = sizeof *made;
    made->code = PLEXUS_E_NOT_FOUND;
    made->domain.data = (const uint8_t*)"plexus";
    made->domain.size = 6;
    made->message.data = (const uint8_t*)message;
    made->message.size = sizeof message - 1;
    made->release = error_release;
    *error = made;
    return PLEXUS_E_NOT_FOUND;
}

static int32_t greet(const plexus_config* options, const plexus_view* arguments, uint32_t argument_count,
                     print_function print, void* context, int32_t* exit_code) {
    void* values = options->service.self;
    char line[512];
    int64_t times = 0;
    int64_t wait = 0;
    uint32_t loud = 0;
    const plexus_view* titles = NULL;
    uint32_t title_count = 0;
    plexus_view word = {NULL, 0};
    options->get_integer(values, "times", &times);
    options->get_integer(values, "wait", &wait);
    options->get_boolean(values, "loud", &loud);
    options->get_text(values, "word", &word);
    options->get_list(values, "title", &titles, &title_count);
    snprintf(line, sizeof line, "%.*s", (int)word.size, (const char*)word.data);
    say(print, context, 0, line);
    for (uint32_t i = 0; i < title_count; ++i) {
        snprintf(line, sizeof line, " %.*s", (int)titles[i].size, (const char*)titles[i].data);
        say(print, context, 0, line);
    }
    for (uint32_t i = 0; i < argument_count; ++i) {
        snprintf(line, sizeof line, " %.*s", (int)arguments[i].size, (const char*)arguments[i].data);
        say(print, context, 0, line);
    }
    snprintf(line, sizeof line, "%s times=%lld wait=%lld\n", loud != 0 ? "!" : "", (long long)times,
             (long long)wait);
    say(print, context, 0, line);
    *exit_code = 0;
    return PLEXUS_OK;
}

static int32_t run(void* context, const char* name, const plexus_config* options,
                   const plexus_view* arguments, uint32_t argument_count, print_function print,
                   void* print_context, int32_t* exit_code, plexus_error** error) {
    greeter* self = (greeter*)context;
    if (self->host->get_service(self->host, PLEXUS_CLOCK_ID) == NULL ||
        self->host->get_service(self->host, PLEXUS_LOOP_ID) != NULL)
        return PLEXUS_E_INTERNAL; /* a command has the clock, and no loop */
    if (strcmp(name, "fail") == 0) return fail(error);
    if (strcmp(name, "seven") == 0) {
        say(print, print_context, 1, "seven it is\n");
        *exit_code = 7;
        return PLEXUS_OK;
    }
    return greet(options, arguments, argument_count, print, print_context, exit_code);
}

static int32_t init(void* self, plexus_error** error) {
    (void)self;
    (void)error;
    return PLEXUS_E_INTERNAL; /* never called: no configuration names this plugin */
}

static int32_t never(void* self, plexus_completion done) {
    (void)self;
    (void)done;
    return PLEXUS_E_INTERNAL;
}

static void destroy(void* self) { free(self); }

static const plexus_service* get_service(void* self, const char* id) {
    (void)id;
    return &((greeter*)self)->command.service;
}

static int32_t create(const plexus_host* host, const plexus_plugin** out, plexus_error** error) {
    greeter* self = (greeter*)calloc(1, sizeof *self);
    const plexus_plugin plugin = {sizeof plugin, 0, self, init, never, never, destroy, get_service, NULL};
    (void)error;
    if (self == NULL) return PLEXUS_E_MEMORY;
    self->plugin = plugin;
    self->host = host;
    self->command.service.size = sizeof self->command;
    self->command.service.self = self;
    self->command.run = run;
    *out = &self->plugin;
    return PLEXUS_OK;
}

static const plexus_key greet_options[] = {
    {"word", PLEXUS_KEY_TEXT, 0, "hello", "hello|goodbye", 0, 0, "what to say"},
    {"times", PLEXUS_KEY_INTEGER, PLEXUS_KEY_REQUIRED, NULL, NULL, 1, 9, "how often"},
    {"wait", PLEXUS_KEY_DURATION, 0, "1s", NULL, 0, 0, "how long"},
    {"loud", PLEXUS_KEY_BOOLEAN, 0, "false", NULL, 0, 0, "shout"},
    {"title", PLEXUS_KEY_TEXT_LIST, 0, "", NULL, 0, 0, "before the name"},
};
static const plexus_command_info commands[] = {
    {"greet", "NAME...", 1, 3, greet_options, 5, 0, "Say hello"},
    {"fail", NULL, 0, 0, NULL, 0, 0, "Do not work"},
    {"seven", NULL, 0, 0, NULL, 0, 0, "Exit with 7"},
};
static const char* const provides[] = {PLEXUS_COMMAND_ID, NULL};
static const plexus_descriptor descriptor = {
    .size = sizeof descriptor,
    .abi_major = PLEXUS_ABI_MAJOR,
    .abi_minor = PLEXUS_ABI_MINOR,
    .id = "greeter",
    .version = "1.0.0",
    .summary = "Greets",
    .provides = provides,
    .command_count = 3,
    .commands = commands,
    .create = create,
};

PLEXUS_EXPORT const plexus_descriptor* plexus_plugin_entry(void);
const plexus_descriptor* plexus_plugin_entry(void) { return &descriptor; }
