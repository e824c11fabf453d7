// A proxy that follows a script, and a running transport-socks in front of it. Used by the tests of
// transport-socks.
#pragma once

#include "scratch_folder.hpp"
#include "transport_suite.hpp"

#include "plexus/abi/draft/proxy.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace plexus::test {

/// What a client sent to a proxy.
struct request {
    std::string methods;
    std::string user;
    std::string password;
    std::string type; ///< one byte
    std::string host; ///< as it came
    std::uint16_t port = 0;
};

inline std::string take(int socket, std::size_t count) {
    std::string out(count, '\0');
    if (count != 0 && ::recv(socket, out.data(), count, MSG_WAITALL) != static_cast<ssize_t>(count))
        throw std::runtime_error("the client ended");
    return out;
}
inline std::string take_text(int socket) {
    return take(socket, static_cast<std::uint8_t>(take(socket, 1)[0]));
}
inline void give(int socket, std::string_view bytes) {
    validate::write_all(socket, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

constexpr std::string_view connected("\5\0\0\1\0\0\0\0\0\0", 10);

/// Reads a request up to where the reply is due.
inline request read_request(int socket) {
    request out;
    take(socket, 1);
    out.methods = take_text(socket);
    const bool named = out.methods.find('\2') != std::string::npos;
    give(socket, named ? std::string_view("\5\2", 2) : std::string_view("\5\0", 2));
    if (named) {
        take(socket, 1);
        out.user = take_text(socket);
        out.password = take_text(socket);
        give(socket, std::string_view("\1\0", 2));
    }
    take(socket, 3);
    out.type = take(socket, 1);
    out.host = out.type == "\3" ? take_text(socket) : take(socket, out.type == "\1" ? 4 : 16);
    const std::string port = take(socket, 2);
    out.port = static_cast<std::uint16_t>(static_cast<std::uint8_t>(port[0]) << 8U |
                                          static_cast<std::uint8_t>(port[1]));
    return out;
}

/// A script that may end where the client does.
inline std::function<void(int)> scripted(std::function<void(int)> script) {
    return [script = std::move(script)](int socket) {
        try {
            script(socket);
        } catch (const std::exception&) { // the client went first
        }
        ::shutdown(socket, SHUT_RDWR);
    };
}

/// transport-socks in a kernel.
class running_socks {
  public:
    explicit running_socks(const std::string& address) {
        target.library = "transport-socks";
        target.plugin_folders = {PLEXUS_PLUGINS};
        target.settings = "proxy = \"" + address + "\"";
        bench.emplace(target, validate::line::raw, folder.path());
        bench->open();
    }
    ~running_socks() { bench->close(); }

    validate::call& connect(const std::string& host, std::uint32_t port, const std::string& isolation = {},
                            std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
        plexus_connect_options options{};
        options.size = sizeof options;
        options.host = to_abi(std::string_view(host));
        options.port = port;
        options.isolation = to_abi(std::string_view(isolation));
        options.timeout_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(timeout).count());
        return bench->connect(options);
    }
    std::unique_ptr<validate::flow> stream_of(validate::call& made) {
        return std::make_unique<validate::flow>(*bench, std::exchange(made.stream, nullptr), 0);
    }
    const plexus_proxy& proxy() {
        return *reinterpret_cast<const plexus_proxy*>(bench->running().service("subject", PLEXUS_PROXY_ID));
    }
    struct seen {
        std::uint32_t state = 99;
        std::string kind;
        std::string address;
        std::string summary;
    };
    static void note(void* context, const plexus_proxy_status* status) {
        *static_cast<seen*>(context) = {status->state, std::string(text_of(status->kind)),
                                        std::string(text_of(status->address)),
                                        std::string(text_of(status->summary))};
    }
    seen status() {
        seen out;
        proxy().status(proxy().service.self, note, &out);
        return out;
    }
    std::int32_t configure(std::string_view address, std::string* message = nullptr) {
        plexus_error* failure = nullptr;
        const std::int32_t code = proxy().configure(proxy().service.self, to_abi(address), &failure);
        if (code != PLEXUS_OK) {
            const error taken = take_error(code, failure);
            if (message != nullptr) *message = taken.message();
        }
        return code;
    }

    test::scratch_folder folder;
    validate::transport_target target;
    std::optional<validate::transport_bench> bench;
};

} // namespace plexus::test
