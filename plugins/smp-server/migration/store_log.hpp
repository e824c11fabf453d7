// The text formats in which an official server (6.x) keeps queues and messages: a line parsed to a value and
// written back. Import and export are made of them.
#pragma once

#include "engine/records.hpp"

#include <variant>

namespace plexus::smp_server::official {

/// The longest line that is read; link data and certificates stay far below.
inline constexpr std::size_t line_most = std::size_t(1) << 20;

struct notifier {
    identifier id{};
    crypto::public_key key;
    secret_array<32> dh_secret;
    bytes service_id; ///< may be empty
};
struct link {
    bytes id;
    bytes fixed;
    bytes user;
};
struct blocking {
    bool content = false; ///< else spam
    std::string notice;   ///< JSON; empty: none
};
struct queue {
    identifier recipient_id{};
    identifier sender_id{};
    std::vector<crypto::public_key> recipient_keys;
    secret_array<32> dh_secret;
    std::optional<crypto::public_key> sender_key;
    std::optional<smp::queue_mode> mode;
    std::optional<official::link> data;
    std::optional<official::notifier> notifier;
    std::optional<std::int64_t> used; ///< Unix time of the day
    bool off = false;
    std::optional<blocking> blocked;
    bytes service_id; ///< may be empty
};

/// What a line does to a queue.
namespace change {
struct create {
    official::queue queue;
};
struct set_link {
    official::link data;
};
struct delete_link {};
struct secure {
    crypto::public_key key;
};
struct set_keys {
    std::vector<crypto::public_key> keys;
};
struct set_notifier {
    official::notifier notifier;
};
struct delete_notifier {};
struct suspend {};
struct block {
    blocking info;
};
struct unblock {};
struct remove {};
struct set_time {
    std::int64_t seconds;
};
struct set_service {
    bool of_notifier;
    bytes service_id; ///< empty: none any more
};
} // namespace change

/// A line of smp-server-store.log about one queue.
struct queue_line {
    identifier recipient_id{};
    std::variant<change::create, change::set_link, change::delete_link, change::secure, change::set_keys,
                 change::set_notifier, change::delete_notifier, change::suspend, change::block,
                 change::unblock, change::remove, change::set_time, change::set_service>
        what;
};
/// NEW_SERVICE.
struct service_line {
    bytes id;
    char role = 'M'; ///< M, N or P
    std::vector<bytes> certificates;
    bytes certificate_hash;
    std::int64_t created = 0;
};
using log_line = std::variant<queue_line, service_line>;

/// Without the newline. The error says what is wrong, without the line.
result<log_line> parse_log_line(std::string_view line);
std::string encode(const queue& value); ///< a CREATE line
std::string encode(const service_line& value);

/// A line of smp-server-messages.log.
struct message_line {
    identifier recipient_id{};
    stored_message message;
};
result<message_line> parse_message_line(std::string_view line);
std::string encode(const message_line& value);
/// A line of a journal, which holds messages of one queue.
result<stored_message> parse_journal_line(std::string_view line);

/// A line of smp-server-ntfs.log: it has neither the queue nor the service.
struct notification_line {
    identifier notifier{};
    stored_notification notification;
};
result<notification_line> parse_notification_line(std::string_view line);
std::string encode(const notification_line& value);

/// Where a queue's journals are read and written.
struct journal_state {
    std::string write_file; ///< the journal's id
    std::string read_file;
    std::uint64_t read_messages = 0; ///< of read_file, already delivered
    std::uint64_t read_bytes = 0;
    std::uint64_t read_bytes_end = 0;
    std::uint64_t write_bytes_end = 0;
    bool can_write = true;
    std::uint64_t size = 0; ///< messages that wait
};
result<journal_state> parse_journal_state(std::string_view line);

} // namespace plexus::smp_server::official
