// store-memory: plexus.store/1 in memory, for tests and for what may be forgotten.
#include "image.hpp"

#include "plexus/plugin.hpp"
#include "plexus/store_service.hpp"

namespace plexus::store_memory {
namespace {

class store_plugin final : public plugin_base {
  public:
    using plugin_base::plugin_base;

    result<void> init() override {
        PLEXUS_TRY(const auto* loop, host().require<plexus_loop>(PLEXUS_LOOP_ID));
        const config_view config = host().config();
        const std::string name(config.text("image").value_or(""));
        PLEXUS_TRY(image_, held_image::hold(name, config.boolean("image-fresh")));
        image_->set_capacity(static_cast<std::uint64_t>(config.integer("capacity").value_or(0)));
        image_->set_machine(host().service<plexus_sim>(PLEXUS_SIM_ID));
        service_.open(loop_ref(loop), *image_);
        return {};
    }
    task<result<void>> stop() override { return service_.drain(); }

    const plexus_service* service(std::string_view id) noexcept override {
        return id == PLEXUS_STORE_ID ? service_.service() : nullptr;
    }

  private:
    held_image image_;
    store_provider::store_service<image> service_;
};

constexpr const char* provides[] = {PLEXUS_STORE_ID, nullptr};
constexpr plexus_key keys[] = {
    {"image", PLEXUS_KEY_TEXT, 0, nullptr, nullptr, 0, 0,
     "name under which the process keeps what was committed, for an instance that is started again"},
    {"image-fresh", PLEXUS_KEY_BOOLEAN, 0, "false", nullptr, 0, 0, "begin with an empty image"},
    {"capacity", PLEXUS_KEY_BYTES, 0, "0", nullptr, 0, std::int64_t(1) << 46,
     "bytes of keys and values at the most; 0: no limit"},
};
constexpr plugin_info info{
    .id = "store-memory",
    .version = "0.1.0",
    .summary = "Keeps data in memory: gone with the process",
    .provides = provides,
    .keys = keys,
};

} // namespace
} // namespace plexus::store_memory

PLEXUS_PLUGIN(plexus::store_memory::store_plugin, plexus::store_memory::info)
