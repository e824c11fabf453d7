// The contract of plexus.transport/1 and plexus.carrier/1, and of the streams that they make, as runnable
// cases, one or more for every sentence of plexus/abi/transport.h. Used by plexus-validate and by the tests
// of the transports.
#pragma once

#include "honest_socks.hpp"
#include "suite.hpp"
#include "test_chain.hpp"

#include "plexus/abi.hpp"
#include "plexus/abi/transport.h"
#include "plexus/bytes.hpp"
#include "plexus/kernel/kernel.hpp"

#include <chrono>
#include <optional>
#include <span>

namespace plexus::validate {

/// A transport plugin and how to configure it. In settings and companions {folder} stands for a folder of the
/// case's own, and {socks} for the address of a SOCKS5 proxy that reaches the peers.
struct transport_target {
    std::string library;
    std::vector<std::filesystem::path> plugin_folders;
    std::string settings;           ///< lines of TOML for its section
    std::string companions;         ///< further sections
    std::string host = "127.0.0.1"; ///< what is dialed to reach a peer on this machine
    std::string peer_path;          ///< peers listen on this Unix socket: {folder}, {port}; empty: on TCP
    bool listens = true;            ///< it may have a listener; false spares the lines to its own
    bool half_closes = true;        ///< one direction of a stream can end alone; not so on the road of Tor
    bool sockets = true;            ///< it reaches peers outside the kernel
    /// Changes how the kernel runs, as for a simulation.
    std::function<void(kernel::kernel_options&)> prepare = {};
    std::chrono::seconds patience{60}; ///< for every wait of a case
};

/// What the other end does with a connection.
enum class peer_kind : std::uint8_t {
    echo,  ///< sends back what comes, and ends its direction behind the last byte once ours has ended
    hold,  ///< takes nothing until `release`, then it is an echo
    close, ///< sends "bye" and ends at once
    reset  ///< breaks the connection once a byte has come
};

/// The other end of streams under test. Of sockets, or of the transport's own listener.
class peer {
  public:
    peer() = default;
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;
    virtual ~peer() = default;

    virtual std::uint32_t port() const = 0;
    virtual void release() = 0;
    /// Connections that have ended, however they did.
    virtual std::size_t ended() const = 0;
};

/// How a case connects: raw or secure, to sockets or to the transport's own listener.
enum class line : std::uint8_t { raw, raw_own, secure };

class transport_bench;

/// A connection in the making, seen from its caller.
struct call {
    std::int32_t started = PLEXUS_OK; ///< what the starting call returned
    plexus_operation* operation = nullptr;
    std::atomic<int> completions{0};
    std::int32_t status = PLEXUS_OK; ///< of what started, valid from the completion on
    std::string message;
    bool explained = false; ///< an error object came
    bool retryable = false;
    std::int32_t shard = -1;
    bool inside = false; ///< it completed inside a call
    plexus_stream* stream = nullptr;
    bool calling = false;
    bool discards = false; ///< a stream that comes from now on is destroyed at once
    transport_bench* bench = nullptr;

    /// The status of either.
    std::int32_t outcome() const noexcept { return started != PLEXUS_OK ? started : status; }
};

/// A stream, its shard, and what its handler was told. [loader]
class flow {
  public:
    flow(transport_bench& bench, plexus_stream* raw, std::uint32_t shard);
    flow(const flow&) = delete;
    flow& operator=(const flow&) = delete;
    ~flow();

    const plexus_stream_api& api() const noexcept { return *raw_->api; }
    plexus_stream* raw() const noexcept { return raw_; }
    std::uint32_t shard() const noexcept { return shard_; }

    void watch();                                             ///< sets the handler
    std::int32_t read(bytes& into, std::size_t most = 16384); ///< one try_read, appended
    std::int32_t write(bytes_view data, std::size_t& given);  ///< one try_write
    /// Writes all, as room appears.
    void write_all(bytes_view data);
    void shutdown();
    void destroy();
    void forget() noexcept { raw_ = nullptr; }                     ///< it was destroyed by others
    std::string info(std::uint32_t what, std::uint32_t index = 0); ///< "none" for NOT_FOUND
    std::string error();

    /// Writes `data` and reads until `size` bytes have come or the stream ends; the status of that.
    std::int32_t exchange(bytes_view data, std::size_t size, bytes& received, std::size_t piece = 16384);
    /// Reads to the end: CLOSED, or why it broke.
    std::int32_t read_to_end(bytes& received);

    std::atomic<int> readable{0};
    std::atomic<int> writable{0};
    std::function<void()> on_readable; ///< instead of counting
    std::function<void()> on_writable;

  private:
    transport_bench& bench_;
    plexus_stream* raw_;
    std::uint32_t shard_;
};

/// A transport in a running kernel with three shards, for one case. The calling thread is the loader.
class transport_bench : public expectations {
  public:
    transport_bench(const transport_target& target, line over, std::filesystem::path folder);
    transport_bench(const transport_bench&) = delete;
    transport_bench& operator=(const transport_bench&) = delete;
    ~transport_bench();

    static constexpr std::uint32_t shards = 3;

    void open();
    void close();

    line over() const noexcept { return over_; }
    const transport_target& target() const noexcept { return target_; }
    const plexus_transport& transport() const noexcept { return *transport_; }
    const plexus_listener* listener() const noexcept { return listener_; }
    bool is_carrier() const noexcept { return carrier_; }
    const test::test_chain& chain() const noexcept { return chain_; }

    std::unique_ptr<peer> serve(peer_kind kind);
    /// Options that reach a peer.
    plexus_connect_options options(std::uint32_t port) const;

    call& begin(const plexus_connect_options& options, std::uint32_t shard = 0);
    void wait_for(call& one);
    call& connect(const plexus_connect_options& options, std::uint32_t shard = 0);
    /// A stream to the peer, or a broken contract.
    std::unique_ptr<flow> dial(const peer& to, std::uint32_t shard = 0);

    /// Runs on a shard and waits; what it throws comes out here.
    void on(std::uint32_t shard, const std::function<void()>& step);
    /// Waits until a shard or thread has made it true; not in time: a broken contract with this sentence.
    void wait(const std::function<bool()>& done, const char* what);
    void wake() { kernel_->wake(); }
    kernel::kernel& running() { return *kernel_; }
    /// Lets every shard take some turns.
    void turns(int count);

  private:
    const transport_target& target_;
    const line over_;
    const std::filesystem::path folder_;
    const test::test_chain chain_;
    std::optional<honest_socks> proxy_;
    std::vector<std::string> log_;
    std::mutex log_mutex_;
    std::vector<std::unique_ptr<call>> calls_; ///< they outlive the kernel, which completes them
    std::unique_ptr<kernel::kernel> kernel_;
    const plexus_transport* transport_ = nullptr;
    const plexus_listener* listener_ = nullptr;
    bool carrier_ = false;
};

struct transport_case {
    const char* name;
    const char* sentence;
    void (*run)(transport_bench&);
};

/// What a case throws that has nothing to look at on this line.
class not_here : public std::exception {
  public:
    explicit not_here(std::string why) : why_(std::move(why)) {}
    const char* what() const noexcept override { return why_.c_str(); }

  private:
    std::string why_;
};

std::span<const transport_case> connect_cases();
std::span<const transport_case> stream_cases();
std::vector<transport_case> transport_cases();

const char* name_of(line over) noexcept;
constexpr line lines[] = {line::raw, line::raw_own, line::secure};

/// Runs one case on a transport of its own; `folder` must be new. Skipped where the line is not there.
case_report run_transport_case(const transport_case& one, line over, const transport_target& target,
                               const std::filesystem::path& folder);

/// Makes the peers of each line.
std::unique_ptr<peer> make_socket_peer(peer_kind kind, const std::string& path);
std::unique_ptr<peer> make_listener_peer(transport_bench& bench, peer_kind kind);

} // namespace plexus::validate
