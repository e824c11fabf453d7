// transport-tls under test: a host, an instance, and streams whose bytes are collected.
#pragma once

#include "fake_host.hpp"
#include "test_chain.hpp"

#include "plexus/abi/transport.h"

#include <gtest/gtest.h>

#include <optional>

namespace plexus::test {

/// A stream that reads what comes, and writes what it was given as room appears. On shard `shard`.
class wire {
  public:
    wire(fake_host& host, plexus_stream* raw, std::int32_t shard);
    ~wire(); ///< destroys the stream, on its shard
    wire(const wire&) = delete;
    wire& operator=(const wire&) = delete;

    void write(bytes_view data);
    void shutdown();
    bytes info(std::uint32_t what, std::uint32_t index = 0) const; ///< empty: NOT_FOUND
    std::string text(std::uint32_t what) const;
    std::string error() const;
    std::optional<std::int32_t> status() const noexcept { return ended_; } ///< of the read that ended it

    fake_host& host;
    plexus_stream* raw;
    std::int32_t shard;
    bytes received;
    std::size_t read_size = 16384;
    std::size_t readable_calls = 0;
    std::function<void()> on_readable; ///< instead of reading

  private:
    void read();
    void flush();
    bytes to_write_;
    std::optional<std::int32_t> ended_;
};

struct dialed {
    std::optional<std::int32_t> status;
    std::string message;
    std::unique_ptr<wire> stream;
    plexus_operation* operation = nullptr;
};

struct dial_options {
    std::uint32_t port = 0;
    bytes key_hash = {};
    std::vector<std::string> alpn = {};
    std::string host = "127.0.0.1";
    std::string server_name = {};
    std::uint64_t timeout_ns = 0;
    bool secure = true;
    std::uint32_t shard = 0;
    bool public_only = false;
    bool direct = false;
    bool carried = false;
    std::uint32_t keepalive = PLEXUS_KEEPALIVE_PRESET; ///< ON: 7, 8 and 9
    const test_chain* certificate = nullptr;           ///< the client's own
};

struct serve_options {
    std::vector<std::string> alpn = {"smp/1"};
    bool secure = true;
    std::uint64_t handshake_timeout_ns = 0;
    std::uint32_t pending_most = 0;
    std::uint32_t connections_most = 0;
    std::uint32_t connections_most_of_one = 0;
    std::string address = "127.0.0.1";
    std::uint32_t port = 0;
    bool ask_certificate = false;
    plexus_listener_handle* counted_with = nullptr;
};

class net {
  public:
    explicit net(fake_host& on) : host(on), plugin(on, PLEXUS_TRANSPORT_TLS) {}
    ~net();

    /// Listens, a second time beside the first; the status and message of a failure are kept.
    bool serve(const test_chain& chain, const serve_options& options = {});
    void close();
    plexus_listener_handle* handle() const noexcept { return handle_; }
    std::int32_t set_credentials(const test_chain& chain);
    std::unique_ptr<dialed> begin_dial(const dial_options& options);
    /// To the end of the connection's making.
    std::unique_ptr<dialed> dial(const dial_options& options);
    /// Waits for the next accepted stream.
    std::unique_ptr<wire> next();

    const plexus_transport* transport() const;
    const plexus_listener* listener() const;

    fake_host& host;
    instance plugin;
    std::uint32_t port = 0;
    std::vector<std::unique_ptr<wire>> accepted;
    std::string failure;
    std::int32_t failure_code = 0;
    std::size_t accepted_count = 0;

  private:
    plexus_listener_handle* handle_ = nullptr;
    plexus_listener_handle* first_ = nullptr; ///< of two
};

} // namespace plexus::test
