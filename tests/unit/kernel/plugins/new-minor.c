#define PLAIN_ID "new-minor"
#define PLAIN_ABI_LEAST_MINOR 99
#include "plain.h"
