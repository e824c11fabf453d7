// Streams, dialing and listening. A stream says `readable`; then one takes what is there, so an idle one
// holds no buffer.
#pragma once

#include "plexus/abi/transport.h"
#include "plexus/wait.hpp"

namespace plexus {

/// Owns a stream of its shard. [shard]
class stream {
  public:
    stream() = default;
    explicit stream(plexus_stream* raw) : raw_(raw) {}

    explicit operator bool() const noexcept { return raw_ != nullptr; }
    plexus_stream* raw() const noexcept { return raw_.get(); }
    plexus_stream* release() noexcept { return raw_.release(); }

    /// Bytes taken, from 1 up; would_block, closed, or why the stream is broken.
    result<std::size_t> try_read(bytes_span out) {
        std::uint64_t taken = 0;
        const std::int32_t code = raw_->api->try_read(raw(), plexus_span{out.data(), out.size()}, &taken);
        if (code != PLEXUS_OK) return failure(code);
        return static_cast<std::size_t>(taken);
    }
    /// Bytes given, from 1 up. After would_block the next call begins with the same bytes.
    result<std::size_t> try_write(bytes_view in) {
        std::uint64_t given = 0;
        const std::int32_t code = raw_->api->try_write(raw(), plexus::to_abi(in), &given);
        if (code != PLEXUS_OK) return failure(code);
        return static_cast<std::size_t>(given);
    }
    void shutdown() { raw_->api->shutdown(raw()); }

    /// Waits until try_read, which said would_block, will say something else.
    event::awaiter readable() { return waits().readable.wait(); }
    /// The same for try_write.
    event::awaiter writable() { return waits().writable.wait(); }

    /// For state machines: callbacks instead of coroutines. Not together with readable and writable.
    void set_handler(const plexus_stream_handler* handler, void* context) {
        raw_->api->set_handler(raw(), handler, context);
    }

    std::optional<bytes_view> info(std::uint32_t what, std::uint32_t index = 0) const {
        plexus_view value{};
        if (raw_->api->get_info(raw(), what, index, &value) != PLEXUS_OK) return std::nullopt;
        return from_abi(value);
    }
    std::string peer() const {
        const auto value = info(PLEXUS_STREAM_PEER);
        return value ? to_string(*value) : std::string();
    }
    /// Every certificate of the peer, the leaf first, DER.
    std::vector<bytes> peer_chain() const {
        std::vector<bytes> chain;
        for (std::uint32_t i = 0; auto one = info(PLEXUS_STREAM_PEER_CERTIFICATE, i); ++i)
            chain.push_back(to_bytes(*one));
        return chain;
    }

    /// Reads until `out` is full.
    task<result<void>> read_exactly(bytes_span out) {
        while (!out.empty()) {
            auto taken = try_read(out);
            if (taken) {
                out = out.subspan(*taken);
                continue;
            }
            if (!taken.error().is(status::would_block)) co_return std::move(taken).error();
            auto ready = co_await readable();
            if (!ready) co_return ready;
        }
        co_return result<void>();
    }
    /// Writes all of `in`, which lives until the end.
    task<result<void>> write_all(bytes_view in) {
        while (!in.empty()) {
            auto given = try_write(in);
            if (given) {
                in = in.subspan(*given);
                continue;
            }
            if (!given.error().is(status::would_block)) co_return std::move(given).error();
            auto ready = co_await writable();
            if (!ready) co_return ready;
        }
        co_return result<void>();
    }

  private:
    struct destroyer {
        void operator()(plexus_stream* raw) const noexcept { raw->api->destroy(raw); }
    };
    struct waiters {
        event readable;
        event writable;
    };
    waiters& waits() {
        if (!waits_) {
            static constexpr plexus_stream_handler handler{
                [](void* context) { static_cast<waiters*>(context)->readable.set(); },
                [](void* context) { static_cast<waiters*>(context)->writable.set(); }};
            waits_ = std::make_unique<waiters>();
            set_handler(&handler, waits_.get());
        }
        return *waits_;
    }
    error failure(std::int32_t code) const {
        const bool broken = code != PLEXUS_E_WOULD_BLOCK && code != PLEXUS_E_CLOSED;
        return from_abi(code, broken ? raw_->api->get_error(raw()) : nullptr);
    }
    std::unique_ptr<waiters> waits_; // outlives the stream that calls into it
    std::unique_ptr<plexus_stream, destroyer> raw_;
};

/// Where and how to connect; the views live until the connection stands.
struct connect_options {
    std::string host;
    std::uint16_t port = 0;
    bool secure = true;
    std::vector<std::string> alpn;
    bytes key_hash; ///< 32 bytes: the server's identity
    std::chrono::nanoseconds timeout{0};
    std::string isolation;
    std::string server_name;
};

/// Connects through a transport. [shard]
inline task<result<stream>> connect(const plexus_transport* transport, connect_options options) {
    std::vector<plexus_view> alpn;
    for (const auto& one : options.alpn) alpn.push_back(to_abi(std::string_view(one)));
    plexus_connect_options raw{};
    raw.size = sizeof raw;
    raw.flags = options.secure ? static_cast<std::uint32_t>(PLEXUS_CONNECT_SECURE) : 0U;
    raw.host = to_abi(std::string_view(options.host));
    raw.port = options.port;
    raw.alpn_count = static_cast<std::uint32_t>(alpn.size());
    raw.alpn = alpn.data();
    raw.key_hash = to_abi(bytes_view(options.key_hash));
    raw.timeout_ns = static_cast<std::uint64_t>(options.timeout.count());
    raw.isolation = to_abi(std::string_view(options.isolation));
    raw.server_name = to_abi(std::string_view(options.server_name));
    auto start = [transport, &raw](call_state<stream>& state) {
        const auto done = [](void* context, std::int32_t code, const plexus_error* failure,
                             plexus_stream* made) {
            auto* waiting = static_cast<call_state<stream>*>(context);
            if (code == PLEXUS_OK)
                waiting->settle(stream(made));
            else
                waiting->settle(from_abi(code, failure));
        };
        return transport->connect(transport->service.self, &raw, done, &state, &state.operation);
    };
    auto pending = call<stream>(start);
    co_return co_await pending;
}

} // namespace plexus
