// A plugin with all that one needs: a service of its own, a key of its configuration, and a line in the log.
#include "greeter.h"

#include "plexus/plugin.hpp"

namespace {

class greeter final : public plexus::plugin_base {
  public:
    explicit greeter(plexus::host_ref host) : plugin_base(host) {
        service_.service = {sizeof service_, 0, this};
        service_.greet = [](void* self, plexus_view name, void (*greeted)(void*, plexus_view),
                            void* context) {
            return plexus::guard(nullptr, [&]() -> plexus::result<void> {
                const std::string text = static_cast<greeter*>(self)->greet(plexus::text_of(name));
                greeted(context, plexus::to_abi(text));
                return {};
            });
        };
    }

    plexus::result<void> init() override {
        greeting_ = host().config().text("greeting").value_or("");
        if (greeting_.empty())
            return plexus::make_error(plexus::status::invalid,
                                      "greeting is empty: give a word, for example greeting = \"Hello\"");
        return {};
    }
    plexus::task<plexus::result<void>> start() override {
        host().log().info(greet("world"));
        co_return plexus::result<void>();
    }
    const plexus_service* service(std::string_view id) noexcept override {
        return id == GREETER_ID ? &service_.service : nullptr;
    }

  private:
    std::string greet(std::string_view name) const { return greeting_ + ", " + std::string(name) + "!"; }

    greeter_service service_{};
    std::string greeting_;
};

constexpr const char* provides[] = {GREETER_ID, nullptr};
constexpr plexus_key keys[] = {
    {"greeting", PLEXUS_KEY_TEXT, 0, "Hello", nullptr, 0, 0, "the word before the name"},
};
constexpr plexus::plugin_info info{
    .id = "com.example.greeter",
    .version = "1.0.0",
    .summary = "Greets people",
    .vendor = "Example",
    .provides = provides,
    .keys = keys,
};

} // namespace

PLEXUS_PLUGIN(greeter, info)
