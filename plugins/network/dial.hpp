// One call of connect: the attempts that the plan names, their race, and what becomes of it.
#pragma once

#include "runtime.hpp"

#include "plexus/secret.hpp"
#include "plexus/stream.hpp"

#include <list>

namespace plexus::network {

using connected_function = void (*)(void* context, std::int32_t status, const plexus_error* error,
                                    const plexus_network_connected* connected);

/// Destroys itself when its completion was called and no attempt is left. [shard]
class dial final : public net::member {
  public:
    static result<plexus_operation*> start(runtime& owner, const plexus_network_server& server,
                                           connected_function done, void* context);
    ~dial() override;

    void cut() override;
    /// Saved settings have come.
    void go_on();

  private:
    struct running {
        dial* owner = nullptr;
        std::size_t attempt = 0;
        plexus_operation* operation = nullptr;
    };
    struct cancel_handle : plexus_operation {
        cancel_handle() : plexus_operation{} {}
        dial* owner = nullptr;
    };

    dial(runtime& owner, const plexus_network_server& server, connected_function done, void* context);
    void begin();
    void start_next();
    result<void> launch(const attempt& what, running& one);
    void ended(running& one, std::int32_t code, const plexus_error* failure, plexus_stream* made);
    void timer_fired();
    void won(const attempt& by, plexus_stream* made);
    void note_failure(std::size_t which, error cause);
    void fail_all();
    void finish(error why);
    void post_delivery();
    void deliver_failure();
    std::string shown(const attempt& of) const;

    runtime& owner_;
    net::hold hold_;
    cancel_handle operation_;
    connected_function done_;
    void* context_;

    std::uint32_t flags_;
    std::vector<encoding::host> hosts_;
    std::uint32_t given_port_;
    std::uint32_t default_port_;
    std::uint32_t web_port_;
    std::string alpn_;
    std::string web_alpn_;
    bytes key_hash_;
    std::string profile_;
    std::string entity_;
    bytes client_chain_;
    secret_bytes client_key_;
    nanoseconds timeout_;

    std::shared_ptr<const in_force> now_;
    std::uint32_t port_ = 0;
    std::string isolation_;
    std::string name_;
    std::shared_ptr<health::server> health_;
    timer timer_;
    nanoseconds begun_{};
    std::vector<attempt> attempts_;
    std::size_t next_ = 0;
    std::list<running> running_;
    std::vector<error> failures_;
    std::string failures_text_;
    bool posted_ = false; ///< a task of the loop comes back here
    bool finished_ = false;
    bool delivered_ = false;
    bool cancelled_ = false;
    std::optional<error> failure_;
};

} // namespace plexus::network
