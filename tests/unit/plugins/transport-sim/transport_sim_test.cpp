#include "machine.hpp"
#include "vectors.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/stream.hpp"

#include <gmock/gmock.h>

namespace plexus::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr const char* with_transport = "[plugin.transport]\nlibrary = 'transport-sim'\n";

/// Reads all that comes.
class wire {
  public:
    explicit wire(plexus_stream* made) : stream_(made) {
        static constexpr plexus_stream_handler handler{[](void* to) { static_cast<wire*>(to)->read(); },
                                                       [](void* to) { static_cast<wire*>(to)->flush(); }};
        stream_.set_handler(&handler, this);
        read();
    }
    void write(std::string_view text) {
        to_write_ += text;
        flush();
    }
    std::string text(std::uint32_t what) const {
        const auto found = stream_.info(what);
        return found ? to_string(*found) : "none";
    }
    stream& with() { return stream_; }
    std::string received;
    std::optional<error> ended;

  private:
    void read() {
        bytes block(100);
        for (;;) {
            auto taken = stream_.try_read(block);
            if (!taken) {
                if (!taken.error().is(status::would_block)) ended = taken.error();
                return;
            }
            received.append(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(*taken));
        }
    }
    void flush() {
        while (!to_write_.empty()) {
            const auto given = stream_.try_write(as_bytes(to_write_));
            if (!given) return;
            to_write_.erase(0, *given);
        }
    }
    stream stream_;
    std::string to_write_;
};

struct transport_sim_test : testing::Test {
    kernel::simulation world{5};
    machine server{world, "server", with_transport};
    machine client{world, "client", with_transport};
    std::string chain;
    std::vector<bytes> certificates;
    bytes fingerprint;
    plexus_listener_handle* handle = nullptr;
    std::vector<std::pair<std::uint32_t, std::unique_ptr<wire>>> accepted;
    std::unique_ptr<wire> made;
    std::optional<std::int32_t> status;
    std::string message;
    std::string client_chain;
    plexus_operation* operation = nullptr;

    void SetUp() override {
        const auto vector = vectors("handshake.json", "serverCertificates").at(0);
        chain = text_field(vector, "serverCertPem") + text_field(vector, "caCertPem");
        certificates = {hex_field(vector, "serverCertDer"), hex_field(vector, "caCertDer")};
        fingerprint = hex_field(vector, "fingerprint");
        server.start();
        client.start();
    }
    void TearDown() override {
        if (client.running()) client.on_shard(0, [this] { made.reset(); });
        if (server.running()) {
            for (const std::uint32_t shard : {0U, 1U})
                server.on_shard(shard, [&] {
                    std::erase_if(accepted, [shard](const auto& one) { return one.first == shard; });
                });
            close();
        }
        client.stop();
        server.stop();
        EXPECT_TRUE(client.left_behind().empty()) << client.left_behind().front();
        EXPECT_TRUE(server.left_behind().empty()) << server.left_behind().front();
    }

    std::int32_t listen(std::string_view pem, std::uint32_t flags = PLEXUS_LISTEN_SECURE) {
        const plexus_view alpn[] = {to_abi(std::string_view("smp/1")), to_abi(std::string_view("h2"))};
        plexus_listen_options options{};
        options.size = sizeof options;
        options.flags = flags;
        options.port = 5223;
        options.alpn_count = 2;
        options.alpn = alpn;
        options.chain = to_abi(pem);
        const auto* table = server.service<plexus_listener>("transport", PLEXUS_LISTENER_ID);
        const auto accept = [](void* raw, plexus_stream* stream) {
            auto* self = static_cast<transport_sim_test*>(raw);
            const auto shard = static_cast<std::uint32_t>(self->server.kernel().backend().current_shard());
            self->accepted.emplace_back(shard, std::make_unique<wire>(stream));
        };
        plexus_error* failure = nullptr;
        const std::int32_t code =
            table->listen(table->service.self, &options, accept, this, &handle, &failure);
        if (failure != nullptr) message = take_error(code, failure).message();
        return code;
    }
    void close() {
        if (handle == nullptr) return;
        const auto* table = server.service<plexus_listener>("transport", PLEXUS_LISTENER_ID);
        bool over = false;
        const plexus_completion done{
            [](void* to, std::int32_t, const plexus_error*) { *static_cast<bool*>(to) = true; }, &over};
        EXPECT_EQ(table->close(table->service.self, std::exchange(handle, nullptr), done), PLEXUS_OK);
        EXPECT_TRUE(world.run_until([&] { return over; }));
    }
    std::int32_t begin_dial(const bytes& key_hash, std::vector<std::string_view> alpn,
                            std::uint32_t flags = PLEXUS_CONNECT_SECURE, std::uint64_t timeout_ns = 0) {
        status.reset();
        std::int32_t code = PLEXUS_OK;
        client.on_shard(0, [&] {
            std::vector<plexus_view> offered;
            for (const auto one : alpn) offered.push_back(to_abi(one));
            plexus_connect_options options{};
            options.size = sizeof options;
            options.flags = flags;
            options.host = to_abi(std::string_view("server"));
            options.port = 5223;
            options.alpn_count = static_cast<std::uint32_t>(offered.size());
            options.alpn = offered.data();
            options.key_hash = to_abi(bytes_view(key_hash));
            options.server_name = to_abi(std::string_view("smp.example.org"));
            options.timeout_ns = timeout_ns;
            options.client_chain = to_abi(std::string_view(client_chain));
            const auto* table = client.service<plexus_transport>("transport", PLEXUS_TRANSPORT_ID);
            const auto done = [](void* raw, std::int32_t outcome, const plexus_error* failure,
                                 plexus_stream* stream) {
                auto* self = static_cast<transport_sim_test*>(raw);
                self->status = outcome;
                self->message = failure == nullptr ? "" : std::string(text_of(failure->message));
                if (stream != nullptr) self->made = std::make_unique<wire>(stream);
            };
            code = table->connect(table->service.self, &options, done, this, &operation);
            EXPECT_FALSE(status) << "completed inside the call";
        });
        return code;
    }
    std::int32_t dial(std::vector<std::string_view> alpn) {
        EXPECT_EQ(begin_dial(fingerprint, std::move(alpn)), PLEXUS_OK);
        EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
        return status.value_or(-1);
    }
};

TEST_F(transport_sim_test, tells_what_tls_would_tell) {
    ASSERT_EQ(listen(chain), PLEXUS_OK) << message;
    ASSERT_EQ(dial({"other", "smp/1"}), PLEXUS_OK) << message;
    ASSERT_TRUE(world.run_until([this] { return accepted.size() == 1; }));
    wire& other = *accepted[0].second;
    EXPECT_EQ(made->text(PLEXUS_STREAM_ALPN), "smp/1");
    EXPECT_EQ(other.text(PLEXUS_STREAM_ALPN), "smp/1");
    EXPECT_EQ(other.text(PLEXUS_STREAM_SNI), "smp.example.org");
    EXPECT_EQ(made->text(PLEXUS_STREAM_PEER), "server");
    EXPECT_EQ(other.text(PLEXUS_STREAM_PEER), "client");
    EXPECT_EQ(made->text(PLEXUS_STREAM_CHANNEL_BINDING).size(), 32U);
    EXPECT_EQ(made->text(PLEXUS_STREAM_CHANNEL_BINDING), other.text(PLEXUS_STREAM_CHANNEL_BINDING));
    EXPECT_EQ(made->with().peer_chain(), certificates);
    EXPECT_EQ(to_bytes(other.with().info(PLEXUS_STREAM_OWN_CERTIFICATE, 1).value()), certificates[1]);
    EXPECT_TRUE(other.with().peer_chain().empty());
}

TEST_F(transport_sim_test, shows_the_certificates_of_a_client_to_who_asks) {
    client_chain = chain;
    for (const bool asked : {true, false}) {
        const std::uint32_t flags = asked ? PLEXUS_LISTEN_SECURE | PLEXUS_LISTEN_ASK_CERTIFICATE
                                          : static_cast<std::uint32_t>(PLEXUS_LISTEN_SECURE);
        ASSERT_EQ(listen(chain, flags), PLEXUS_OK) << message;
        const auto before = accepted.size();
        ASSERT_EQ(dial({"smp/1"}), PLEXUS_OK) << message;
        ASSERT_TRUE(world.run_until([&] { return accepted.size() == before + 1; }));
        EXPECT_EQ(accepted.back().second->with().peer_chain(), asked ? certificates : std::vector<bytes>());
        close();
    }
    client_chain = "no PEM";
    EXPECT_EQ(begin_dial(fingerprint, {}), PLEXUS_E_INVALID);
}

TEST_F(transport_sim_test, carries_bytes) {
    ASSERT_EQ(listen(chain), PLEXUS_OK);
    ASSERT_EQ(dial({}), PLEXUS_OK);
    ASSERT_TRUE(world.run_until([this] { return accepted.size() == 1; }));
    const std::string text(100'000, 't');
    client.on_shard(0, [&] { made->write(text); });
    EXPECT_TRUE(world.run_until([&] { return accepted[0].second->received.size() == text.size(); }));
    client.on_shard(0, [&] { made.reset(); });
    EXPECT_TRUE(world.run_until([&] { return accepted[0].second->ended.has_value(); }));
    EXPECT_TRUE(accepted[0].second->ended->is(status::closed));
}

TEST_F(transport_sim_test, refuses_another_fingerprint) {
    ASSERT_EQ(listen(chain), PLEXUS_OK);
    ASSERT_EQ(begin_dial(bytes(32), {"smp/1"}), PLEXUS_OK);
    EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
    EXPECT_EQ(status, PLEXUS_E_IDENTITY);
    EXPECT_THAT(message, HasSubstr("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    world.run_for(10s);
    EXPECT_TRUE(accepted.empty());
    EXPECT_EQ(begin_dial(bytes(31), {}), PLEXUS_E_INVALID);
}

TEST_F(transport_sim_test, answers_alpn) {
    ASSERT_EQ(listen(chain), PLEXUS_OK);
    EXPECT_EQ(dial({"xftp/1"}), PLEXUS_E_PROTOCOL);
    EXPECT_THAT(message, HasSubstr("no application protocol"));
    EXPECT_EQ(dial({}), PLEXUS_OK);
    EXPECT_EQ(made->text(PLEXUS_STREAM_ALPN), "");
}

TEST_F(transport_sim_test, fails_with_the_network) {
    EXPECT_EQ(dial({}), PLEXUS_E_REFUSED);
    ASSERT_EQ(listen(chain), PLEXUS_OK);
    world.stall("client", "server", 1min);
    ASSERT_EQ(begin_dial(fingerprint, {}, PLEXUS_CONNECT_SECURE, 1'000'000'000), PLEXUS_OK);
    EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
    EXPECT_EQ(status, PLEXUS_E_TIMEOUT);
    ASSERT_EQ(begin_dial(fingerprint, {}), PLEXUS_OK);
    client.on_shard(0, [this] { operation->cancel(operation); });
    EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
    EXPECT_EQ(status, PLEXUS_E_CANCELLED);
}

TEST_F(transport_sim_test, passes_raw_streams_through) {
    ASSERT_EQ(listen({}, 0), PLEXUS_OK) << message;
    ASSERT_EQ(begin_dial({}, {}, 0), PLEXUS_OK);
    EXPECT_TRUE(world.run_until([this] { return status.has_value() && accepted.size() == 1; }));
    EXPECT_EQ(made->text(PLEXUS_STREAM_CHANNEL_BINDING), "none");
    client.on_shard(0, [this] { made->write("raw"); });
    EXPECT_TRUE(world.run_until([this] { return accepted[0].second->received == "raw"; }));
}

TEST_F(transport_sim_test, refuses_bad_chains) {
    EXPECT_EQ(listen("nothing"), PLEXUS_E_INVALID);
    EXPECT_THAT(message, HasSubstr("0 were given"));
}

TEST_F(transport_sim_test, cuts_in_the_handshake_are_errors) {
    ASSERT_EQ(listen(chain), PLEXUS_OK);
    std::size_t failed = 0;
    for (int i = 0; i < 30; ++i) {
        ASSERT_EQ(begin_dial(fingerprint, {"smp/1"}), PLEXUS_OK);
        for (std::uint64_t steps = world.choose(30); steps > 0; --steps) world.step();
        world.cut("client", "server");
        EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
        if (status != PLEXUS_OK) ++failed;
        client.on_shard(0, [this] { made.reset(); });
    }
    EXPECT_GT(failed, 0U);
}

TEST_F(transport_sim_test, stops_with_handshakes_under_way) {
    ASSERT_EQ(listen(chain), PLEXUS_OK);
    ASSERT_EQ(begin_dial(fingerprint, {"smp/1"}), PLEXUS_OK);
    for (int i = 0; i < 5; ++i) world.step();
    client.stop();
    EXPECT_EQ(status, PLEXUS_E_CANCELLED);
    world.run_for(1min);
}

TEST_F(transport_sim_test, a_crash_ends_streams_and_handshakes) {
    ASSERT_EQ(listen(chain), PLEXUS_OK);
    ASSERT_EQ(dial({}), PLEXUS_OK);
    ASSERT_TRUE(world.run_until([this] { return accepted.size() == 1; }));
    server.before_end = [this] {
        for (const std::uint32_t shard : {0U, 1U})
            server.on_shard(shard, [&] {
                std::erase_if(accepted, [shard](const auto& one) { return one.first == shard; });
            });
        close();
    };
    server.crash();
    EXPECT_TRUE(world.run_until([this] { return made->ended.has_value(); }, 61s));
    EXPECT_TRUE(made->ended->is(status::io));
    server.start();
    ASSERT_EQ(listen(chain), PLEXUS_OK);
    client.on_shard(0, [this] { made.reset(); });
    EXPECT_EQ(dial({"smp/1"}), PLEXUS_OK) << message;
}

TEST(transport_sim, works_in_a_simulation_alone) {
    kernel::kernel_options options;
    options.plugin_folders = {PLEXUS_PLUGIN_FOLDER};
    options.log = [](std::string_view) {};
    auto loaded = kernel::kernel::load({with_transport, {}}, std::move(options));
    ASSERT_TRUE(loaded) << loaded.error().message();
    const auto started = (*loaded)->start();
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message(), HasSubstr("simulation only"));
}

} // namespace
} // namespace plexus::test
