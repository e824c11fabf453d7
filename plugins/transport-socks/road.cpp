#include "road.hpp"

namespace plexus::transport_socks {

namespace {
constexpr std::size_t generation_size = 16;
constexpr std::uint32_t all = 100; // percent
} // namespace

result<void> road::configure(std::string_view address) {
    auto parsed = socks::parse_proxy_address(address);
    if (!parsed) return make_error(plexus::status::invalid, parsed.error().message());
    const std::scoped_lock lock(mutex_);
    proxy_ = std::move(*parsed);
    ++configured_;
    if (proxy_)
        status.set({PLEXUS_PROXY_READY, all, socks::to_text(*proxy_), "it was not used yet"});
    else
        status.set({PLEXUS_PROXY_OFF, 0, {}, "no SOCKS proxy is configured"});
    return {};
}

result<void> road::renew(const plexus_random* random) {
    const std::scoped_lock lock(mutex_);
    if (!proxy_) return make_error(plexus::status::not_found, "no SOCKS proxy is configured");
    if (proxy_->how != socks::authentication::isolate)
        return make_error(
            plexus::status::unsupported,
            "connections through " + socks::to_text(*proxy_) +
                " all have the same credentials: give its address without \"@\" to isolate them");
    generation_.resize(generation_size);
    random->fill(random->service.self, {generation_.data(), generation_.size()});
    return {};
}

std::optional<net::socks_road> road::to(bytes_view isolation) {
    const std::scoped_lock lock(mutex_);
    if (!proxy_) return std::nullopt;
    net::socks_road out;
    out.host = proxy_->host;
    out.port = proxy_->port;
    out.path = proxy_->path;
    out.credentials = socks::credentials_for(*proxy_, isolation, generation_);
    out.told = [this, configured = configured_](const error* trouble) { heard(configured, trouble); };
    return out;
}

void road::heard(std::uint64_t configured, const error* trouble) {
    const std::scoped_lock lock(mutex_);
    if (configured != configured_ || !proxy_) return;
    if (trouble == nullptr)
        status.set({PLEXUS_PROXY_READY, all, socks::to_text(*proxy_), "it answers"});
    else
        status.set({PLEXUS_PROXY_FAILED, 0, socks::to_text(*proxy_), trouble->message()});
}

} // namespace plexus::transport_socks
