#include <gmock/gmock.h>

#include "plexus/abi/draft/sim.h"
#include "plexus/kernel/simulation.hpp"
#include "plexus/stream.hpp"
#include "probe_plugin.hpp"

namespace plexus::test {
namespace {

using kernel::simulation;
using plexus_kernel = kernel::kernel;
using namespace std::chrono_literals;
using testing::HasSubstr;

/// A stream that collects what comes.
struct collector {
    explicit collector(plexus_stream* made) : raw(made) {
        static constexpr plexus_stream_handler handler{
            [](void* to) { static_cast<collector*>(to)->read(); },
            [](void* to) { static_cast<collector*>(to)->write(); }};
        raw->api->set_handler(raw, &handler, this);
        read();
    }
    ~collector() { raw->api->destroy(raw); }
    collector(const collector&) = delete;
    collector& operator=(const collector&) = delete;

    void read() {
        bytes block(1000);
        std::uint64_t taken = 0;
        while ((status = raw->api->try_read(raw, {block.data(), block.size()}, &taken)) == PLEXUS_OK) {
            ++reads;
            received.insert(received.end(), block.begin(),
                            block.begin() + static_cast<std::ptrdiff_t>(taken));
        }
    }
    void write() {
        std::uint64_t given = 0;
        while (!to_write.empty() &&
               raw->api->try_write(raw, {to_write.data(), to_write.size()}, &given) == PLEXUS_OK)
            to_write.erase(to_write.begin(), to_write.begin() + static_cast<std::ptrdiff_t>(given));
    }
    std::string reason() const {
        const plexus_error* failure = raw->api->get_error(raw);
        return failure == nullptr ? "" : std::string(text_of(failure->message));
    }
    bool broken() const { return status != PLEXUS_OK && status != PLEXUS_E_WOULD_BLOCK; }

    plexus_stream* raw;
    std::int32_t status = PLEXUS_OK;
    std::size_t reads = 0;
    bytes received;
    bytes to_write;
};

struct sim_network_test : testing::Test {
    probe_world plugins;
    simulation world{11};
    std::map<std::string, const plexus_sim*> sims;
    std::map<std::string, std::unique_ptr<plexus_kernel>> machines;
    std::unique_ptr<collector> client;
    std::vector<std::unique_ptr<collector>> servers;
    std::optional<std::int32_t> status;
    std::string message;
    plexus_operation* operation = nullptr;
    plexus_listener_handle* handle = nullptr;

    void SetUp() override {
        plugins.add({.id = "on", .init = [this](probe& self) {
                         sims[self.instance] = self.get<plexus_sim>(PLEXUS_SIM_ID);
                         return PLEXUS_OK;
                     }});
        for (const char* host : {"server", "client"}) up(host);
    }
    void TearDown() override {
        if (machines["client"]) machines["client"]->call(0, [this] { client.reset(); });
        if (machines["server"])
            for (const std::uint32_t shard : {0U, 1U})
                machines["server"]->call(shard, [this, shard] {
                    for (std::size_t i = shard; i < servers.size(); i += 2) servers[i].reset();
                });
        machines.clear();
        EXPECT_FALSE(plugins.logged("leaves behind"));
    }

    void up(const std::string& host) {
        auto options = plugins.options();
        options.backend = world.machine(host);
        auto loaded =
            plexus_kernel::load(config("[plugin.on-" + host + "]\nlibrary = 'on'"), std::move(options));
        ASSERT_TRUE(loaded) << loaded.error().message();
        ASSERT_TRUE((*loaded)->start());
        machines[host] = std::move(*loaded);
    }
    const plexus_sim* sim(const std::string& host) { return sims.at("on-" + host); }

    std::int32_t listen(std::uint32_t port = 5223, std::uint32_t most = 0) {
        plexus_listen_options options{};
        options.size = sizeof options;
        options.port = port;
        options.connections_most = most;
        const auto* table = sim("server")->listener;
        const auto accept = [](void* to, plexus_stream* made) {
            static_cast<sim_network_test*>(to)->servers.push_back(std::make_unique<collector>(made));
        };
        return table->listen(table->service.self, &options, accept, this, &handle, nullptr);
    }
    void dial(const std::string& host = "server", std::uint32_t port = 5223, std::uint64_t timeout_ns = 0) {
        status.reset();
        machines["client"]->call(0, [&] {
            plexus_connect_options options{};
            options.size = sizeof options;
            options.host = to_abi(std::string_view(host));
            options.port = port;
            options.timeout_ns = timeout_ns;
            const auto* table = sim("client")->transport;
            const auto done = [](void* to, std::int32_t code, const plexus_error* failure,
                                 plexus_stream* made) {
                auto* self = static_cast<sim_network_test*>(to);
                self->status = code;
                self->message = failure == nullptr ? "" : std::string(text_of(failure->message));
                if (made != nullptr) self->client = std::make_unique<collector>(made);
            };
            ASSERT_EQ(table->connect(table->service.self, &options, done, this, &operation), PLEXUS_OK);
            EXPECT_FALSE(status);
        });
    }
    void connected() {
        ASSERT_EQ(listen(), PLEXUS_OK);
        dial();
        ASSERT_TRUE(world.run_until([this] { return status.has_value() && servers.size() == 1; }));
        ASSERT_EQ(status, PLEXUS_OK) << message;
    }
    /// What the client writes arrives at the server.
    void send(std::size_t size) {
        machines["client"]->call(0, [&] {
            client->to_write = bytes(size);
            for (std::size_t i = 0; i < size; ++i)
                client->to_write[i] = static_cast<std::uint8_t>(i * 31 >> 3);
            client->write();
        });
    }
};

TEST_F(sim_network_test, carries_bytes_in_order_and_pieces) {
    connected();
    send(500'000);
    const bytes sent = [] {
        bytes out(500'000);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i * 31 >> 3);
        return out;
    }();
    EXPECT_TRUE(world.run_until([&] { return servers[0]->received.size() == sent.size(); }));
    EXPECT_EQ(servers[0]->received, sent);
    EXPECT_GT(servers[0]->reads, 501U) << "no read was partial";
    plexus_view peer{};
    ASSERT_EQ(servers[0]->raw->api->get_info(servers[0]->raw, PLEXUS_STREAM_PEER, 0, &peer), PLEXUS_OK);
    EXPECT_EQ(text_of(peer), "client");
}

TEST_F(sim_network_test, ends_in_order) {
    connected();
    send(100'000);
    EXPECT_TRUE(world.run_until([&] { return client->to_write.empty(); }));
    machines["client"]->call(0, [&] { client.reset(); });
    EXPECT_TRUE(world.run_until([&] { return servers[0]->broken(); }));
    EXPECT_EQ(servers[0]->status, PLEXUS_E_CLOSED);
    EXPECT_EQ(servers[0]->received.size(), 100'000U);
}

TEST_F(sim_network_test, refuses_by_name) {
    dial();
    EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
    EXPECT_EQ(status, PLEXUS_E_REFUSED);
    EXPECT_THAT(message, HasSubstr("server:5223"));
    dial("nowhere");
    EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
    EXPECT_EQ(status, PLEXUS_E_NOT_FOUND);
    ASSERT_EQ(listen(), PLEXUS_OK);
    EXPECT_EQ(listen(), PLEXUS_E_BUSY);
}

TEST_F(sim_network_test, bounds_connections) {
    ASSERT_EQ(listen(5223, 1), PLEXUS_OK);
    dial();
    EXPECT_TRUE(world.run_until([this] { return status.has_value() && servers.size() == 1; }));
    EXPECT_EQ(status, PLEXUS_OK);
    auto first = std::move(client);
    dial();
    EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
    EXPECT_EQ(status, PLEXUS_E_REFUSED);
    machines["server"]->call(0, [&] { servers[0].reset(); });
    dial();
    EXPECT_TRUE(world.run_until([this] { return status.has_value() && servers.size() == 2; }));
    EXPECT_EQ(status, PLEXUS_OK);
    machines["client"]->call(0, [&] { first.reset(); });
}

TEST_F(sim_network_test, a_stall_delays_and_loses_nothing) {
    connected();
    world.stall("client", "server", 30s);
    const auto before = world.now();
    send(1000);
    EXPECT_TRUE(world.run_until([&] { return servers[0]->received.size() == 1000; }));
    EXPECT_GE(world.now() - before, 29s);
    world.stall("server", "client", 60s);
    dial("server", 5223, 1'000'000'000);
    EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
    EXPECT_EQ(status, PLEXUS_E_TIMEOUT);
}

TEST_F(sim_network_test, a_cut_breaks_both_ends) {
    connected();
    send(300'000);
    world.cut("client", "server");
    EXPECT_TRUE(world.run_until([&] { return client->broken() && servers[0]->broken(); }));
    EXPECT_EQ(client->status, PLEXUS_E_IO);
    EXPECT_EQ(servers[0]->status, PLEXUS_E_IO);
    EXPECT_THAT(client->reason(), HasSubstr("server"));
    EXPECT_LT(servers[0]->received.size(), 300'000U);
    // New ones can be made.
    auto first = std::move(client);
    dial();
    EXPECT_TRUE(world.run_until([this] { return status.has_value() && servers.size() == 2; }));
    EXPECT_EQ(status, PLEXUS_OK);
    machines["client"]->call(0, [&] { first.reset(); });
}

TEST_F(sim_network_test, a_connect_can_be_cancelled) {
    ASSERT_EQ(listen(), PLEXUS_OK);
    dial();
    machines["client"]->call(0, [&] { operation->cancel(operation); });
    EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
    EXPECT_EQ(status, PLEXUS_E_CANCELLED);
    world.run_for(1s);
    for (const auto& one : servers) EXPECT_EQ(one->status, PLEXUS_E_CLOSED);
}

TEST_F(sim_network_test, a_crash_ends_a_machine_and_another_takes_its_place) {
    connected();
    EXPECT_EQ(sim("server")->crashed(sim("server")->service.self), 0U);
    world.crash("server");
    EXPECT_EQ(sim("server")->crashed(sim("server")->service.self), 1U);
    EXPECT_TRUE(world.run_until([&] { return servers[0]->broken(); }, 1s));
    EXPECT_EQ(listen(443), PLEXUS_E_IO);
    EXPECT_TRUE(world.run_until([&] { return client->broken(); }, 61s));
    machines["server"]->call(0, [&] { servers[0].reset(); });
    const auto* table = sim("server")->listener;
    table->close(table->service.self, handle, {[](void*, std::int32_t, const plexus_error*) {}, nullptr});
    machines["server"].reset();
    dial();
    EXPECT_TRUE(world.run_until([this] { return status.has_value(); }));
    EXPECT_EQ(status, PLEXUS_E_REFUSED);
    up("server");
    EXPECT_EQ(sim("server")->crashed(sim("server")->service.self), 0U);
    EXPECT_EQ(listen(), PLEXUS_OK);
    auto first = std::move(client);
    dial();
    EXPECT_TRUE(world.run_until([this] { return status.has_value() && servers.size() == 2; }));
    EXPECT_EQ(status, PLEXUS_OK);
    machines["client"]->call(0, [&] { first.reset(); });
}

TEST_F(sim_network_test, a_crash_ends_what_is_being_connected) {
    ASSERT_EQ(listen(), PLEXUS_OK);
    world.stall("client", "server", 10min);
    dial();
    world.crash("client");
    EXPECT_TRUE(world.run_until([this] { return status.has_value(); }, 1s));
    EXPECT_EQ(status, PLEXUS_E_IO);
}

TEST(sim_network, is_there_in_a_simulation_alone) {
    probe_world plugins;
    const plexus_sim* seen = nullptr;
    plugins.add({.id = "one", .init = [&](probe& self) {
                     seen = self.get<plexus_sim>(PLEXUS_SIM_ID);
                     return PLEXUS_OK;
                 }});
    auto loaded = plexus_kernel::load(config("[plugin.one]"), plugins.options());
    ASSERT_TRUE(loaded);
    ASSERT_TRUE((*loaded)->start());
    EXPECT_EQ(seen, nullptr);
}

} // namespace
} // namespace plexus::test
