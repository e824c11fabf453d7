// A TLS stream over a carrier, first driven through its handshake by its maker, then used by its owner.
#pragma once

#include "bio.hpp"
#include "places.hpp"
#include "runtime.hpp"
#include "tls_context.hpp"

#include "plexus/net/base_stream.hpp"

namespace plexus::transport_tls {

class tls_stream final : public net::base_stream {
  public:
    tls_stream(runtime& owner, std::unique_ptr<net::carrier> below, std::string peer, slot place,
               ssl_pointer ssl);
    ~tls_stream() override;

    /// Goes on with the handshake: true at its end, false while the carrier's sink has to wait.
    result<bool> step();
    /// Forgets what only the handshake needs.
    void handshake_over() noexcept { forget_expectation(ssl_.get()); }

  private:
    std::int32_t read(bytes_span out, std::size_t& taken) override;
    std::int32_t write(bytes_view in, std::size_t& given) override;
    bool check_readable() override;
    bool end() override;
    std::int32_t info(std::uint32_t what, std::uint32_t index, plexus_view& value) override;
    /// After a call that did not succeed: WOULD_BLOCK with what it needs, CLOSED, or a failure.
    std::int32_t blocked(int code, std::uint8_t& needs, std::string_view doing);
    std::string why(int code);
    bool flush();
    static void noticed(int written, int version, int type, const void* data, std::size_t size, SSL* ssl,
                        void* self);
    bytes channel_binding() const;
    bytes certificate(std::uint32_t what, std::uint32_t index) const;
    std::string cipher() const;

    slot place_;
    ssl_pointer ssl_;
    std::uint16_t pending_ = 0; // bytes of a record that try_write could not send whole
    bool closed_ = false;       // the peer said close_notify
    std::uint8_t new_keys_ = 0; // that the peer took since it last sent bytes
};

} // namespace plexus::transport_tls
