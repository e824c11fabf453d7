#define PLAIN_ID "odd-capability"
#define PLAIN_CAPABILITIES "net.outbond"
#include "plain.h"
