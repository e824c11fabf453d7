/* Preloaded into a program under test: writes a line for every road out that the program takes, to the file
 * that PLEXUS_NETWORK_WATCH names. "connect 192.0.2.1 5223", "connect unix /path", "send ...", "name
 * smp.example.com". What is written is what was asked of the system, whether or not it worked. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void put(const char* line) {
    const char* path = getenv("PLEXUS_NETWORK_WATCH");
    if (path == NULL) return;
    const int kept = errno;
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0) {
        if (write(file, line, strlen(line)) < 0) abort();
        close(file);
    }
    errno = kept;
}

static void note(const char* what, const struct sockaddr* to, socklen_t size) {
    char line[512];
    char host[INET6_ADDRSTRLEN] = "?";
    if (to == NULL) return; /* on a connected socket */
    if (to->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in* in = (const struct sockaddr_in*)to;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(line, sizeof line, "%s %s %u\n", what, host, (unsigned)ntohs(in->sin_port));
    } else if (to->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6* in = (const struct sockaddr_in6*)to;
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        snprintf(line, sizeof line, "%s %s %u\n", what, host, (unsigned)ntohs(in->sin6_port));
    } else if (to->sa_family == AF_UNIX) {
        snprintf(line, sizeof line, "%s unix %.200s\n", what, ((const struct sockaddr_un*)to)->sun_path);
    } else {
        snprintf(line, sizeof line, "%s family %d\n", what, (int)to->sa_family);
    }
    put(line);
}

int connect(int fd, const struct sockaddr* to, socklen_t size) {
    note("connect", to, size);
    return NEXT(connect)(fd, to, size);
}

ssize_t sendto(int fd, const void* data, size_t count, int flags, const struct sockaddr* to, socklen_t size) {
    note("send", to, size);
    return NEXT(sendto)(fd, data, count, flags, to, size);
}

ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
    note("send", (const struct sockaddr*)message->msg_name, message->msg_namelen);
    return NEXT(sendmsg)(fd, message, flags);
}

int sendmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags) {
    for (unsigned i = 0; i < count; ++i)
        note("send", (const struct sockaddr*)messages[i].msg_hdr.msg_name, messages[i].msg_hdr.msg_namelen);
    return NEXT(sendmmsg)(fd, messages, count, flags);
}

static void note_name(const char* name) {
    char line[512];
    if (name == NULL) return;
    snprintf(line, sizeof line, "name %.300s\n", name);
    put(line);
}

int getaddrinfo(const char* name, const char* service, const struct addrinfo* hints, struct addrinfo** out) {
    note_name(name);
    return NEXT(getaddrinfo)(name, service, hints, out);
}

struct hostent* gethostbyname(const char* name) {
    note_name(name);
    return NEXT(gethostbyname)(name);
}

struct hostent* gethostbyname2(const char* name, int family) {
    note_name(name);
    return NEXT(gethostbyname2)(name, family);
}
