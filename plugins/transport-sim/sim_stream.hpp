// A stream of the simulated network with what TLS would tell: ALPN, channel binding, certificates.
#pragma once

#include "plexus/stream.hpp"

#include <memory>

namespace plexus::transport_sim {

using certificates = std::vector<bytes>; ///< DER, the leaf first

/// What a handshake agreed on.
struct facts {
    std::string alpn;
    std::string server_name;
    bytes channel_binding;
    certificates peer;
    std::shared_ptr<const certificates> own;
};

class sim_stream final : public plexus_stream {
  public:
    sim_stream(plexus_stream* raw, facts known)
        : plexus_stream{&table}, raw_(raw), known_(std::move(known)) {}
    ~sim_stream() { raw_->api->destroy(raw_); }
    sim_stream(const sim_stream&) = delete;
    sim_stream& operator=(const sim_stream&) = delete;

  private:
    static const plexus_stream_api table;
    static sim_stream& of(plexus_stream* self) noexcept { return *static_cast<sim_stream*>(self); }
    std::int32_t info(std::uint32_t what, std::uint32_t index, plexus_view& value) const;

    plexus_stream* raw_;
    facts known_;
};

} // namespace plexus::transport_sim
