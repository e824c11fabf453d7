#include "network_world.hpp"

#include "plexus/kernel/library.hpp"
#include "plexus/plugin.hpp"
#include "plexus/stream.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace plexus::test {
namespace {

fake_network* current = nullptr; // of the world that is being made; one at a time

/// A stream that only counts.
struct counted_stream : plexus_stream {
    explicit counted_stream(fake_network& to) : plexus_stream(), owner(&to) {
        static const plexus_stream_api table = [] {
            plexus_stream_api out{};
            out.size = sizeof out;
            out.set_handler = [](plexus_stream*, const plexus_stream_handler*, void*) {};
            out.destroy = [](plexus_stream* self) {
                --static_cast<counted_stream*>(self)->owner->streams;
                delete static_cast<counted_stream*>(self);
            };
            return out;
        }();
        api = &table;
        ++owner->streams;
    }
    fake_network* owner;
};

/// One connection under way.
struct attempt : plexus_operation {
    using done_function = void (*)(void*, std::int32_t, const plexus_error*, plexus_stream*);

    attempt(fake_network& to, loop_ref loop, std::size_t index, done_function finished, void* with)
        : plexus_operation(), owner(&to), call(index), done(finished), context(with),
          alarm(loop, [this] { end(); }) {
        cancel = [](plexus_operation* raw) {
            auto* self = static_cast<attempt*>(raw);
            self->owner->calls[self->call].cancelled = true;
            self->status = PLEXUS_E_CANCELLED;
            self->alarm.arm(nanoseconds(0));
        };
    }
    void end() {
        const auto error = plexus::error("plexus", status, "the test says so", true);
        const auto lent = lend(error);
        auto* made = status == PLEXUS_OK ? new counted_stream(*owner) : nullptr;
        const auto finished = done;
        void* const with = context;
        const auto code = status;
        delete this;
        finished(with, code, code == PLEXUS_OK ? nullptr : &lent, made);
    }

    fake_network* owner;
    std::size_t call;
    done_function done;
    void* context;
    std::int32_t status = PLEXUS_OK;
    timer alarm;
};

class fake_transport final : public plugin_base {
  public:
    explicit fake_transport(host_ref host) : plugin_base(host), state_(current) {
        table_.service = {sizeof table_, 0, this};
        table_.connect = [](void* self, const plexus_connect_options* options, attempt::done_function done,
                            void* context, plexus_operation** operation) {
            return guard(nullptr, [&]() -> result<void> {
                static_cast<fake_transport*>(self)->connect(*options, done, context, operation);
                return {};
            });
        };
    }
    const plexus_service* service(std::string_view) noexcept override { return &table_.service; }

  private:
    void connect(const plexus_connect_options& options, attempt::done_function done, void* context,
                 plexus_operation** operation) {
        const loop_ref loop(host().service<plexus_loop>(PLEXUS_LOOP_ID));
        const clock_view clock(host().service<plexus_clock>(PLEXUS_CLOCK_ID));
        dialed call{std::string(text_of(options.host)),
                    options.port,
                    options.flags,
                    options.alpn_count > 0 ? std::string(text_of(options.alpn[0])) : std::string(),
                    std::string(text_of(options.isolation)),
                    nanoseconds(static_cast<std::int64_t>(options.timeout_ns)),
                    options.keepalive,
                    options.keepalive_idle,
                    clock.monotonic()};
        const auto& known = call.carried() ? state_->carried : state_->direct;
        state_->calls.push_back(call);
        auto* made = new attempt(*state_, loop, state_->calls.size() - 1, done, context);
        if (operation != nullptr) *operation = made;
        if (const auto found = known.find(call.host); found != known.end()) {
            made->status = found->second.status;
            made->alarm.arm(found->second.after);
        }
    }

    fake_network* state_;
    plexus_transport table_{};
};

class fake_proxy final : public plugin_base {
  public:
    explicit fake_proxy(host_ref host) : plugin_base(host), state_(current) {
        table_.service = {sizeof table_, 0, this};
        table_.status = [](void* self, plexus_proxy_told told, void* context) {
            const auto now = status_of(state(self));
            told(context, &now);
        };
        table_.watch = [](void* self, plexus_proxy_told told, void* context, plexus_proxy_watch** watch) {
            state(self).told = told;
            state(self).told_context = context;
            *watch = reinterpret_cast<plexus_proxy_watch*>(self);
            return std::int32_t{PLEXUS_OK};
        };
        table_.unwatch = [](void* self, plexus_proxy_watch*) { state(self).told = nullptr; };
        table_.configure = [](void* self, plexus_view address, plexus_error** failure) {
            return guard(failure, [&]() -> result<void> {
                const std::string text(text_of(address));
                if (text == "nonsense")
                    return make_error(status::invalid, "nonsense is no address of a proxy");
                auto& fake = state(self);
                fake.configured.push_back(text);
                fake.state = text == "off" ? PLEXUS_PROXY_OFF : PLEXUS_PROXY_READY;
                fake.address = text == "off" ? "" : text;
                return {};
            });
        };
        table_.renew = [](void* self, plexus_completion done) {
            ++state(self).renewed;
            const loop_ref loop(static_cast<fake_proxy*>(self)->host().service<plexus_loop>(PLEXUS_LOOP_ID));
            const bool posted = loop.post(0, [done] { done.done(done.context, PLEXUS_OK, nullptr); });
            return std::int32_t{posted ? PLEXUS_OK : PLEXUS_E_STOPPING};
        };
    }
    const plexus_service* service(std::string_view) noexcept override { return &table_.service; }

    static plexus_proxy_status status_of(const fake_network& from) {
        plexus_proxy_status out{};
        out.size = sizeof out;
        out.state = from.state;
        out.percent = from.state == PLEXUS_PROXY_READY ? 100 : 40;
        out.kind = to_abi(std::string_view(from.kind));
        out.address = to_abi(std::string_view(from.address));
        out.summary = to_abi(std::string_view("as the test says"));
        return out;
    }

  private:
    static fake_network& state(void* self) { return *static_cast<fake_proxy*>(self)->state_; }

    fake_network* state_;
    plexus_proxy table_{};
};

constexpr const char* transport_provides[] = {PLEXUS_TRANSPORT_ID, nullptr};
constexpr const char* proxy_provides[] = {PLEXUS_PROXY_ID, nullptr};
constexpr plugin_info transport_info{.id = "fake-transport",
                                     .version = "1",
                                     .summary = "A transport that a test plays",
                                     .provides = transport_provides};
constexpr plugin_info proxy_info{
    .id = "fake-proxy", .version = "1", .summary = "A proxy that a test plays", .provides = proxy_provides};
const plexus_descriptor transport_descriptor = make_descriptor<fake_transport>(transport_info);
const plexus_descriptor proxy_descriptor = make_descriptor<fake_proxy>(proxy_info);

} // namespace

network_world::network_world(const std::string& more, bool with_proxy, std::uint32_t state, std::string kind)
    : fake_(std::make_unique<fake_network>()) {
    fake_->kind = std::move(kind);
    fake_->state = state;
    if (state != PLEXUS_PROXY_OFF && fake_->kind == "socks") fake_->address = "127.0.0.1:9050";
    current = fake_.get();
    kernel::kernel_options options;
    options.built_in = {&transport_descriptor, &proxy_descriptor};
    options.plugin_folders = {kernel::default_plugin_folder()};
    options.log = [](std::string_view) {};
    options.backend = time_.machine("messenger", 2);
    const auto loaded_text = std::string("[plugin.fake-transport]\n") +
                             (with_proxy ? "[plugin.fake-proxy]\n" : "") + "[plugin.network]\n" + more;
    auto loaded = kernel::kernel::load({loaded_text, {}}, std::move(options));
    if (!loaded) {
        failure_ = loaded.error().message();
        return;
    }
    kernel_ = std::move(*loaded);
    if (const auto started = kernel_->start(); !started) {
        failure_ = started.error().message();
        kernel_.reset();
        return;
    }
    network_ = reinterpret_cast<const plexus_network*>(kernel_->service("network", PLEXUS_NETWORK_ID));
    time_.run_for(std::chrono::milliseconds(1));
    kernel_->call(0, [this] {
        const auto changed = [](void* self, std::uint32_t what) {
            static_cast<network_world*>(self)->events_.push_back(what);
        };
        ASSERT_EQ(network_->watch(network_->service.self, changed, this, &watch_), PLEXUS_OK);
    });
}

network_world::~network_world() { stop(); }

void network_world::stop() {
    if (!kernel_) return;
    kernel_->call(0, [this] {
        for (auto& each : outcomes_) {
            if (each.link != nullptr)
                network_->closed(network_->service.self, std::exchange(each.link, nullptr), {});
            if (each.stream != nullptr) stream unwanted(std::exchange(each.stream, nullptr));
        }
        network_->unwatch(network_->service.self, watch_);
    });
    const auto stopped = kernel_->stop();
    EXPECT_TRUE(stopped) << stopped.error().message();
    kernel_.reset();
    EXPECT_EQ(fake_->streams, 0);
}

outcome& network_world::dial(const request& what) {
    auto& out = outcomes_.emplace_back();
    const auto done = [](void* context, std::int32_t code, const plexus_error* failure,
                         const plexus_network_connected* connected) {
        auto& self = *static_cast<outcome*>(context);
        EXPECT_FALSE(self.over) << "a completion came twice";
        self.over = true;
        self.status = code;
        self.operation = nullptr;
        if (failure != nullptr) self.message = text_of(failure->message);
        if (connected == nullptr) return;
        self.host = text_of(connected->host);
        self.port = connected->port;
        self.flags = connected->flags;
        self.response = nanoseconds(static_cast<std::int64_t>(connected->response_ns));
        self.stream = connected->stream;
        self.link = connected->link;
    };
    kernel_->call(0, [&] {
        std::vector<plexus_view> hosts;
        for (const auto& each : what.hosts) hosts.push_back(to_abi(std::string_view(each)));
        const std::array<std::uint8_t, 32> key{};
        plexus_network_server server{};
        server.size = sizeof server;
        server.flags = what.flags;
        server.hosts = hosts.data();
        server.host_count = static_cast<std::uint32_t>(hosts.size());
        server.port = what.port;
        server.default_port = 5223;
        server.web_port = 443;
        server.alpn = to_abi(std::string_view("smp/1"));
        server.web_alpn = to_abi(std::string_view("http/1.1"));
        server.key_hash = to_abi(bytes_view(key));
        server.profile = to_abi(std::string_view("1"));
        server.entity = to_abi(std::string_view(what.entity));
        ASSERT_EQ(network_->connect(network_->service.self, &server, done, &out, &out.operation), PLEXUS_OK);
    });
    return out;
}

outcome& network_world::wait(outcome& one) {
    EXPECT_TRUE(time_.run_until([&] { return one.over; })) << "no completion";
    time_.run_for(std::chrono::milliseconds(1)); // what was cancelled ends, too
    return one;
}

void network_world::cancel(outcome& one) {
    kernel_->call(0, [&] {
        if (one.operation != nullptr) one.operation->cancel(one.operation);
    });
}

void network_world::close(outcome& one, const std::string& why) {
    kernel_->call(0, [&] {
        stream unwanted(std::exchange(one.stream, nullptr));
        network_->closed(network_->service.self, std::exchange(one.link, nullptr),
                         to_abi(std::string_view(why)));
    });
}

void network_world::answered(outcome& one, nanoseconds took) {
    network_->answered(network_->service.self, one.link, static_cast<std::uint64_t>(took.count()));
}

std::string network_world::change(const std::string& text, std::uint32_t flags) {
    std::string out;
    kernel_->call(0, [&] {
        plexus_error* failure = nullptr;
        const auto code =
            network_->change(network_->service.self, to_abi(std::string_view(text)), flags, &failure);
        if (code != PLEXUS_OK) out = take_error(code, failure).message();
    });
    time_.run_for(std::chrono::milliseconds(1));
    return out;
}

std::string network_world::renew() {
    std::string out;
    kernel_->call(0, [&] {
        plexus_error* failure = nullptr;
        const auto code = network_->renew(network_->service.self, &failure);
        if (code != PLEXUS_OK) out = take_error(code, failure).message();
    });
    time_.run_for(std::chrono::milliseconds(1));
    return out;
}

json::object network_world::read(std::uint32_t what) {
    std::string text;
    network_->read(
        network_->service.self, what,
        [](void* context, plexus_view given) { *static_cast<std::string*>(context) = text_of(given); },
        &text);
    return json::parse(text).as_object();
}

void network_world::proxy_becomes(std::uint32_t state) {
    kernel_->call(0, [&] {
        fake_->state = state;
        const auto now = fake_proxy::status_of(*fake_);
        fake_->told(fake_->told_context, &now);
    });
    time_.run_for(std::chrono::milliseconds(1));
}

} // namespace plexus::test
