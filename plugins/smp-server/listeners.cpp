#include "listeners.hpp"

#include "pem.hpp"

#include "plexus/encoding/text.hpp"

#include <charconv>
#include <cstddef>

namespace plexus::smp_server {
namespace {

constexpr const char* alpn[] = {"smp/1", "h2", "http/1.1"};

result<std::uint32_t> port_of(std::string_view text) {
    std::uint32_t port = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || port > 65'535)
        return make_error(status::invalid,
                          "more-ports: " + std::string(text) + " is no port, from 0 to 65535");
    return port;
}

} // namespace

result<credentials> read_credentials(const config_view& config) {
    const auto file = [&config](const char* key) { return std::string(config.text(key).value_or("")); };
    credentials out;
    PLEXUS_TRY(out.chain, read_file(file("certificate-chain")));
    PLEXUS_TRY(out.key, read_secret_file(file("private-key")));
    PLEXUS_TRY(auto chain, certificates_of(as_text(out.chain)));
    PLEXUS_TRY(auto key, private_key_of(as_text(out.key)));
    PLEXUS_TRY(auto identity, smp::make_server_identity(std::move(chain), std::move(key)));
    out.identity = std::make_shared<const smp::server_identity>(std::move(identity));
    const auto web_chain = file("web-certificate-chain");
    const auto web_key = file("web-private-key");
    if (web_chain.empty() != web_key.empty())
        return make_error(status::invalid, "web-certificate-chain and web-private-key are needed together");
    if (web_chain.empty()) return out;
    PLEXUS_TRY(out.web_chain, read_file(web_chain));
    PLEXUS_TRY(out.web_key, read_secret_file(web_key));
    return out;
}

result<void> listeners::open_one(plexus_listen_options options, std::uint32_t port,
                                 plexus_accept_function accepted, void* context) {
    options.port = port;
    plexus_listener_handle* handle = nullptr;
    const std::scoped_lock lock(mutex_);
    if (!handles_.empty()) options.counted_with = handles_.front(); // the limits are those of all ports
    plexus_error* failure = nullptr;
    const auto code = table_->listen(table_->service.self, &options, accepted, context, &handle, &failure);
    if (code != PLEXUS_OK) return take_error(code, failure);
    handles_.push_back(handle);
    return {};
}

result<void> listeners::open(const config_view& config, const credentials& shown,
                             plexus_accept_function accepted, void* context) {
    std::array<plexus_view, std::size(alpn)> names{};
    for (std::size_t i = 0; i < std::size(alpn); ++i) names[i] = to_abi(std::string_view(alpn[i]));
    plexus_listen_options options{};
    options.size = sizeof options;
    options.flags = PLEXUS_LISTEN_SECURE | PLEXUS_LISTEN_ASK_CERTIFICATE;
    options.address = to_abi(config.text("address").value_or(""));
    options.alpn_count = static_cast<std::uint32_t>(names.size());
    options.alpn = names.data();
    options.chain = to_abi(bytes_view(shown.chain));
    options.key = to_abi(bytes_view(shown.key));
    options.named_chain = to_abi(bytes_view(shown.web_chain));
    options.named_key = to_abi(bytes_view(shown.web_key));
    options.handshake_timeout_ns = static_cast<std::uint64_t>(
        config.duration("handshake-timeout").value_or(std::chrono::seconds(30)).count());
    options.connections_most = static_cast<std::uint32_t>(config.integer("max-connections").value_or(0));
    options.connections_most_of_one =
        static_cast<std::uint32_t>(config.integer("max-connections-per-address").value_or(0));
    std::vector<std::uint32_t> wanted{
        static_cast<std::uint32_t>(config.integer("port").value_or(smp::default_port))};
    for (const auto text : config.list("more-ports")) {
        PLEXUS_TRY(const auto port, port_of(text));
        wanted.push_back(port);
    }
    for (const auto port : wanted) PLEXUS_CHECK(open_one(options, port, accepted, context));
    return {};
}

result<void> listeners::show(const credentials& shown) {
    const std::scoped_lock lock(mutex_);
    const bool knows_names = table_->service.size > offsetof(plexus_listener, set_named_credentials) &&
                             table_->set_named_credentials != nullptr;
    for (auto* handle : handles_) {
        plexus_error* failure = nullptr;
        auto code = table_->set_credentials(table_->service.self, handle, to_abi(bytes_view(shown.chain)),
                                            to_abi(bytes_view(shown.key)), &failure);
        if (code == PLEXUS_OK && knows_names)
            code = table_->set_named_credentials(table_->service.self, handle,
                                                 to_abi(bytes_view(shown.web_chain)),
                                                 to_abi(bytes_view(shown.web_key)), &failure);
        if (code != PLEXUS_OK) return take_error(code, failure);
    }
    return {};
}

task<void> listeners::close() {
    std::vector<plexus_listener_handle*> all;
    {
        const std::scoped_lock lock(mutex_);
        all.swap(handles_);
    }
    for (auto* handle : all) {
        auto start = [this, handle](call_state<void>& state) {
            const plexus_completion done{call_state<void>::completed, &state};
            return table_->close(table_->service.self, handle, done);
        };
        auto closing = call<void>(start);
        static_cast<void>(co_await closing);
    }
}

std::vector<std::uint32_t> listeners::ports() const {
    std::vector<std::uint32_t> out;
    const std::scoped_lock lock(mutex_);
    for (auto* handle : handles_) out.push_back(table_->port(table_->service.self, handle));
    return out;
}

} // namespace plexus::smp_server
