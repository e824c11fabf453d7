// A resolver of names for the server's tests: what it answers stands in the name.
#include "plexus/abi/draft/resolver.h"
#include "plexus/plugin.hpp"

namespace plexus::smp_server::test {
namespace {

class resolver final : public plugin_base {
  public:
    explicit resolver(host_ref host) : plugin_base(host) {
        table_.service = {sizeof table_, 0, this};
        table_.resolve = [](void* self, plexus_view name, plexus_view_completion done) {
            return static_cast<resolver*>(self)->resolve(std::string(text_of(name)), done);
        };
    }
    result<void> init() override {
        PLEXUS_TRY(const auto* loop, host().require<plexus_loop>(PLEXUS_LOOP_ID));
        loop_ = loop_ref(loop);
        return {};
    }
    const plexus_service* service(std::string_view id) noexcept override {
        return id == PLEXUS_NAME_RESOLVER_ID ? &table_.service : nullptr;
    }

  private:
    std::int32_t resolve(std::string name, plexus_view_completion done) {
        if (name.starts_with("stopping.")) return PLEXUS_E_STOPPING;
        const bool posted = loop_.post(static_cast<std::uint32_t>(loop_.current_shard()), [name, done] {
            const auto known = [&](std::string_view record) {
                done.done(done.context, PLEXUS_OK, nullptr, to_abi(record));
            };
            if (name.starts_with("missing."))
                done.done(done.context, PLEXUS_E_NOT_FOUND, nullptr, {});
            else if (name.starts_with("late."))
                done.done(done.context, PLEXUS_E_TIMEOUT, nullptr, {});
            else if (name.starts_with("broken."))
                done.done(done.context, PLEXUS_E_IO, nullptr, {});
            else if (name.starts_with("garbage."))
                known("[1]");
            else if (name.starts_with("long."))
                known("{\"a\":\"" + std::string(PLEXUS_NAME_RECORD_MOST, 'a') + "\"}");
            else if (name.starts_with("full."))
                known("{\"a\":\"" + std::string(PLEXUS_NAME_RECORD_MOST - 8, 'a') + "\"}");
            else
                known("{\"name\":\"" + name + "\"}");
        });
        return posted ? PLEXUS_OK : PLEXUS_E_STOPPING;
    }

    plexus_name_resolver table_{};
    loop_ref loop_;
};

constexpr const char* provides[] = {PLEXUS_NAME_RESOLVER_ID, nullptr};
constexpr plugin_info info{
    .id = "test-resolver",
    .version = "1.0.0",
    .summary = "Answers what the name says",
    .provides = provides,
};

} // namespace
} // namespace plexus::smp_server::test

PLEXUS_PLUGIN(plexus::smp_server::test::resolver, plexus::smp_server::test::info)
