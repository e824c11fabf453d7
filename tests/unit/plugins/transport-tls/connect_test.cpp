#include "net.hpp"
#include "openssl_peer.hpp"

#include "plexus/net/public_address.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace plexus::test {
namespace {

struct connect_test : testing::Test {
    fake_host host;
    net under{host};
    test_chain chain = make_chain();
    dial_options to(std::uint32_t port) const { return {.port = port, .key_hash = chain.fingerprint}; }
};

std::uint32_t free_port() {
    const raw_server unused;
    return unused.port();
}

TEST_F(connect_test, says_who_refused) {
    const std::uint32_t port = free_port();
    const auto client = under.dial(to(port));
    EXPECT_EQ(client->status, PLEXUS_E_REFUSED);
    EXPECT_NE(client->message.find("127.0.0.1:" + std::to_string(port)), std::string::npos)
        << client->message;
}

TEST_F(connect_test, checks_its_options) {
    EXPECT_EQ(under.dial({.port = 0, .key_hash = chain.fingerprint})->status, PLEXUS_E_INVALID);
    EXPECT_EQ(under.dial({.port = 70000, .key_hash = chain.fingerprint})->status, PLEXUS_E_INVALID);
    EXPECT_EQ(under.dial({.port = 5223, .key_hash = bytes(31)})->status, PLEXUS_E_INVALID);
    EXPECT_EQ(under.dial({.port = 5223, .key_hash = chain.fingerprint, .host = ""})->status,
              PLEXUS_E_INVALID);
}

TEST_F(connect_test, fails_when_the_name_is_unknown) {
    auto options = to(5223);
    options.host = "nowhere.test";
    const auto client = under.dial(options);
    EXPECT_EQ(client->status, PLEXUS_E_NOT_FOUND);
    EXPECT_NE(client->message.find("nowhere.test:5223"), std::string::npos) << client->message;
}

TEST_F(connect_test, reaches_only_the_public_internet_if_told_so) {
    ASSERT_TRUE(under.serve(chain));
    auto options = to(under.port);
    options.public_only = true;
    for (const auto* name : {"127.0.0.1", "two.test"}) {
        options.host = name;
        EXPECT_EQ(under.dial(options)->status, PLEXUS_E_DENIED) << name;
    }
    EXPECT_EQ(under.accepted_count, 0U);
}

TEST(public_address, knows_what_is_not_public) {
    for (const auto* host : {"0.0.0.0",         "10.1.2.3",         "100.64.0.1",   "100.127.255.255",
                             "127.0.0.1",       "127.255.255.255",  "169.254.1.1",  "172.16.0.1",
                             "172.31.255.255",  "192.0.0.8",        "192.0.2.1",    "192.168.1.1",
                             "198.18.0.1",      "198.19.0.1",       "198.51.100.1", "203.0.113.9",
                             "224.0.0.1",       "255.255.255.255",  "::",           "::1",
                             "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1",  "64:ff9b::c0a8:101",
                             "64:ff9b:1::1",    "fe80::1",          "fec0::1",      "fd00::1",
                             "fc00::1",         "ff02::1",          "2001:db8::1",  "2001::1",
                             "2002:7f00:1::1",  "2002:a00:1::1",    "100::1",       "3fff::1",
                             "localhost",       "localhost.",       "a.localhost",  "127.1",
                             "2130706433",      "0x7f.1",           "127.0.0.1."})
        EXPECT_TRUE(plexus::net::is_private_number(host)) << host;
    for (const auto* host :
         {"1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1",
          "192.167.1.1", "223.255.255.255", "::ffff:1.1.1.1", "64:ff9b::101:101", "2606:4700::1111",
          "2a01:4f8::1", "2002:101:101::1", "2001:4860::1", "example.com", "1.example.com", "example.com."})
        EXPECT_FALSE(plexus::net::is_private_number(host)) << host;
}

TEST_F(connect_test, goes_on_to_the_next_address) {
    ASSERT_TRUE(under.serve(chain));
    auto options = to(under.port);
    options.host = "two.test";
    EXPECT_EQ(under.dial(options)->status, PLEXUS_OK);
    under.close();
    const auto client = under.dial(options);
    EXPECT_EQ(client->status, PLEXUS_E_REFUSED);
    EXPECT_NE(client->message.find("127.83.83.83"), std::string::npos) << client->message;
    EXPECT_NE(client->message.find("127.0.0.1"), std::string::npos) << client->message;
}

TEST_F(connect_test, gives_up_in_time) {
    const raw_server silent;
    auto options = to(silent.port());
    options.timeout_ns = 30'000'000;
    const auto client = under.dial(options);
    EXPECT_EQ(client->status, PLEXUS_E_TIMEOUT);
    EXPECT_NE(client->message.find("within 30 ms"), std::string::npos) << client->message;
}

TEST_F(connect_test, can_be_cancelled_at_any_step) {
    const raw_server silent;
    const auto cancel = [&](dialed& client) {
        host.on_shard(0, [&] {
            ASSERT_NE(client.operation, nullptr);
            client.operation->cancel(client.operation);
            EXPECT_FALSE(client.status) << "completed inside cancel";
        });
        EXPECT_TRUE(host.run_until([&] { return client.status.has_value(); }));
        EXPECT_EQ(client.status, PLEXUS_E_CANCELLED);
    };
    for (const int turns : {0, 1, 2, 5, 30}) {
        const auto client = under.begin_dial(to(silent.port()));
        EXPECT_TRUE(host.run_until([turns, done = 0]() mutable { return done++ >= turns; }));
        cancel(*client);
    }
}

TEST_F(connect_test, is_given_up_when_the_transport_stops) {
    const raw_server silent;
    const auto client = under.begin_dial(to(silent.port()));
    EXPECT_TRUE(host.run_until([done = 0]() mutable { return done++ >= 30; }));
    under.plugin.stop();
    EXPECT_EQ(client->status, PLEXUS_E_STOPPING);
    EXPECT_EQ(host.timers, 0U);
    EXPECT_EQ(host.watches, 0U);
}

TEST_F(connect_test, names_what_a_server_says_instead_of_tls) {
    raw_server wrong;
    wrong.serve([](int socket) {
        const std::string text = "HTTP/1.1 400 Bad Request\r\n\r\n";
        [[maybe_unused]] const auto given = ::write(socket, text.data(), text.size());
        char drop[4096];
        while (::read(socket, drop, sizeof drop) > 0) {
        }
    });
    EXPECT_EQ(under.dial(to(wrong.port()))->status, PLEXUS_E_PROTOCOL);
    raw_server closing;
    closing.serve([](int) {});
    const auto cut = under.dial(to(closing.port()));
    EXPECT_EQ(cut->status, PLEXUS_E_IO);
}

TEST_F(connect_test, asks_no_resolver_for_an_onion_name) {
    for (const auto* name : {"abc.onion", "ABC.Onion", "abc.onion.", ".onion"}) {
        auto options = to(5223);
        options.host = name;
        const auto client = under.dial(options);
        EXPECT_EQ(client->status, PLEXUS_E_DENIED) << name;
        EXPECT_NE(client->message.find("Tor"), std::string::npos) << client->message;
    }
    EXPECT_TRUE(host.resolved.empty());
}

// ---- through a carrier

/// Forwards to a raw transport, and hands over no socket; with `drip` bytes come one at a time.
class lower_transport {
  public:
    lower_transport(const plexus_transport* to, bool hands_over, bool drips)
        : to_(to), hands_over_(hands_over), drips_(drips) {
        table_.service = {sizeof table_, 0, this};
        table_.connect = [](void* self, const plexus_connect_options* options,
                            void (*done)(void*, std::int32_t, const plexus_error*, plexus_stream*),
                            void* context, plexus_operation** operation) {
            auto* me = static_cast<lower_transport*>(self);
            ++me->dialed;
            EXPECT_EQ(options->flags, 0U);
            struct call {
                lower_transport* self;
                decltype(done) then;
                void* context;
            };
            const auto forward = [](void* raw, std::int32_t status, const plexus_error* error,
                                    plexus_stream* made) {
                const std::unique_ptr<call> mine(static_cast<call*>(raw));
                mine->then(mine->context, status, error,
                           made == nullptr ? nullptr
                                           : new layer(made, mine->self->hands_over_, mine->self->drips_));
            };
            return me->to_->connect(me->to_->service.self, options, forward, new call{me, done, context},
                                    operation);
        };
    }
    const plexus_service* service() const { return &table_.service; }
    int dialed = 0;

  private:
    struct layer : plexus_stream {
        layer(plexus_stream* under, bool hands, bool drip)
            : plexus_stream{&api()}, below(under), hands_over(hands), drips(drip) {}
        static layer* of(plexus_stream* raw) { return static_cast<layer*>(raw); }
        static const plexus_stream_api& api() {
            static const plexus_stream_api table = {
                sizeof(plexus_stream_api),
                0,
                [](plexus_stream* s, const plexus_stream_handler* h, void* c) {
                    of(s)->below->api->set_handler(of(s)->below, h, c);
                },
                [](plexus_stream* s, plexus_span out, std::uint64_t* n) {
                    if (of(s)->drips) out.size = 1;
                    return of(s)->below->api->try_read(of(s)->below, out, n);
                },
                [](plexus_stream* s, plexus_view in, std::uint64_t* n) {
                    if (of(s)->drips) in.size = std::min<std::uint64_t>(in.size, 100);
                    return of(s)->below->api->try_write(of(s)->below, in, n);
                },
                [](plexus_stream* s) { of(s)->below->api->shutdown(of(s)->below); },
                [](plexus_stream* s) {
                    of(s)->below->api->destroy(of(s)->below);
                    delete of(s);
                },
                [](plexus_stream* s, std::uint32_t w, std::uint32_t i, plexus_view* v) {
                    return of(s)->below->api->get_info(of(s)->below, w, i, v);
                },
                [](plexus_stream* s, std::int32_t* fd) {
                    return of(s)->hands_over ? of(s)->below->api->release_descriptor(of(s)->below, fd)
                                             : PLEXUS_E_UNSUPPORTED;
                },
                [](plexus_stream* s) { return of(s)->below->api->get_error(of(s)->below); },
            };
            return table;
        }
        plexus_stream* below;
        bool hands_over;
        bool drips;
    };
    const plexus_transport* to_;
    bool hands_over_;
    bool drips_;
    plexus_transport table_{};
};

TEST_F(connect_test, works_over_another_transport) {
    ASSERT_TRUE(under.serve(chain));
    for (const int kind : {0, 1, 2}) {
        SCOPED_TRACE(kind);
        lower_transport lower(under.transport(), kind == 0, kind == 2);
        host.lower = lower.service();
        {
            net over(host);
            host.lower = nullptr;
            const auto client = over.dial(to(under.port));
            ASSERT_EQ(client->status, PLEXUS_OK) << client->message;
            EXPECT_EQ(lower.dialed, 1);
            const auto server = under.next();
            const bytes block(kind == 2 ? 5'000 : 500'000, 'b');
            client->stream->write(block);
            server->write(block);
            EXPECT_TRUE(host.run_until([&] {
                return server->received.size() == block.size() &&
                       client->stream->received.size() == block.size();
            }));
            // A raw one passes through.
            auto raw = to(under.port);
            raw.secure = false;
            EXPECT_EQ(over.dial(raw)->status, PLEXUS_OK);
            server->raw->api->shutdown(server->raw);
            EXPECT_TRUE(host.run_until([&] { return client->stream->status().has_value(); }));
            EXPECT_EQ(client->stream->status(), PLEXUS_E_CLOSED);
        }
    }
}

TEST_F(connect_test, takes_another_road_than_the_carrier_only_if_told_so) {
    ASSERT_TRUE(under.serve(chain));
    lower_transport lower(under.transport(), true, false);
    host.lower = lower.service();
    net over(host);
    host.lower = nullptr;
    auto options = to(under.port);
    options.direct = true;
    EXPECT_EQ(over.dial(options)->status, PLEXUS_OK);
    EXPECT_EQ(lower.dialed, 0);
    options.host = "abc.onion";
    EXPECT_EQ(over.dial(options)->status, PLEXUS_E_DENIED);
    EXPECT_EQ(host.resolved, std::vector<std::string>{"127.0.0.1"});
    under.close();
    // Nobody listens any more: the carrier fails, and nothing else is tried.
    EXPECT_EQ(over.dial(to(under.port))->status, PLEXUS_E_REFUSED);
    EXPECT_EQ(lower.dialed, 1);
    options = to(under.port);
    options.public_only = true;
    EXPECT_EQ(over.dial(options)->status, PLEXUS_E_DENIED);
    EXPECT_EQ(lower.dialed, 1);
}

TEST_F(connect_test, refuses_a_carrier_that_is_not_there) {
    ASSERT_TRUE(under.serve(chain));
    auto options = to(under.port);
    options.carried = true;
    EXPECT_EQ(under.dial(options)->status, PLEXUS_E_DENIED);
    EXPECT_TRUE(host.resolved.empty());
    lower_transport lower(under.transport(), true, false);
    host.lower = lower.service();
    net over(host);
    host.lower = nullptr;
    EXPECT_EQ(over.dial(options)->status, PLEXUS_OK);
    EXPECT_EQ(lower.dialed, 1);
    options.direct = true;
    EXPECT_EQ(over.dial(options)->status, PLEXUS_E_DENIED);
    EXPECT_EQ(lower.dialed, 1);
}

TEST_F(connect_test, a_connection_has_the_keepalive_that_it_was_asked_for) {
    serve_options raw;
    raw.secure = false;
    ASSERT_TRUE(under.serve(chain, raw));
    auto options = to(under.port);
    options.secure = false;
    const auto number = [](int socket, int level, int name) {
        int value = -1;
        socklen_t size = sizeof value;
        EXPECT_EQ(::getsockopt(socket, level, name, &value, &size), 0);
        return value;
    };
    for (const auto keepalive : {PLEXUS_KEEPALIVE_PRESET, PLEXUS_KEEPALIVE_ON, PLEXUS_KEEPALIVE_OFF}) {
        options.keepalive = keepalive;
        const auto client = under.dial(options);
        ASSERT_EQ(client->status, PLEXUS_OK) << client->message;
        std::int32_t socket = -1;
        auto* made = client->stream->raw;
        host.on_shard(0, [&] { EXPECT_EQ(made->api->release_descriptor(made, &socket), PLEXUS_OK); });
        EXPECT_EQ(number(socket, SOL_SOCKET, SO_KEEPALIVE) != 0, keepalive != PLEXUS_KEEPALIVE_OFF);
        if (keepalive == PLEXUS_KEEPALIVE_ON) {
            EXPECT_EQ(number(socket, IPPROTO_TCP, TCP_KEEPIDLE), 7);
            EXPECT_EQ(number(socket, IPPROTO_TCP, TCP_KEEPINTVL), 8);
            EXPECT_EQ(number(socket, IPPROTO_TCP, TCP_KEEPCNT), 9);
        }
        ::close(socket);
    }
}

TEST_F(connect_test, calls_readable_for_whole_records_only) {
    ASSERT_TRUE(under.serve(chain));
    lower_transport lower(under.transport(), false, true);
    host.lower = lower.service();
    net over(host);
    host.lower = nullptr;
    const auto client = over.dial(to(under.port));
    ASSERT_EQ(client->status, PLEXUS_OK);
    const auto server = under.next();
    const std::size_t before = client->stream->readable_calls;
    server->write(bytes(16384, 'r'));
    EXPECT_TRUE(host.run_until([&] { return client->stream->received.size() == 16384; }));
    EXPECT_EQ(client->stream->readable_calls - before, 1U);
}

} // namespace
} // namespace plexus::test
