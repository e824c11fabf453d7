#define PLAIN_ID "takes-kernels"
#define PLAIN_PROVIDES "plexus.log/1", "nonsense"
#include "plain.h"
