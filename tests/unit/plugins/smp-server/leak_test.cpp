// Private routing takes no other road than the policy allows: every connect(), sendto() and name of this
// process is written down by a preloaded watch while a server with a dead proxy is asked to reach others.
#include "running_server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

namespace plexus::smp_server::test {
namespace {

using testing::Contains;
using testing::Each;
using testing::IsEmpty;
using testing::Not;

constexpr const char* local = "proxy-allow-private = true\nproxy-retry = \"0s\"\n";
const encoding::host onion{encoding::host_kind::onion,
                           "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"};
const encoding::host name{encoding::host_kind::domain, "localhost"};

/// A port of 127.0.0.1 where nobody listens as long as this lives.
class dead_port {
  public:
    dead_port() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof where;
        EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&where), size), 0);
        EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&where), &size), 0);
        port_ = ntohs(where.sin_port);
    }
    dead_port(const dead_port&) = delete;
    dead_port& operator=(const dead_port&) = delete;
    ~dead_port() { ::close(socket_); }
    std::string text() const { return std::to_string(port_); }

  private:
    int socket_;
    std::uint16_t port_ = 0;
};

/// The roads that were taken since `clear`.
class watch {
  public:
    watch() : path_(std::getenv("PLEXUS_NETWORK_WATCH")) {}
    void clear() { std::filesystem::resize_file(path_, 0); }
    std::vector<std::string> roads() const {
        std::ifstream in(path_);
        std::vector<std::string> out;
        for (std::string line; std::getline(in, line);)
            if (line.find(" unix ") == std::string::npos) out.push_back(line);
        return out;
    }

  private:
    std::string path_;
};

std::string reach(smp_peer& proxy, smp::server_address server) {
    proxy.send(cmd::prxy{server, std::nullopt}, {}, nullptr);
    return answer_of(proxy);
}

smp::server_address with_hosts(smp::server_address server, std::vector<encoding::host> hosts) {
    server.hosts = std::move(hosts);
    return server;
}

TEST(leak, a_dead_proxy_is_the_only_road_that_is_tried) {
    folder where;
    const dead_port dead;
    running_server destination(where.path() / "destination", "", "store-memory");
    const std::string through_proxy = "socks-proxy = \"127.0.0.1:" + dead.text() + "\"\n";
    watch seen;
    bench::system_random random;
    const auto target = destination.address();
    const std::vector<std::vector<encoding::host>> servers = {{name}, {onion}, {name, onion}, target.hosts};
    for (const std::string mode : {"always", "onion"}) {
        running_server proxy(where.path() / mode, local, "store-memory", "",
                             through_proxy + "socks-mode = \"" + mode + "\"\n[plugin.transport-socks]\n");
        smp_peer sender(proxy.address(), random);
        for (const auto& hosts : servers) {
            const bool has_onion = std::find(hosts.begin(), hosts.end(), onion) != hosts.end();
            if (mode == "onion" && !has_onion) continue; // those are reached directly
            seen.clear();
            EXPECT_EQ(reach(sender, with_hosts(target, hosts)), "ERR PROXY BROKER NETWORK");
            EXPECT_THAT(seen.roads(), Each("connect 127.0.0.1 " + dead.text())) << mode;
            EXPECT_THAT(seen.roads(), Not(IsEmpty())) << mode;
        }
    }
}

TEST(leak, what_policy_refuses_is_not_dialed_at_all) {
    folder where;
    const dead_port dead;
    running_server destination(where.path() / "destination", "", "store-memory");
    running_server without(where.path() / "without", local, "store-memory");
    running_server strict(where.path() / "strict", local, "store-memory", "",
                          "required-host-mode = \"on\"\nsocks-proxy = \"127.0.0.1:" + dead.text() +
                              "\"\n[plugin.transport-socks]\n");
    watch seen;
    bench::system_random random;
    smp_peer first(without.address(), random);
    smp_peer second(strict.address(), random);
    seen.clear();
    EXPECT_EQ(reach(first, with_hosts(destination.address(), {onion})), "ERR PROXY BROKER HOST");
    EXPECT_EQ(reach(second, with_hosts(destination.address(), {name})), "ERR PROXY BROKER HOST");
    EXPECT_THAT(seen.roads(), IsEmpty());
}

TEST(leak, the_watch_sees_the_direct_road) {
    folder where;
    running_server destination(where.path() / "destination", "", "store-memory");
    running_server proxy(where.path() / "proxy", local, "store-memory");
    watch seen;
    bench::system_random random;
    smp_peer sender(proxy.address(), random);
    seen.clear();
    EXPECT_EQ(reach(sender, with_hosts(destination.address(), {name})), "PKEY");
    EXPECT_THAT(seen.roads(), Contains("name localhost"));
    EXPECT_THAT(seen.roads(), Contains("connect 127.0.0.1 " + destination.address().port));
}

} // namespace
} // namespace plexus::smp_server::test

/// Starts itself again under the watch.
int main(int argc, char** argv) {
    if (std::getenv("PLEXUS_NETWORK_WATCH") == nullptr) {
        auto file = (std::filesystem::temp_directory_path() / "plexus-watch-XXXXXX").string();
        const int made = ::mkstemp(file.data());
        if (made < 0) return 1;
        ::close(made);
        ::setenv("PLEXUS_NETWORK_WATCH", file.c_str(), 1);
        ::setenv("LD_PRELOAD", NETWORK_WATCH, 1);
        ::execv("/proc/self/exe", argv);
        return 1;
    }
    testing::InitGoogleMock(&argc, argv);
    const int code = RUN_ALL_TESTS();
    std::filesystem::remove(std::getenv("PLEXUS_NETWORK_WATCH"));
    return code;
}
