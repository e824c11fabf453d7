// Marks what libplexus shows to programs and tests; everything else in it is hidden.
#pragma once

#define PLEXUS_KERNEL_API __attribute__((visibility("default")))
