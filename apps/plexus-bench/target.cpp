#include "target.hpp"

#include <boost/asio/io_context.hpp>

namespace plexus::bench {
namespace {

/// Most that is read from a socket at once: some blocks.
constexpr std::size_t read_ahead = 64 * 1024;

context_pointer make_context(key_group group) {
    auto out = make_tls_context(false, group);
    SSL_CTX_set_mode(out.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(out.get(), 1);
    SSL_CTX_set_default_read_buffer_len(out.get(), read_ahead);
    static constexpr unsigned char alpn[] = "\x05smp/1";
    SSL_CTX_set_alpn_protos(out.get(), alpn, sizeof alpn - 1);
    return out;
}

} // namespace

double target::cpu() const {
    if (!pid) return 0;
    const auto read = cpu_of(*pid);
    return read ? *read : 0;
}

memory_use target::memory() const {
    if (!pid) return {};
    const auto read = memory_of(*pid);
    return read ? *read : memory_use{};
}

result<target> make_target(const target_options& from) {
    target out;
    PLEXUS_TRY(out.address, smp::parse_server_address(from.address));
    out.version = from.version;
    out.group = from.group;
    out.tls = make_context(from.group);
    const auto& host = out.address.hosts.front().name;
    const auto port = out.address.port_number();
    boost::asio::io_context io;
    boost::asio::ip::tcp::resolver resolver(io);
    boost::system::error_code failure;
    const auto found = resolver.resolve(host, std::to_string(port), failure);
    if (failure || found.empty()) return failed("the host " + host + " has no address: " + failure.message());
    out.endpoint = found.begin()->endpoint();
    // Of the addresses of this machine the IPv4 one: not every server listens on both.
    for (const auto& one : found)
        if (one.endpoint().address().is_v4()) out.endpoint = one.endpoint();
    const bool here = out.endpoint.address().is_loopback();
    if (!here && !from.remote)
        return failed(host +
                      " is not on this machine; --remote allows that, for a server that is yours to load");
    if (!from.process.empty()) {
        PLEXUS_TRY(out.pid, find_process(from.process));
    } else if (here) {
        if (const auto pid = find_listener(port)) out.pid = *pid;
    }
    return out;
}

} // namespace plexus::bench
