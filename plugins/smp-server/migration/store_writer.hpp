// Applies what an official server's files say, line by line, to the tables of ours.
#pragma once

#include "blocking_store.hpp"
#include "report.hpp"
#include "store_log.hpp"

namespace plexus::smp_server {

class store_writer {
  public:
    store_writer(blocking_store& store, report& to) : store_(store), report_(to) {}

    struct place {
        const std::filesystem::path& file;
        std::uint64_t line;
    };
    result<void> apply(const official::log_line& line, const place& at);
    /// Messages come oldest first; those of one queue best in a row.
    result<void> add(const identifier& recipient_id, const stored_message& message, const place& at);
    /// Of that queue: it takes no more until it is empty.
    result<void> set_full(const identifier& recipient_id);
    /// The oldest first.
    result<void> add(const official::notification_line& line, const place& at);
    /// Everything is in the store.
    result<void> finish();

    std::uint64_t messages() const noexcept { return next_number_ - 1; }

  private:
    result<void> create(const official::queue& from, const place& at);
    result<void> change(const official::queue_line& line, queue_record found, const place& at);
    result<std::optional<queue_record>> find(const identifier& recipient_id);
    result<void> write(const queue_record& record);
    result<void> set_notifier(queue_record& record, const official::notifier& from, const place& at);
    result<void> drop_notifier(queue_record& record);
    result<void> add_service(const official::service_line& from, const place& at);
    result<std::optional<identifier>> tie(const bytes& service_id, smp::service_role role,
                                          const identifier& entity, const identifier& recipient_id,
                                          const place& at);
    result<void> untie(const std::optional<identifier>& service_id, const identifier& entity);
    result<void> set_service(queue_record& record, const official::change::set_service& what,
                             const place& at);
    static void block(queue_record& record, const official::blocking& info);
    result<void> set_link(queue_record& record, const official::link& data);
    result<bool> open_list(const identifier& recipient_id);
    result<void> close_list();

    blocking_store& store_;
    report& report_;
    std::uint64_t next_number_ = 1; ///< below all numbers of a server's first run
    std::uint64_t notifications_ = 0;
    std::optional<identifier> open_; ///< the queue of `list_`
    waiting_list list_;
};

} // namespace plexus::smp_server
