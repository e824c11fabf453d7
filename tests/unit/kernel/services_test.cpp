// The kernel's services as an instance sees them.
#include <gmock/gmock.h>

#include <atomic>

#include "probe_plugin.hpp"

namespace plexus::test {
namespace {

using testing::HasSubstr;
using plexus_kernel = kernel::kernel;

/// A running kernel with one instance, whose host the test uses from shards.
class services : public testing::Test {
  protected:
    void SetUp() override {
        world_.add({.id = "user", .capabilities = {PLEXUS_CAP_NET_OUTBOUND}, .init = [this](probe& self) {
                        probe_ = &self;
                        return PLEXUS_OK;
                    }});
        auto loaded = plexus_kernel::load(config("[kernel]\nshards = 2\n[plugin.user]"), world_.options());
        ASSERT_TRUE(loaded) << loaded.error().message();
        kernel_ = std::move(loaded).value();
        ASSERT_TRUE(kernel_->start());
        loop_ = probe_->loop();
    }

    probe_world world_;
    std::unique_ptr<plexus_kernel> kernel_;
    probe* probe_ = nullptr;
    const plexus_loop* loop_ = nullptr;
};

TEST_F(services, the_host_names_program_instance_and_abi) {
    EXPECT_STREQ(probe_->host->name, "test 1");
    EXPECT_STREQ(probe_->host->instance, "user");
    EXPECT_EQ(probe_->host->abi_major, static_cast<std::uint32_t>(PLEXUS_ABI_MAJOR));
    EXPECT_EQ(probe_->host->abi_minor, static_cast<std::uint32_t>(PLEXUS_ABI_MINOR));
    EXPECT_EQ(probe_->host->get_service(probe_->host, "plexus.nothing/1"), nullptr);
    for (const char* id : {PLEXUS_LOG_ID, PLEXUS_CONFIG_ID, PLEXUS_CLOCK_ID, PLEXUS_RANDOM_ID, PLEXUS_LOOP_ID,
                           PLEXUS_METRICS_ID, PLEXUS_RESOLVER_ID, PLEXUS_APP_ID})
        EXPECT_NE(probe_->host->get_service(probe_->host, id), nullptr) << id;
}

TEST_F(services, timers_watches_and_workers_come_and_go) {
    std::atomic<bool> fired{false};
    struct context_type {
        plexus_kernel* kernel;
        std::atomic<bool>* fired;
    } context{kernel_.get(), &fired};
    plexus_timer* timer = nullptr;
    kernel_->call(1, [&] {
        const plexus_task task{[](void* raw) {
                                   const auto& own = *static_cast<context_type*>(raw);
                                   *own.fired = true;
                                   own.kernel->wake();
                               },
                               &context};
        ASSERT_EQ(loop_->timer_create(loop_->service.self, task, &timer), PLEXUS_OK);
        loop_->timer_arm(loop_->service.self, timer, 1000);
    });
    kernel_->run_until([&] { return fired.load(); });
    kernel_->call(1, [&] { loop_->timer_destroy(loop_->service.self, timer); });

    plexus_worker* worker = nullptr;
    ASSERT_EQ(loop_->worker_create(loop_->service.self, "files", &worker), PLEXUS_OK);
    bool worked = false;
    const plexus_task work{[](void* flag) { *static_cast<bool*>(flag) = true; }, &worked};
    EXPECT_EQ(loop_->worker_submit(loop_->service.self, worker, {nullptr, nullptr}, work), PLEXUS_E_INVALID);
    EXPECT_EQ(loop_->worker_submit(loop_->service.self, worker, work, {nullptr, nullptr}), PLEXUS_OK);
    loop_->worker_destroy(loop_->service.self, worker);
    EXPECT_TRUE(worked);
    EXPECT_EQ(loop_->post(loop_->service.self, 9, work), PLEXUS_E_INVALID);
    ASSERT_TRUE(kernel_->stop());
    EXPECT_FALSE(world_.logged("leaves behind"));
}

TEST_F(services, metrics_count_and_are_shared_by_name) {
    const auto* metrics = probe_->get<plexus_metrics>(PLEXUS_METRICS_ID);
    void* own = metrics->service.self;
    plexus_metric* counter = nullptr;
    plexus_metric* again = nullptr;
    plexus_metric* gauge = nullptr;
    ASSERT_EQ(metrics->create(own, PLEXUS_METRIC_COUNTER, "messages_total", "Messages", &counter), PLEXUS_OK);
    ASSERT_EQ(metrics->create(own, PLEXUS_METRIC_COUNTER, "messages_total", "Messages", &again), PLEXUS_OK);
    EXPECT_EQ(counter, again);
    ASSERT_EQ(metrics->create(own, PLEXUS_METRIC_GAUGE, "open_streams", "Streams", &gauge), PLEXUS_OK);
    plexus_metric* wrong = nullptr;
    EXPECT_EQ(metrics->create(own, PLEXUS_METRIC_GAUGE, "messages_total", "", &wrong), PLEXUS_E_INVALID);
    EXPECT_EQ(metrics->create(own, PLEXUS_METRIC_GAUGE, "Bad Name", "", &wrong), PLEXUS_E_INVALID);
    EXPECT_EQ(wrong, nullptr);
    metrics->add(own, counter, 2);
    metrics->add(own, again, 3);
    metrics->set(own, gauge, 9);
    metrics->set(own, gauge, -1);
    EXPECT_EQ(kernel_->metrics(), "# HELP messages_total Messages\n# TYPE messages_total counter\n"
                                  "messages_total{instance=\"user\"} 5\n"
                                  "# HELP open_streams Streams\n# TYPE open_streams gauge\n"
                                  "open_streams{instance=\"user\"} -1\n");
}

class resolving : public services {
  protected:
    struct answer {
        plexus_kernel* kernel;
        bool inside = true;        ///< the call has not returned yet
        std::atomic<int> count{0}; ///< set last
        std::int32_t status = -1;
        std::string message{};
        std::vector<plexus_address> addresses{};
    };

    static void done(void* context, std::int32_t status, const plexus_error* error,
                     const plexus_address* addresses, std::uint32_t count) {
        auto& out = *static_cast<answer*>(context);
        EXPECT_FALSE(out.inside) << "completed inside the call";
        out.status = status;
        if (error != nullptr)
            out.message.assign(reinterpret_cast<const char*>(error->message.data), error->message.size);
        out.addresses.assign(addresses, addresses + count);
        ++out.count;
        out.kernel->wake();
    }

    std::int32_t resolve(std::string_view host, answer& out, bool cancel = false) {
        const auto* resolver = probe_->get<plexus_resolver>(PLEXUS_RESOLVER_ID);
        std::int32_t status = -1;
        kernel_->call(0, [&] {
            plexus_operation* operation = nullptr;
            status = resolver->resolve(resolver->service.self,
                                       {reinterpret_cast<const std::uint8_t*>(host.data()), host.size()}, 443,
                                       done, &out, &operation);
            if (cancel && status == PLEXUS_OK) operation->cancel(operation);
            out.inside = false;
        });
        if (status == PLEXUS_OK) kernel_->run_until([&] { return out.count > 0; });
        return status;
    }
};

TEST_F(resolving, numeric_addresses_are_themselves) {
    answer four{kernel_.get()};
    ASSERT_EQ(resolve("127.0.0.1", four), PLEXUS_OK);
    ASSERT_EQ(four.addresses.size(), 1U);
    EXPECT_EQ(four.addresses[0].family, 4U);
    EXPECT_EQ(four.addresses[0].port, 443U);
    EXPECT_EQ(four.addresses[0].bytes[3], 1);
    answer six{kernel_.get()};
    ASSERT_EQ(resolve("[::1]", six), PLEXUS_OK);
    ASSERT_EQ(six.addresses.size(), 1U);
    EXPECT_EQ(six.addresses[0].family, 6U);
    EXPECT_EQ(six.addresses[0].bytes[15], 1);
}

TEST_F(resolving, onion_names_never_leave) {
    answer out{kernel_.get()};
    for (const char* name : {"abcdef.onion", "ABC.Onion", "x.y.ONION.", ".onion", ""})
        EXPECT_EQ(resolve(name, out), PLEXUS_E_INVALID) << name;
    EXPECT_EQ(resolve(std::string(300, 'a'), out), PLEXUS_E_INVALID);
    EXPECT_EQ(resolve(std::string_view("a\0b", 3), out), PLEXUS_E_INVALID);
    EXPECT_EQ(out.count, 0);
}

TEST_F(resolving, cancel_completes_once) {
    answer out{kernel_.get()};
    ASSERT_EQ(resolve("localhost", out, true), PLEXUS_OK);
    EXPECT_EQ(out.status, PLEXUS_E_CANCELLED);
    EXPECT_THAT(out.message, HasSubstr("cancelled"));
    ASSERT_TRUE(kernel_->stop());
    EXPECT_EQ(out.count, 1);
    EXPECT_FALSE(world_.logged("leaves behind"));
}

} // namespace
} // namespace plexus::test
