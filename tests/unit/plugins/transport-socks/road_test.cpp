// What transport-socks sends to a proxy that works, and plexus.proxy/0 beside it.
#include "scripted_proxy.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/base64.hpp"

namespace plexus::test {
namespace {

/// Connects everybody, greets, and keeps what was asked for.
class recording_proxy {
  public:
    explicit recording_proxy(const std::string& path = {})
        : server_(scripted([this](int socket) {
                      auto asked = read_request(socket);
                      {
                          const std::scoped_lock lock(mutex_);
                          requests_.push_back(std::move(asked));
                      }
                      // In one piece with the reply: these bytes are the connection's.
                      give(socket, std::string(connected) + "welcome");
                      take(socket, 100'000);
                  }),
                  path) {}
    std::string address() const { return "127.0.0.1:" + std::to_string(server_.port()); }
    request last() {
        const std::scoped_lock lock(mutex_);
        return requests_.back();
    }
    std::size_t count() const { return server_.accepted(); }

  private:
    std::mutex mutex_;
    std::vector<request> requests_;
    validate::socket_server server_; ///< the last: its threads use the rest
};

/// Connects, reads the greeting, and ends; what the proxy was asked.
request ask(running_socks& socks, recording_proxy& proxy, const std::string& host,
            const std::string& isolation = {}) {
    auto& made = socks.connect(host, 5223, isolation);
    EXPECT_EQ(made.outcome(), PLEXUS_OK) << made.message;
    if (made.outcome() != PLEXUS_OK) return {};
    const auto stream = socks.stream_of(made);
    stream->watch();
    bytes got;
    EXPECT_EQ(stream->exchange({}, 7, got), PLEXUS_OK);
    EXPECT_EQ(to_string(bytes_view(got)), "welcome");
    EXPECT_EQ(stream->info(PLEXUS_STREAM_PEER),
              host.find(':') == host.npos ? host + ":5223" : "[" + host + "]:5223");
    return proxy.last();
}

std::string user_of(std::string_view isolated) {
    return encoding::base64_encode(crypto::sha256(as_bytes(isolated)));
}

TEST(socks_road, leaves_names_to_the_proxy) {
    recording_proxy proxy;
    running_socks socks(proxy.address());
    const std::string onion = std::string(56, 'a') + ".onion";
    for (const std::string name : {"example.com", "no.such.name.invalid", onion.c_str()}) {
        const auto asked = ask(socks, proxy, name);
        EXPECT_EQ(asked.type, "\3") << name;
        EXPECT_EQ(asked.host, name);
        EXPECT_EQ(asked.port, 5223);
    }
    EXPECT_EQ(ask(socks, proxy, "10.1.2.3").host, std::string("\x0a\1\2\3"));
    EXPECT_EQ(ask(socks, proxy, "::1").host, std::string(15, '\0') + '\1');
}

TEST(socks_road, isolates_by_user_name) {
    recording_proxy proxy;
    running_socks socks(proxy.address());
    const auto first = ask(socks, proxy, "example.com", "profile 1");
    EXPECT_EQ(first.methods, "\2") << "without the name there is no isolation, so nothing else is offered";
    EXPECT_EQ(first.user, user_of("profile 1"));
    EXPECT_EQ(first.password, "");
    EXPECT_EQ(ask(socks, proxy, "example.org", "profile 1").user, first.user);
    EXPECT_EQ(ask(socks, proxy, "example.com", "profile 2").user, user_of("profile 2"));
}

TEST(socks_road, sends_what_the_address_says) {
    recording_proxy proxy;
    running_socks socks("me:secret@" + proxy.address());
    const auto asked = ask(socks, proxy, "example.com", "profile 1");
    EXPECT_EQ(asked.user, "me");
    EXPECT_EQ(asked.password, "secret");
    EXPECT_EQ(socks.status().address, "***@" + proxy.address()) << "a password is not shown";
    ASSERT_EQ(socks.configure("@" + proxy.address()), PLEXUS_OK);
    EXPECT_EQ(ask(socks, proxy, "example.com", "profile 1").methods, std::string(1, '\0'));
}

TEST(socks_road, works_by_a_unix_socket) {
    const scratch_folder folder;
    const std::string path = (folder.path() / "socks").string();
    recording_proxy proxy(path);
    running_socks socks("unix:" + path);
    EXPECT_EQ(ask(socks, proxy, "example.com", "x").user, user_of("x"));
    EXPECT_EQ(socks.status().address, "unix:" + path);
}

TEST(socks_road, takes_the_name_of_a_proxy) {
    recording_proxy proxy;
    running_socks socks("localhost" + proxy.address().substr(proxy.address().find(':')));
    EXPECT_EQ(ask(socks, proxy, "example.com").host, "example.com");
}

TEST(socks_road, is_closed_when_it_is_off) {
    recording_proxy proxy;
    running_socks socks(proxy.address());
    ASSERT_EQ(socks.configure("off"), PLEXUS_OK);
    EXPECT_EQ(socks.status().state, PLEXUS_PROXY_OFF);
    const auto& made = socks.connect("127.0.0.1", 5223);
    EXPECT_EQ(made.outcome(), PLEXUS_E_UNREACHABLE);
    EXPECT_NE(made.message.find("no SOCKS proxy"), std::string::npos) << made.message;
    EXPECT_EQ(proxy.count(), 0U);
    ASSERT_EQ(socks.configure(proxy.address()), PLEXUS_OK);
    EXPECT_EQ(ask(socks, proxy, "example.com").host, "example.com");
}

TEST(socks_road, keeps_its_address_if_a_new_one_is_wrong) {
    recording_proxy proxy;
    running_socks socks(proxy.address());
    std::string why;
    EXPECT_EQ(socks.configure("10.0.0.1:port", &why), PLEXUS_E_INVALID);
    EXPECT_NE(why.find("HOST:PORT"), std::string::npos) << why;
    EXPECT_EQ(socks.status().address, proxy.address());
    EXPECT_EQ(ask(socks, proxy, "example.com").host, "example.com");
}

TEST(socks_road, tells_who_watches) {
    recording_proxy proxy;
    running_socks socks(proxy.address());
    struct {
        running_socks& owner;
        std::mutex mutex;
        std::vector<std::uint32_t> states;
        std::int32_t shard = -1;
    } seen{socks, {}, {}};
    const auto told = [](void* context, const plexus_proxy_status* status) {
        auto& mine = *static_cast<decltype(seen)*>(context);
        const std::scoped_lock lock(mine.mutex);
        mine.states.push_back(status->state);
        mine.shard = mine.owner.bench->running().backend().current_shard();
        mine.owner.bench->wake();
    };
    plexus_proxy_watch* watch = nullptr;
    socks.bench->on(1, [&] {
        EXPECT_EQ(socks.proxy().watch(socks.proxy().service.self, told, &seen, &watch), PLEXUS_OK);
    });
    const auto hears = [&](std::uint32_t state) {
        socks.bench->wait(
            [&] {
                const std::scoped_lock lock(seen.mutex);
                return !seen.states.empty() && seen.states.back() == state;
            },
            "a change is told");
    };
    ASSERT_EQ(socks.configure("off"), PLEXUS_OK);
    hears(PLEXUS_PROXY_OFF);
    ASSERT_EQ(socks.configure("127.0.0.1:" + std::to_string(validate::free_port())), PLEXUS_OK);
    hears(PLEXUS_PROXY_READY);
    EXPECT_EQ(socks.connect("example.com", 1).outcome(), PLEXUS_E_UNREACHABLE);
    hears(PLEXUS_PROXY_FAILED);
    ASSERT_EQ(socks.configure(proxy.address()), PLEXUS_OK);
    ask(socks, proxy, "example.com");
    hears(PLEXUS_PROXY_READY);
    EXPECT_EQ(seen.shard, 1);
    socks.bench->on(1, [&] { socks.proxy().unwatch(socks.proxy().service.self, watch); });
    const std::size_t before = seen.states.size();
    ASSERT_EQ(socks.configure("off"), PLEXUS_OK);
    socks.bench->turns(3);
    EXPECT_EQ(seen.states.size(), before);
}

TEST(socks_road, makes_new_circuits_when_asked) {
    recording_proxy proxy;
    running_socks socks(proxy.address());
    struct {
        running_socks& owner;
        std::atomic<int> count{0};
        std::int32_t status = -1;
    } seen{socks};
    const auto renew = [&] {
        const plexus_completion done{[](void* context, std::int32_t status, const plexus_error*) {
                                         auto& mine = *static_cast<decltype(seen)*>(context);
                                         auto& bench = *mine.owner.bench;
                                         mine.status = status;
                                         ++mine.count;
                                         bench.wake();
                                     },
                                     &seen};
        const int before = seen.count;
        socks.bench->on(0, [&] {
            EXPECT_EQ(socks.proxy().renew(socks.proxy().service.self, done), PLEXUS_OK);
            EXPECT_EQ(seen.count, before) << "completed inside the call";
        });
        socks.bench->wait([&] { return seen.count > before; }, "renew completes");
        return seen.status;
    };
    const std::string first = ask(socks, proxy, "example.com", "a").user;
    EXPECT_EQ(renew(), PLEXUS_OK);
    const std::string second = ask(socks, proxy, "example.com", "a").user;
    EXPECT_NE(second, first);
    EXPECT_EQ(ask(socks, proxy, "example.org", "a").user, second);
    ASSERT_EQ(socks.configure("@" + proxy.address()), PLEXUS_OK);
    EXPECT_EQ(renew(), PLEXUS_E_UNSUPPORTED);
    ASSERT_EQ(socks.configure("off"), PLEXUS_OK);
    EXPECT_EQ(renew(), PLEXUS_E_NOT_FOUND);
}

} // namespace
} // namespace plexus::test
