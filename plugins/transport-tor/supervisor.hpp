// Keeps a tor at hand: starts its own one, or finds one that runs, talks to it, follows how far it is, and
// begins again with a growing pause when it is gone. The plugin makes one; what dials and what publishes
// learn from it. On shard 0.
#pragma once

#include "control_session.hpp"
#include "data_folder.hpp"
#include "process.hpp"
#include "torrc.hpp"

#include "plexus/abi/draft/proxy.h"
#include "plexus/net/account.hpp"

namespace plexus::transport_tor {

struct supervisor_settings {
    std::string control; ///< of a tor that runs: "unix:/path", "HOST:PORT" or "PORT"; empty: one of our own
    secret_bytes control_password;
    std::string socks;   ///< of a tor that runs, where it does not tell; empty: it is asked
    std::string program; ///< of our own
    std::string folder;
    torrc_settings torrc;
    std::vector<std::string> client_keys; ///< of onion services, see tor_control::add_client_key
    std::chrono::nanoseconds start_patience{};
    std::chrono::nanoseconds answer_patience{};
};

/// Where SOCKS listens.
struct socks_place {
    std::string path; ///< of a Unix socket, or
    std::string host; ///< numeric
    std::uint16_t port = 0;
    std::shared_ptr<data_folder> folder; ///< keeps the path good
};
/// "unix:/path", "127.0.0.1:9050", "[::1]:9050" or "9050".
std::optional<socks_place> parse_place(std::string_view text);

/// How it stands; what others see of it.
struct condition {
    std::uint32_t state = PLEXUS_PROXY_OFF;
    std::uint32_t percent = 0;
    std::string summary;
    bool hopeless = false; ///< FAILED, and waiting for it is no use
    socks_place socks;     ///< from READY on
};

class supervisor {
  public:
    struct handler {
        std::function<void(const condition&)> changed;
        std::function<void(control_session&)> up; ///< authenticated
        std::function<void()> down;               ///< that session is going
        std::function<void(const tor_control::descriptor_event&)> descriptor;
    };

    supervisor(net::account& account, const clock_view& clock, logger log, const plexus_random* random,
               worker& files, supervisor_settings settings, handler to);
    supervisor(const supervisor&) = delete;
    supervisor& operator=(const supervisor&) = delete;

    void start();
    /// Ends the tor that is ours, too.
    task<void> stop();
    /// New circuits from now on.
    task<result<void>> renew();

    const condition& now() const noexcept { return now_; }

  private:
    class random_bytes final : public crypto::random_source {
      public:
        explicit random_bytes(const plexus_random* table) : table_(table) {}
        void fill(bytes_span out) override {
            table_->fill(table_->service.self, plexus_span{out.data(), out.size()});
        }

      private:
        const plexus_random* table_;
    };

    task<void> run();
    /// From a start to the end; says why it ended, and whether it had come up.
    task<error> live(bool& was_up);
    task<result<void>> launch_own();
    task<result<net::descriptor>> reach_control_port();
    result<net::descriptor> connect_control() const;
    /// Waits until a connection that was begun stands.
    task<result<void>> connected(int socket);
    task<result<void>> talk(net::descriptor connection);
    task<result<void>> look_around();
    void end_life();
    /// The cause as far as the process tells it.
    task<error> cause(error why);

    void told(const tor_control::event& what);
    void bootstrapped(const tor_control::bootstrap_phase& phase);
    void said(std::string_view line);
    void report(std::uint32_t state, std::uint32_t percent, std::string summary, bool hopeless = false);
    std::chrono::nanoseconds pause_after(unsigned failures);
    bool is_own() const noexcept { return settings_.control.empty(); }
    bool has_place() const noexcept { return !now_.socks.path.empty() || !now_.socks.host.empty(); }

    net::account& account_;
    const clock_view& clock_;
    logger log_;
    random_bytes random_;
    worker& files_;
    supervisor_settings settings_;
    handler handler_;
    task_scope tasks_;

    condition now_;
    std::shared_ptr<data_folder> folder_;
    net::descriptor lifeline_; ///< tor ends when this closes, however we end
    std::unique_ptr<process> process_;
    std::optional<std::string> process_end_;
    std::string last_trouble_; ///< that tor logged
    std::unique_ptr<control_session> session_;
    std::optional<event> over_; ///< set when session or process has ended
    std::optional<error> why_over_;
    bool is_up_ = false;
};

} // namespace plexus::transport_tor
