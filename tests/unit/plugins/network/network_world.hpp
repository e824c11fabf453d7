// The network plugin in a simulated kernel, over a transport and beside a proxy that a test plays.
#pragma once

#include "plexus/abi/draft/network.h"
#include "plexus/abi/draft/proxy.h"
#include "plexus/kernel/kernel.hpp"
#include "plexus/kernel/simulation.hpp"

#include <boost/json/object.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>

namespace plexus::test {

namespace json = boost::json;
using std::chrono::nanoseconds;

/// What the transport was asked for.
struct dialed {
    std::string host;
    std::uint32_t port = 0;
    std::uint32_t flags = 0;
    std::string alpn;
    std::string isolation;
    nanoseconds timeout{};
    std::uint32_t keepalive = 0;
    std::uint32_t keepalive_idle = 0;
    nanoseconds at{};
    bool cancelled = false;

    bool direct() const { return (flags & PLEXUS_CONNECT_DIRECT) != 0; }
    bool carried() const { return (flags & PLEXUS_CONNECT_CARRIED) != 0; }
};

/// How an attempt ends; without one for a host it never does.
struct ending {
    nanoseconds after{};
    std::int32_t status = PLEXUS_OK;
};

struct fake_network {
    std::deque<dialed> calls;
    std::map<std::string, ending> direct; ///< by host
    std::map<std::string, ending> carried;
    int streams = 0; ///< that are open

    std::string kind = "socks";
    std::uint32_t state = PLEXUS_PROXY_OFF;
    std::string address;
    std::vector<std::string> configured;
    int renewed = 0;
    plexus_proxy_told told = nullptr;
    void* told_context = nullptr;
};

/// What became of a call of connect.
struct outcome {
    bool over = false;
    std::int32_t status = PLEXUS_OK;
    std::string message;
    std::string host;
    std::uint32_t port = 0;
    std::uint32_t flags = 0;
    nanoseconds response{};
    plexus_stream* stream = nullptr;
    plexus_network_link* link = nullptr;
    plexus_operation* operation = nullptr;
};

class network_world {
  public:
    /// `more` are lines of the network's section.
    explicit network_world(const std::string& more = {}, bool with_proxy = true,
                           std::uint32_t state = PLEXUS_PROXY_OFF, std::string kind = "socks");
    ~network_world();

    fake_network& fake() { return *fake_; }
    const plexus_network* network() { return network_; }
    std::string failure() const { return failure_; }
    nanoseconds now() const { return time_.now(); }
    void run_for(nanoseconds time) { time_.run_for(time); }

    struct request {
        std::vector<std::string> hosts;
        std::uint32_t port = 0;
        std::uint32_t flags = 0;
        std::string entity{};
    };
    /// The outcome lives as long as the world.
    outcome& dial(const request& what);
    /// Runs until it is over.
    outcome& wait(outcome& one);
    void cancel(outcome& one);
    void close(outcome& one, const std::string& why);
    void answered(outcome& one, nanoseconds took);

    /// Empty: it was taken.
    std::string change(const std::string& text, std::uint32_t flags = 0);
    std::string renew();
    json::object settings() { return read(PLEXUS_NETWORK_SETTINGS); }
    json::object status() { return read(PLEXUS_NETWORK_STATUS); }
    void proxy_becomes(std::uint32_t state);
    std::vector<std::uint32_t> take_events() { return std::exchange(events_, {}); }
    void stop();

  private:
    json::object read(std::uint32_t what);

    kernel::simulation time_{7};
    std::unique_ptr<fake_network> fake_;
    std::unique_ptr<kernel::kernel> kernel_;
    const plexus_network* network_ = nullptr;
    plexus_network_watch* watch_ = nullptr;
    std::deque<outcome> outcomes_;
    std::vector<std::uint32_t> events_;
    std::string failure_;
};

} // namespace plexus::test
