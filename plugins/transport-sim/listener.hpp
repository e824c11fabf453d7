// Listening with the simulated handshake.
#pragma once

#include "handshake.hpp"
#include "work.hpp"

namespace plexus::transport_sim {

class listener : public std::enable_shared_from_this<listener> {
  public:
    static result<std::shared_ptr<listener>> open(runtime& owner, const plexus_listen_options& options,
                                                  plexus_accept_function accepted, void* context);
    std::uint32_t port() const noexcept { return port_; }
    result<void> set_credentials(std::string_view chain);
    std::int32_t close(plexus_completion done);

  private:
    class handshake;
    explicit listener(runtime& owner) : owner_(owner) {}
    void arrived(plexus_stream* raw);

    runtime& owner_;
    bool secure_ = true;
    bool asks_certificate_ = false;
    bool closed_ = false;
    plexus_accept_function accepted_ = nullptr;
    void* context_ = nullptr;
    std::chrono::nanoseconds timeout_{};
    std::vector<std::string> alpn_;
    std::shared_ptr<const certificates> chain_;
    plexus_listener_handle* raw_ = nullptr;
    std::uint32_t port_ = 0;
};

} // namespace plexus::transport_sim
