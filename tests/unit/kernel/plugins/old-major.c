#define PLAIN_ID "old-major"
#define PLAIN_ABI_MAJOR 7
#include "plain.h"
