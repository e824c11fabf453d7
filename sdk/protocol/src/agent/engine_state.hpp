// What the engine holds in memory besides the records: sessions, operations under way, the step being made.
#pragma once

#include "plexus/agent/engine.hpp"

namespace plexus::agent {

/// Of a call that needs one.
inline constexpr const char* no_servers =
    "no server is configured: -s gives plexus one, and `servers` a configuration";

/// A message to send; the bodies of those far behind the head stay in the store.
struct waiting_message {
    std::uint64_t place = 0;
    outbox_kind kind = outbox_kind::control;
    std::int64_t number = 0;
    std::uint64_t tag = 0;
    std::optional<outbox_entry> entry;
};
/// Messages of one outbox that are held with their bodies.
inline constexpr std::size_t held_bodies = 4;

struct engine::live_connection {
    connection record;
    agent::progress progress;
    std::deque<waiting_message> outbox;
    std::uint64_t next_place = 1;

    // Of the present session alone.
    bool subscribed = false;
    bool subscribing = false;
    bool subscription_refused = false;
    bytes current_message; ///< the server's id of what was delivered and not acknowledged
    // One operation of a kind at a time.
    bool linking = false;
    bool creating = false;
    bool securing_own = false;
    bool securing_peer = false;
    bool sending = false;
    bool loading = false;
    bool deleting_queue = false;

    std::int64_t send_after = 0;
    unsigned send_attempts = 0;
    std::int64_t retry_after = 0; ///< of everything but sending
    unsigned attempts = 0;
    bool quota = false;
    bool sign_confirmation = false;         ///< the queue may be secured already, by an earlier attempt
    std::optional<std::size_t> creating_on; ///< the server of ours where the reply queue is to be
    bool gone = false;

    connection_id id() const noexcept { return record.id; }
    bool can_send() const noexcept { return record.send && progress.ratchet && progress.ratchet->can_send(); }
};

struct engine::session {
    enum class state : std::uint8_t { idle, dialing, up };

    session_id id = 0;
    std::string name;
    server_address server;
    bytes isolation;
    state now = state::idle;
    smp::version version = 0;
    unsigned attempts = 0;
    std::int64_t retry_at = 0;
    bool announced = false; ///< its user knows that it is up
    std::set<connection_id> users;
    std::map<bytes, connection_id> receivers; ///< by recipient id
    std::deque<connection_id> to_subscribe;
    std::size_t subscribing = 0;
    std::deque<std::unique_ptr<pending_create>> creates; ///< waiting for the session

    bool up() const noexcept { return now == state::up; }
};

/// A queue that is being created, with the keys that it will have.
struct engine::pending_create {
    request_id request = 0;       ///< 0: a joiner's queue
    connection_id connection = 0; ///< that it is for, which a creator does not have yet
    bool short_link = false;
    bytes user_data;
    std::size_t server = 0; ///< index in the settings
    std::size_t tried = 0;

    crypto::private_key key;
    crypto::private_key body_dh;
    crypto::private_key dh;
    std::optional<crypto::x3dh_keys> x3dh;
    connection_request request_data;
    bytes sender_id;
    bytes link_key;
};

struct engine::operation {
    enum class kind : std::uint8_t {
        create,
        create_reply,
        fetch_link,
        subscribe,
        secure_own,
        secure_peer,
        send,
        acknowledge,
        delete_queue
    };

    kind what = kind::subscribe;
    session_id session = 0;
    connection_id connection = 0;
    std::unique_ptr<pending_create> create;
};

struct engine::step {
    std::vector<write_operation> writes;
    std::set<connection_id> changed;  ///< records to write
    std::set<connection_id> advanced; ///< progress to write
    std::deque<any_action> effects;
    bool removed = false; ///< a connection is gone
};

inline error server_refusal(std::string_view command, const smp::server_error& cause) {
    return make_error(failure::refused,
                      "the server answers " + smp::to_text(cause) + " to " + std::string(command));
}

/// The error of a response, if it is one.
inline const smp::server_error* error_of(const smp::message& response) noexcept {
    const auto* refused = std::get_if<smp::msg::err>(&response);
    return refused != nullptr ? &refused->error : nullptr;
}

/// Errors that may pass: what was refused is tried again.
inline bool is_temporary(const smp::server_error& cause) noexcept {
    switch (cause.code) {
    case smp::error_code::block:
    case smp::error_code::session:
    case smp::error_code::internal:
    case smp::error_code::store:
    case smp::error_code::proxy: return true;
    default: return false;
    }
}

} // namespace plexus::agent
