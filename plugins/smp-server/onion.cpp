#include "onion.hpp"

#include "pem.hpp"
#include "server_folder.hpp"

#include "plexus/tor_control/onion.hpp"

#include <filesystem>

namespace plexus::smp_server {

result<std::string> onion_name(const std::string& key_file, crypto::random_source& random) {
    using tor_control::onion_key;
    if (!std::filesystem::exists(key_file)) {
        const auto made = onion_key::generate(random);
        PLEXUS_CHECK(create_file(key_file, made.file(), for_owner));
    }
    PLEXUS_TRY(const auto content, read_secret_file(key_file));
    const auto key = onion_key::parse_file(content);
    if (!key)
        return make_error(status::corrupt, key_file +
                                               " is no key of an onion service (96 bytes, as tor writes "
                                               "hs_ed25519_secret_key)");
    return key->host();
}

result<void> onion_publication::publish(const std::string& key_file,
                                        const std::vector<std::string_view>& clients,
                                        std::string_view address, const std::vector<std::uint32_t>& ports) {
    const bool everywhere = address.empty() || address == "0.0.0.0" || address == "::";
    std::vector<plexus_onion_port> open;
    open.reserve(ports.size());
    for (const auto port : ports)
        open.push_back({port, port, to_abi(everywhere ? std::string_view("127.0.0.1") : address)});
    std::vector<plexus_view> allowed;
    allowed.reserve(clients.size());
    for (const auto client : clients) allowed.push_back(to_abi(client));
    plexus_onion_options options{};
    options.size = sizeof options;
    options.ports = open.data();
    options.port_count = static_cast<std::uint32_t>(open.size());
    options.key_file = to_abi(std::string_view(key_file));
    options.clients = allowed.data();
    options.client_count = static_cast<std::uint32_t>(allowed.size());
    static constexpr plexus_onion_handler handler{
        [](void*, plexus_view) {},
        [](void* self, std::uint32_t state, plexus_view summary) {
            const auto& log = static_cast<onion_publication*>(self)->log_;
            const auto what = text_of(summary);
            if (state == PLEXUS_ONION_REFUSED)
                log.error("the onion service is not published", {{"why", what}});
            else if (state == PLEXUS_ONION_PUBLISHED)
                log.info("the onion service can be reached");
            else
                log.debug("the onion service cannot be reached yet", {{"why", what}});
        },
        [](void* self, std::int32_t, const plexus_error* failure) {
            const auto why = failure != nullptr ? text_of(failure->message) : std::string_view("unknown");
            static_cast<onion_publication*>(self)->log_.error("the onion service is not published",
                                                              {{"why", why}});
        }};
    plexus_error* failure = nullptr;
    const auto code = table_->publish(table_->service.self, &options, &handler, this, &handle_, &failure);
    if (code != PLEXUS_OK) return take_error(code, failure);
    return {};
}

void onion_publication::withdraw() {
    if (handle_ != nullptr) table_->unpublish(table_->service.self, std::exchange(handle_, nullptr));
}

} // namespace plexus::smp_server
