// transport-tls on the real loops, with more than one thread.
#include "test_chain.hpp"

#include "plexus/kernel/kernel.hpp"
#include "plexus/stream.hpp"

#include <gtest/gtest.h>

#include <mutex>

namespace plexus::test {
namespace {

/// A stream that sends back what comes, and ends when its peer does. Lives until then.
class echo {
  public:
    echo(plexus_stream* raw, std::atomic<int>& ended) : stream_(raw), ended_(ended) {
        static constexpr plexus_stream_handler handler{[](void* to) { static_cast<echo*>(to)->go_on(); },
                                                       [](void* to) { static_cast<echo*>(to)->go_on(); }};
        stream_.set_handler(&handler, this);
    }
    void go_on() {
        for (;;) {
            while (!pending_.empty()) {
                const auto given = stream_.try_write(pending_);
                if (!given) return;
                pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(*given));
            }
            bytes block(4096);
            const auto taken = stream_.try_read(block);
            if (!taken && taken.error().is(status::would_block)) return;
            if (!taken) {
                ++ended_;
                delete this;
                return;
            }
            pending_.assign(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(*taken));
        }
    }

  private:
    ~echo() = default;
    stream stream_;
    bytes pending_;
    std::atomic<int>& ended_;
};

struct shared_world {
    std::atomic<int> ended{0};
    std::atomic<int> talked{0};
    std::atomic<int> failed{0};
};

/// Connects, sends a block, waits for it and goes.
task<void> visit(shared_world& world, const plexus_transport* transport, connect_options options) {
    auto made = co_await connect(transport, options);
    bool well = made.has_value();
    if (well) {
        const bytes sent(50'000, 's');
        bytes back(sent.size());
        auto written = co_await made->write_all(sent);
        auto read = co_await made->read_exactly(back);
        well = written.has_value() && read.has_value() && back == sent;
    }
    ++(well ? world.talked : world.failed);
}

TEST(threads, many_clients_on_all_shards) {
    constexpr int clients = 60;
    kernel::kernel_options options;
    options.plugin_folders = {PLEXUS_PLUGIN_FOLDER};
    std::mutex mutex;
    std::string log;
    options.log = [&](std::string_view line) {
        const std::lock_guard lock(mutex);
        log += std::string(line) + "\n";
    };
    auto loaded =
        kernel::kernel::load({"[kernel]\nshards = 3\n[plugin.transport-tls]\n", {}}, std::move(options));
    ASSERT_TRUE(loaded) << loaded.error().message();
    auto& under = **loaded;
    const auto started = under.start();
    ASSERT_TRUE(started) << started.error().message();
    const auto* listener =
        reinterpret_cast<const plexus_listener*>(under.service("transport-tls", PLEXUS_LISTENER_ID));
    const auto* transport =
        reinterpret_cast<const plexus_transport*>(under.service("transport-tls", PLEXUS_TRANSPORT_ID));

    shared_world world;
    const test_chain chain = make_chain();
    plexus_listen_options raw{};
    raw.size = sizeof raw;
    raw.flags = PLEXUS_LISTEN_SECURE;
    raw.address = to_abi(std::string_view("127.0.0.1"));
    raw.chain = to_abi(std::string_view(chain.pem));
    raw.key = to_abi(std::string_view(chain.key));
    const auto accept = [](void* to, plexus_stream* stream) {
        (new echo(stream, static_cast<shared_world*>(to)->ended))->go_on();
    };
    plexus_listener_handle* handle = nullptr;
    ASSERT_EQ(listener->listen(listener->service.self, &raw, accept, &world, &handle, nullptr), PLEXUS_OK);

    connect_options to;
    to.host = "127.0.0.1";
    to.port = static_cast<std::uint16_t>(listener->port(listener->service.self, handle));
    to.key_hash = chain.fingerprint;
    std::array<task_scope, 3> scopes;
    for (int i = 0; i < clients; ++i) {
        const auto shard = static_cast<std::uint32_t>(i % 3);
        under.post(shard, [&, shard] { scopes[shard].spawn(visit(world, transport, to)); });
        if (i % 10 != 0) continue;
        // New handshakes use the new pair; the identity stays.
        EXPECT_EQ(listener->set_credentials(listener->service.self, handle, raw.chain, raw.key, nullptr),
                  PLEXUS_OK);
    }
    const auto tick = [&](const std::atomic<int>& count) {
        while (count < clients && world.failed == 0) under.call(0, [] {});
    };
    tick(world.talked);
    tick(world.ended);
    EXPECT_EQ(world.talked, clients);
    EXPECT_EQ(world.failed, 0);
    std::atomic<bool> closed{false};
    const plexus_completion done{
        [](void* flag, std::int32_t, const plexus_error*) { *static_cast<std::atomic<bool>*>(flag) = true; },
        &closed};
    ASSERT_EQ(listener->close(listener->service.self, handle, done), PLEXUS_OK);
    while (!closed) under.call(0, [] {});
    for (std::uint32_t shard = 0; shard < 3; ++shard)
        under.call(shard, [&, shard] { EXPECT_EQ(scopes[shard].running(), 0U); });
    EXPECT_TRUE(under.stop());
    EXPECT_EQ(log.find("leaves behind"), std::string::npos) << log;
}

} // namespace
} // namespace plexus::test
