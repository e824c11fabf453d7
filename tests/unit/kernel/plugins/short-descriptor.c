#define PLAIN_ID "short-descriptor"
#define PLAIN_SIZE 40
#include "plain.h"
