/* com.example.greeter/1: greets people. Other plugins include this header and ask the host for the service.
 */
#ifndef COM_EXAMPLE_GREETER_H
#define COM_EXAMPLE_GREETER_H

#include "plexus/abi/base.h"

#define GREETER_ID "com.example.greeter/1"

typedef struct greeter_service {
    plexus_service service;
    /* Gives the greeting for `name`, lent until `greeted` returns. [any-thread] */
    int32_t (*greet)(void* self, plexus_view name, void (*greeted)(void* context, plexus_view text),
                     void* context);
} greeter_service;

#endif
