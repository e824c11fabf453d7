// What the server keeps in the store: queues, the order of their waiting messages, and the messages; with
// their stored forms. Tables:
//   smp.queues    recipient id -> queue_record
//   smp.senders   sender id -> recipient id
//   smp.links     link id -> recipient id, fixed data, user data
//   smp.notifiers notifier id -> recipient id
//   smp.waiting   recipient id -> waiting_list
//   smp.messages  arrival number -> recipient id, stored_message
//   smp.suspended recipient id -> when it was suspended
//   smp.services  service id -> service_record (services.hpp)
//   smp.service-prints fingerprint of a service's certificate -> service id
//   smp.served    service id, then recipient or notifier id -> recipient id of its queue
//   smp.notifications notifier id, number -> stored_notification: those that waited when the server stopped
//   smp.meta      "epoch" -> how often the server was started
#pragma once

#include "ids.hpp"

#include "plexus/crypto/box.hpp"
#include "plexus/crypto/hash.hpp"
#include "plexus/smp/types.hpp"
#include "plexus/store.hpp"

#include <memory>
#include <string>

namespace plexus::smp_server {

enum class queue_status : std::uint8_t { active, off, blocked };

/// Of one queue: each is tried before a command is refused.
inline constexpr std::size_t most_recipient_keys = 16;

struct queue_record {
    identifier recipient_id{};
    identifier sender_id{};
    std::vector<crypto::public_key> recipient_keys; ///< one or more
    secret_array<32> dh_secret;                     ///< encrypts bodies for the recipient
    std::optional<crypto::public_key> sender_key;
    std::optional<smp::queue_mode> mode;
    struct link {
        bytes id;
        crypto::digest32 fixed_hash{}; ///< SHA-256 of the fixed data, which never changes
    };
    std::optional<link> short_link;
    queue_status status = queue_status::active;
    struct blocking {
        smp::blocking_reason reason = smp::blocking_reason::spam;
        std::string notice; ///< a JSON object for the client, or empty
    };
    std::shared_ptr<const blocking> blocked; ///< set while the status says so
    /// Who is told that a message came, without its content.
    struct notifications {
        identifier id{};
        crypto::public_key key;     ///< authorizes NSUB
        secret_array<32> dh_secret; ///< encrypts what NMSG tells the recipient
        std::optional<identifier> service_id;
    };
    std::shared_ptr<const notifications> notifier;
    std::optional<identifier> service_id; ///< the service that receives the queue's messages

    bool is_contact() const noexcept {
        // Queues of old clients have no mode: an address was one that nobody secured.
        return mode ? *mode == smp::queue_mode::contact : !sender_key;
    }
    bool is_secured_messaging() const noexcept {
        return mode != smp::queue_mode::contact && sender_key.has_value();
    }
};
bytes encode(const queue_record& value);
std::optional<queue_record> decode_queue(const identifier& recipient_id, bytes_view data);

/// What is needed of a stored record to subscribe, read where it lies.
struct queue_outline {
    queue_status status = queue_status::active;
    crypto::public_key recipient_key;
};
/// Nothing if it is damaged, or needs more than this: a queue with several recipient keys, or of a service.
std::optional<queue_outline> outline_of(bytes_view record);

/// A message of a sender, or the marker that a full queue leaves.
struct stored_message {
    identifier id{};
    std::int64_t seconds = 0; ///< Unix time of arrival
    bool quota = false;
    smp::message_flags flags;
    bytes body;
};
bytes encode(const identifier& recipient_id, const stored_message& value);
std::optional<stored_message> decode_message(bytes_view data);

struct waiting_entry {
    std::uint64_t number = 0;
    std::int64_t seconds = 0;
};
/// The first go, others come behind. Empty, it holds no memory: most queues have no message.
class waiting_entries {
  public:
    bool empty() const noexcept { return first_ == entries_.size(); }
    std::size_t size() const noexcept { return entries_.size() - first_; }
    std::size_t capacity() const noexcept { return entries_.capacity(); }
    const waiting_entry& front() const noexcept { return entries_[first_]; }
    auto begin() const noexcept { return entries_.begin() + static_cast<std::ptrdiff_t>(first_); }
    auto end() const noexcept { return entries_.end(); }
    void push_back(const waiting_entry& one) { entries_.push_back(one); }
    void pop_front() {
        if (++first_ == entries_.size()) {
            entries_.clear();
            first_ = 0;
            if (entries_.capacity() > kept) std::vector<waiting_entry>().swap(entries_);
        } else if (first_ >= kept && first_ * 2 > entries_.size()) {
            entries_.erase(entries_.begin(), begin());
            first_ = 0;
        }
    }

  private:
    static constexpr std::size_t kept = 4;
    std::vector<waiting_entry> entries_;
    std::size_t first_ = 0;
};
/// Messages of a queue, the oldest first. A full one takes no more until it is empty.
struct waiting_list {
    waiting_entries entries;
    bool full = false;
};
bytes encode(const waiting_list& value);
std::optional<waiting_list> decode_waiting(bytes_view data);

struct link_row {
    identifier recipient_id{};
    bytes fixed;
    bytes user;
};
bytes encode_link(const identifier& recipient_id, const smp::link_data& data);
std::optional<link_row> decode_link(bytes_view data);

bytes message_key(std::uint64_t number);

/// That a message came, on its way to who is told.
struct stored_notification {
    identifier recipient_id{};            ///< of the queue
    std::optional<identifier> service_id; ///< the notifier's
    identifier message_id{};
    std::int64_t seconds = 0; ///< Unix time of the message
    crypto::nonce nonce{};
    bytes metadata; ///< for the recipient
};
bytes encode(const stored_notification& value);
std::optional<stored_notification> decode_notification(bytes_view data);
bytes notification_key(const identifier& notifier, std::uint64_t number);

/// Unix time.
bytes encode_seconds(std::int64_t value);
std::optional<std::int64_t> decode_seconds(bytes_view data);

/// The tables, opened once.
struct tables {
    plexus_table* queues = nullptr;
    plexus_table* senders = nullptr;
    plexus_table* links = nullptr;
    plexus_table* notifiers = nullptr;
    plexus_table* waiting = nullptr;
    plexus_table* messages = nullptr;
    plexus_table* suspended = nullptr;
    plexus_table* services = nullptr;
    plexus_table* service_prints = nullptr;
    plexus_table* served = nullptr;
    plexus_table* notifications = nullptr;
    plexus_table* meta = nullptr;
};
result<tables> open_tables(const store_ref& store);

} // namespace plexus::smp_server
