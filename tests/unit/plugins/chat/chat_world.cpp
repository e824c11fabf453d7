#include "chat_world.hpp"

#include "plexus/abi/transport.h"
#include "plexus/kernel/library.hpp"
#include "plexus/plugin.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <chrono>

namespace plexus::test {
namespace {

fake_agent* current = nullptr; // the world that is being made; one at a time

class fake_agent_plugin final : public plugin_base {
  public:
    explicit fake_agent_plugin(host_ref host) : plugin_base(host), state_(current) {
        table_.service.size = sizeof table_;
        table_.service.self = this;
        table_.set_receiver = [](void* self, void (*event)(void*, const plexus_agent_event*), void* context) {
            state(self).receive = event;
            state(self).receiver = context;
            return std::int32_t{PLEXUS_OK};
        };
        table_.create = [](void* self, const plexus_agent_create_options* options,
                           void (*done)(void*, std::int32_t, const plexus_error*, const plexus_agent_link*),
                           void* context) {
            auto& agent = state(self);
            agent.calls.emplace_back("create");
            agent.last_user_data = text_of(options->user_data);
            const auto connection = agent.next_connection++;
            return later(self, [done, context, connection] {
                plexus_agent_link link{};
                link.size = sizeof link;
                link.connection = connection;
                link.full = to_abi(std::string_view(invitation_link));
                link.short_ = to_abi(std::string_view(short_invitation_link));
                done(context, PLEXUS_OK, nullptr, &link);
            });
        };
        table_.join = [](void* self, plexus_view link, plexus_view info,
                         void (*done)(void*, std::int32_t, const plexus_error*, std::uint64_t),
                         void* context) {
            auto& agent = state(self);
            agent.calls.push_back("join " + std::string(text_of(link)));
            agent.last_info = text_of(info);
            const auto status = agent.join_status;
            const auto connection = status == PLEXUS_OK ? agent.next_connection++ : 0;
            return later(self,
                         [done, context, connection, status] { done(context, status, nullptr, connection); });
        };
        table_.allow = [](void* self, std::uint64_t connection, std::uint64_t confirmation, plexus_view info,
                          plexus_completion done) {
            auto& agent = state(self);
            agent.calls.push_back("allow " + std::to_string(connection) + " " + std::to_string(confirmation));
            agent.last_info = text_of(info);
            return later(self, [done] { done.done(done.context, PLEXUS_OK, nullptr); });
        };
        table_.send =
            [](void* self, std::uint64_t connection, std::uint64_t tag, std::uint32_t, plexus_view body,
               void (*done)(void*, std::int32_t, const plexus_error*, std::uint64_t), void* context) {
                auto& agent = state(self);
                const bool fresh = tag == 0 || tag > agent.last_tag;
                const auto id = fresh ? agent.next_message++ : 0;
                if (fresh && !agent.loses_sends) {
                    agent.last_tag = std::max(agent.last_tag, tag);
                    agent.sent.push_back({connection, id, tag, std::string(text_of(body))});
                }
                agent.calls.push_back("send " + std::to_string(connection));
                if (agent.holds_sends) {
                    // It is told at the end, when nobody listens any more.
                    static_cast<fake_agent_plugin*>(self)->held_.push_back(
                        [done, context] { done(context, PLEXUS_E_CANCELLED, nullptr, 0); });
                    return std::int32_t{PLEXUS_OK};
                }
                return later(self, [done, context, id, status = agent.send_status] {
                    done(context, status, nullptr, id);
                });
            };
        table_.acknowledge = [](void* self, std::uint64_t sequence, plexus_completion done) {
            state(self).acknowledged.push_back(sequence);
            return later(self, [done] { done.done(done.context, PLEXUS_OK, nullptr); });
        };
        table_.remove = [](void* self, std::uint64_t connection, std::uint32_t wait, plexus_completion done) {
            state(self).calls.push_back("remove " + std::to_string(connection) + (wait != 0 ? " wait" : ""));
            return later(self, [done] { done.done(done.context, PLEXUS_OK, nullptr); });
        };
        table_.derive_key = derive_key;
        table_.security_code = [](void* self, std::uint64_t, plexus_view_completion done) {
            return later(self, [done] {
                done.done(done.context, PLEXUS_OK, nullptr, to_abi(std::string_view("12345 67890")));
            });
        };
    }
    const plexus_service* service(std::string_view) noexcept override { return &table_.service; }

    ~fake_agent_plugin() override {
        for (const auto& tell : held_) tell();
    }

  private:
    static std::int32_t derive_key(void* self, plexus_view label, plexus_span key) {
        const auto from = state(self).key + std::string(text_of(label));
        for (std::size_t i = 0; i < key.size; ++i)
            key.data[i] = static_cast<std::uint8_t>(from[i % from.size()]);
        return PLEXUS_OK;
    }
    static fake_agent& state(void* self) { return *static_cast<fake_agent_plugin*>(self)->state_; }
    template <typename Step>
    static std::int32_t later(void* self, Step step) {
        const loop_ref loop(
            static_cast<fake_agent_plugin*>(self)->host().service<plexus_loop>(PLEXUS_LOOP_ID));
        return loop.post(0, std::move(step)) ? PLEXUS_OK : PLEXUS_E_STOPPING;
    }

    fake_agent* state_;
    std::vector<std::function<void()>> held_; ///< completions of sends
    plexus_agent table_{};
};

constexpr const char* provides[] = {PLEXUS_AGENT_ID, nullptr};
constexpr plugin_info info{
    .id = "fake-agent", .version = "1", .summary = "An agent that a test plays", .provides = provides};
const plexus_descriptor descriptor = make_descriptor<fake_agent_plugin>(info);

/// What the network stands on; nobody dials in these tests.
class silent_transport final : public plugin_base {
  public:
    explicit silent_transport(host_ref host) : plugin_base(host) {
        table_.service = {sizeof table_, 0, this};
        table_.connect = [](void*, const plexus_connect_options*,
                            void (*)(void*, std::int32_t, const plexus_error*, plexus_stream*), void*,
                            plexus_operation**) { return std::int32_t{PLEXUS_E_UNSUPPORTED}; };
    }
    const plexus_service* service(std::string_view) noexcept override { return &table_.service; }

  private:
    plexus_transport table_{};
};

constexpr const char* transport_provides[] = {PLEXUS_TRANSPORT_ID, nullptr};
constexpr plugin_info transport_info{.id = "silent-transport",
                                     .version = "1",
                                     .summary = "A transport that connects to nobody",
                                     .provides = transport_provides};
const plexus_descriptor transport_descriptor = make_descriptor<silent_transport>(transport_info);

} // namespace

const char* const invitation_link =
    "simplex:/invitation#/"
    "?v=2-7&smp=smp%3A%2F%2FLcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI%3D%40smp.example.com"
    "%2FzPSWS9035328GTyKj7fcp3PiZDn3uSAi%23%2F%3Fv%3D2-4%26dh%3DMCowBQYDK2VuAyEAUyEkQX0VZVTe6whl-xEROgL6nb-"
    "XYaei7Q1iSk"
    "IRyjA%253D%26q%3Dm%26k%3Ds&e2e=v%3D2-3%26x3dh%"
    "3DMEIwBQYDK2VvAzkA2NF7cPYo9LPyh8gA8OHqhF48cBkgpaVTsnLcwIzmngAyEYSEaX8"
    "uOifvlF0nOst_0B1-YZKfcdE%3D%2CMEIwBQYDK2VvAzkA5T4tMXQIfUczeaBIGQOG_"
    "OTbkRm0QX0gjqI3Q1j7jFVCgk4y2jOH6Mmk50Z9lUcqWFGzo"
    "GeV1n4%3D";
const char* const short_invitation_link = "https://smp.example.com/i#_KsX2rAirxlgJwmOCpYsl77ZpVUrybth/"
                                          "7KD2J3EufHEKi_8dy_fH-00gD_x_inTaG-3plcMtiUU?c="
                                          "LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI";

chat_world::chat_world(std::string image, std::string key, std::uint64_t last_tag,
                       const std::string& capacity)
    : agent_(std::make_unique<fake_agent>()) {
    agent_->last_tag = last_tag;
    agent_->key = std::move(key);
    current = agent_.get();
    std::string text =
        "[kernel]\nshards = 1\nlog.level = \"error\"\n[plugin.store-memory]\nimage = \"" + image +
        "\"\ncapacity = \"" + capacity +
        "\"\n[plugin.fake-agent]\n[plugin.silent-transport]\n[plugin.network]\nwait-for-settings = true\n"
        "[plugin.chat]\n";
    kernel::kernel_options options;
    options.built_in = {&descriptor, &transport_descriptor};
    options.plugin_folders = {kernel::default_plugin_folder()};
    options.log = [](std::string_view) {};
    options.backend = time_.machine("messenger", 1);
    auto loaded = kernel::kernel::load({std::move(text), {}}, std::move(options));
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
    chat_ = reinterpret_cast<const plexus_chat*>(kernel_->service("chat", PLEXUS_CHAT_ID));
    kernel_->call(0, [this] {
        const auto heard = [](void* context, plexus_view text_view) {
            static_cast<chat_world*>(context)->events_.push_back(
                json::parse(std::string(text_of(text_view))).as_object());
        };
        chat_->subscribe(chat_->service.self, heard, this, &receiver_);
    });
    settle();
}

chat_world::~chat_world() {
    if (!kernel_) return;
    kernel_->call(0, [this] { chat_->unsubscribe(chat_->service.self, receiver_); });
    const auto stopped = kernel_->stop();
    EXPECT_TRUE(stopped) << stopped.error().message();
}

json::object chat_world::command(const std::string& text) {
    struct waiting {
        kernel::kernel* kernel;
        std::atomic<bool> over{false};
        json::object answer;
    } state{kernel_.get(), {}, {}};
    kernel_->call(0, [&] {
        const plexus_view_completion done{
            [](void* context, std::int32_t status, const plexus_error*, plexus_view value) {
                auto& self = *static_cast<waiting*>(context);
                if (status == PLEXUS_OK) self.answer = json::parse(std::string(text_of(value))).as_object();
                self.over = true;
                self.kernel->wake();
            },
            &state};
        ASSERT_EQ(chat_->command(chat_->service.self, to_abi(std::string_view(text)), done), PLEXUS_OK);
    });
    kernel_->run_until([&state] { return state.over.load(); });
    settle();
    return state.answer;
}

void chat_world::settle() { time_.run_for(std::chrono::seconds(1)); }

void chat_world::tell(std::uint32_t kind, std::uint64_t connection, std::uint64_t id, std::string_view body,
                      std::uint64_t sequence, std::uint32_t integrity, std::uint64_t tag) {
    kernel_->call(0, [&] {
        plexus_agent_event event{};
        event.size = sizeof event;
        event.kind = kind;
        event.connection = connection;
        event.id = id;
        event.integrity = integrity;
        event.time_ns = 1'700'000'000'000'000'000;
        event.body = to_abi(body);
        event.sequence = sequence;
        event.tag = tag;
        agent_->receive(agent_->receiver, &event);
    });
    settle();
}

void chat_world::tell_message(std::uint64_t connection, std::uint64_t sequence, std::string_view body) {
    tell(PLEXUS_AGENT_MESSAGE, connection, sequence, body, sequence);
}

std::vector<json::object> chat_world::events() { return std::exchange(events_, {}); }

json::object chat_world::event(std::string_view type) {
    json::object found;
    int count = 0;
    for (auto& one : events()) {
        if (one.at("type").as_string() != type) continue;
        found = std::move(one);
        ++count;
    }
    EXPECT_EQ(count, 1) << "events " << type;
    return found;
}

void chat_world::make_contact() {
    command("/create user ann");
    command("/c");
    tell(PLEXUS_AGENT_CONFIRMATION, 1, 1,
         R"({"v":"1-16","event":"x.info","params":{"profile":{"displayName":"bob","fullName":"Bob B"}}})", 1);
    tell(PLEXUS_AGENT_CONNECTED, 1, 0, {}, 2);
    events();
}

std::string text_at(const json::value& from, std::string_view pointer) {
    json::error_code failure;
    const auto* found = from.find_pointer(pointer, failure);
    if (found == nullptr) return "nothing at " + std::string(pointer);
    return found->is_string() ? std::string(std::string_view(found->get_string())) : json::serialize(*found);
}

} // namespace plexus::test
