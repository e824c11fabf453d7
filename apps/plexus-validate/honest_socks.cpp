#include "honest_socks.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace plexus::validate {
namespace {

enum : std::uint8_t { version = 5, by_password = 2, ipv4 = 1, domain = 3, ipv6 = 4 };
enum : std::uint8_t {
    succeeded = 0,
    failed = 1,
    unreachable = 4,
    refused = 5,
    wrong_command = 7,
    wrong_address = 8
};

/// Reads fields of a request.
class fields {
  public:
    explicit fields(int socket) : socket_(socket) {}
    bool take(std::size_t count, std::vector<std::uint8_t>& out) {
        out.resize(count);
        return count == 0 || ::recv(socket_, out.data(), count, MSG_WAITALL) == static_cast<ssize_t>(count);
    }
    /// A byte that says how many follow.
    bool take_text(std::vector<std::uint8_t>& out) { return take(1, out) && take(out[0], out); }

  private:
    int socket_;
};

bool greet(int socket, fields& from) {
    std::vector<std::uint8_t> part;
    if (!from.take(1, part) || part[0] != version || !from.take_text(part)) return false;
    const bool named = std::find(part.begin(), part.end(), by_password) != part.end();
    const std::uint8_t chosen[] = {version, static_cast<std::uint8_t>(named ? by_password : 0)};
    if (!write_all(socket, chosen, sizeof chosen)) return false;
    if (!named) return true;
    if (!from.take(1, part) || part[0] != 1 || !from.take_text(part) || !from.take_text(part)) return false;
    const std::uint8_t welcome[] = {1, 0};
    return write_all(socket, welcome, sizeof welcome);
}

/// The code of the reply; `to` is connected if it is `succeeded`.
std::uint8_t dial(fields& from, int& to) {
    std::vector<std::uint8_t> head;
    std::vector<std::uint8_t> host;
    std::vector<std::uint8_t> port;
    if (!from.take(4, head) || head[0] != version) return failed;
    bool whole = false;
    std::uint8_t address[4] = {127, 0, 0, 1};
    if (head[3] == ipv4) {
        whole = from.take(4, host);
        if (whole) std::copy(host.begin(), host.end(), address);
    } else if (head[3] == domain) {
        whole = from.take_text(host);
        if (whole && std::string(host.begin(), host.end()) != "localhost") return unreachable;
    } else if (head[3] == ipv6) {
        whole = from.take(16, host);
        const bool loopback =
            whole && std::all_of(host.begin(), host.end() - 1, [](auto b) { return b == 0; });
        if (!loopback || host.back() != 1) return unreachable;
    } else {
        return wrong_address;
    }
    if (!whole || !from.take(2, port)) return failed;
    if (head[1] != 1) return wrong_command;
    to = connect_to(address, static_cast<std::uint16_t>(port[0] << 8U | port[1]));
    if (to >= 0) return succeeded;
    return errno == ECONNREFUSED ? refused : unreachable;
}

void pump(int from, int to) {
    std::vector<std::uint8_t> block;
    bool taken = true;
    // Where nobody takes it any more it is still read, or who sends it would wait for ever.
    while (read_some(from, block)) taken = taken && write_all(to, block.data(), block.size());
    ::shutdown(to, SHUT_WR);
}

/// Both directions, each to its own end: a thread for each, or two full buffers would wait for each other.
void relay(int one, int other) {
    std::thread back([one, other] { pump(other, one); });
    pump(one, other);
    back.join();
}

} // namespace

void honest_socks::serve(int socket) {
    fields from(socket);
    if (greet(socket, from)) {
        int to = -1;
        const std::uint8_t code = dial(from, to);
        const std::uint8_t reply[] = {version, code, 0, ipv4, 127, 0, 0, 1, 0, 0};
        if (write_all(socket, reply, sizeof reply) && to >= 0) relay(socket, to);
        if (to >= 0) ::close(to);
    }
    ::shutdown(socket, SHUT_RDWR);
}

} // namespace plexus::validate
