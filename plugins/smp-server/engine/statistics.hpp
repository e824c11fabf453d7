// What a shard counts, under the official server's names, and about how many queues were active in a day, a
// week and a month. Used by the engine, and by the server, which adds the shards up and keeps the sum in the
// store.
#pragma once

#include "ids.hpp"

#include <string_view>

namespace plexus::smp_server {

/// In the order of names_of_counts. New ones go to the end: the order is stored.
enum class counted : std::uint8_t {
    queues,   ///< there are now
    messages, ///< that wait now
    created,
    secured,
    deleted,
    deleted_new,
    deleted_secured,
    blocked,
    subscribed, ///< and given a message at once, as the official server counts
    subscribed_again,
    subscribe_refused,
    subscribe_prohibited,
    subscription_ended,
    sent,
    sent_notified,
    sent_refused,
    sent_over_quota,
    sent_too_large,
    received,
    received_by_get,
    received_notified,
    got,
    got_again,
    got_nothing,
    get_refused,
    get_prohibited,
    expired,
    forwarded_received,
    sent_blocked,
    subscribe_batches,
    delete_batches,
    ended_batches,
    notifiers, ///< there are now
    notifier_created,
    notifier_created_with_queue,
    notifier_deleted,
    notifier_delete_batches,
    notifier_subscribed,
    notifier_subscribed_again,
    notifier_subscribe_refused,
    notifier_subscribe_batches,
    notifications_waiting, ///< now
    notified,
    notified_batches,
    notifications_lost,
    notifications_expired,
    services, ///< for messages: there are now
    notifier_services,
    service_queues, ///< they have now
    service_notifiers,
    service_joined,
    service_again,
    service_changed,
    service_left,
    service_subscribed,
    service_subscribed_again,
    service_subscribed_queues,
    service_ended,
    notifier_service_joined,
    notifier_service_again,
    notifier_service_changed,
    notifier_service_left,
    notifier_service_subscribed,
    notifier_service_subscribed_again,
    notifier_service_subscribed_queues,
    notifier_service_ended,
    /// Of the proxy, five each: for all relays and for its owner's.
    relay_requests,
    relay_successes,
    relay_connect_errors,
    relay_version_errors,
    relay_other_errors,
    own_relay_requests,
    own_relay_successes,
    own_relay_connect_errors,
    own_relay_version_errors,
    own_relay_other_errors,
    forward_requests,
    forward_successes,
    forward_connect_errors,
    forward_version_errors,
    forward_other_errors,
    own_forward_requests,
    own_forward_successes,
    own_forward_connect_errors,
    own_forward_version_errors,
    own_forward_other_errors,
    name_requests,
    name_found,
    name_not_found,
    name_errors,
    name_disabled,
    end_of_counts
};
inline constexpr std::size_t count_of_counts = static_cast<std::size_t>(counted::end_of_counts);
inline constexpr std::array<std::string_view, count_of_counts> names_of_counts{
    "qCount",
    "msgCount",
    "qCreated",
    "qSecured",
    "qDeletedAll",
    "qDeletedNew",
    "qDeletedSecured",
    "qBlocked",
    "qSub",
    "qSubDuplicate",
    "qSubAuth",
    "qSubProhibited",
    "qSubEnd",
    "msgSent",
    "msgSentNtf",
    "msgSentAuth",
    "msgSentQuota",
    "msgSentLarge",
    "msgRecv",
    "msgRecvGet",
    "msgRecvNtf",
    "msgGet",
    "msgGetDuplicate",
    "msgGetNoMsg",
    "msgGetAuth",
    "msgGetProhibited",
    "msgExpired",
    "pMsgFwdsRecv",
    "msgSentBlock",
    "qSubAllB",
    "qDeletedAllB",
    "qSubEndB",
    "notifierCount",
    "ntfCreated",
    "ntfNewCreated",
    "ntfDeleted",
    "ntfDeletedB",
    "ntfSub",
    "ntfSubDuplicate",
    "ntfSubAuth",
    "ntfSubB",
    "ntfCount",
    "msgNtfs",
    "msgNtfsB",
    "msgNtfLost",
    "msgNtfExpired",
    "rcvServiceCount",
    "ntfServiceCount",
    "rcvServiceQueuesCount",
    "ntfServiceQueuesCount",
    "rcvServices_srvAssocNew",
    "rcvServices_srvAssocDuplicate",
    "rcvServices_srvAssocUpdated",
    "rcvServices_srvAssocRemoved",
    "rcvServices_srvSubCount",
    "rcvServices_srvSubDuplicate",
    "rcvServices_srvSubQueues",
    "rcvServices_srvSubEnd",
    "ntfServices_srvAssocNew",
    "ntfServices_srvAssocDuplicate",
    "ntfServices_srvAssocUpdated",
    "ntfServices_srvAssocRemoved",
    "ntfServices_srvSubCount",
    "ntfServices_srvSubDuplicate",
    "ntfServices_srvSubQueues",
    "ntfServices_srvSubEnd",
    "pRelays_pRequests",
    "pRelays_pSuccesses",
    "pRelays_pErrorsConnect",
    "pRelays_pErrorsCompat",
    "pRelays_pErrorsOther",
    "pRelaysOwn_pRequests",
    "pRelaysOwn_pSuccesses",
    "pRelaysOwn_pErrorsConnect",
    "pRelaysOwn_pErrorsCompat",
    "pRelaysOwn_pErrorsOther",
    "pMsgFwds_pRequests",
    "pMsgFwds_pSuccesses",
    "pMsgFwds_pErrorsConnect",
    "pMsgFwds_pErrorsCompat",
    "pMsgFwds_pErrorsOther",
    "pMsgFwdsOwn_pRequests",
    "pMsgFwdsOwn_pSuccesses",
    "pMsgFwdsOwn_pErrorsConnect",
    "pMsgFwdsOwn_pErrorsCompat",
    "pMsgFwdsOwn_pErrorsOther",
    "rslv_requests",
    "rslv_found",
    "rslv_notFound",
    "rslv_errors",
    "rslv_disabled"};

/// About how many different ids there were: HyperLogLog (Flajolet and others, 2007) with a standard error
/// of 1.6 %, and nearly exact for a few hundred.
class distinct_ids {
  public:
    static constexpr std::size_t registers = 4096;

    void add(const identifier& id) noexcept {
        // The first bytes choose the shard, so these do not.
        std::uint64_t bits = 0;
        for (std::size_t i = 8; i < 16; ++i) bits = bits << 8 | id[i];
        auto& mine = registers_[bits % registers];
        const auto rest = bits >> 12 | std::uint64_t{1} << 52; // its highest bit ends the count
        std::uint8_t rank = 1;
        for (auto left = rest; (left & 1) == 0; left >>= 1) ++rank;
        mine = std::max(mine, rank);
    }
    void merge(const distinct_ids& other) noexcept {
        for (std::size_t i = 0; i < registers; ++i)
            registers_[i] = std::max(registers_[i], other.registers_[i]);
    }
    void clear() noexcept { registers_ = {}; }
    std::uint64_t estimate() const noexcept;

    std::array<std::uint8_t, registers>& raw() noexcept { return registers_; }

  private:
    std::array<std::uint8_t, registers> registers_{};
};

/// Events that go to a connection one after the other in a second: a block has many of them.
class event_run {
  public:
    /// Whether the event begins another block.
    bool begins(const connection_id& to, std::int64_t second, std::uint32_t most) noexcept {
        const bool goes_on = to == to_ && second == second_ && length_ < most;
        to_ = to;
        second_ = second;
        length_ = goes_on ? length_ + 1 : 1;
        return !goes_on;
    }

  private:
    connection_id to_;
    std::int64_t second_ = -1;
    std::uint32_t length_ = 0;
};

enum class period : std::uint8_t { day, week, month };
inline constexpr std::size_t count_of_periods = 3;

struct statistics {
    /// Sums of shards may be made of differences: they are right modulo 2^64.
    std::array<std::uint64_t, count_of_counts> counts{};
    std::array<distinct_ids, count_of_periods> active;          ///< queues with messages, by period
    std::array<distinct_ids, count_of_periods> active_notified; ///< those with messages that notify

    void add(counted what, std::uint64_t amount = 1) noexcept {
        counts[static_cast<std::size_t>(what)] += amount;
    }
    void take(counted what, std::uint64_t amount = 1) noexcept {
        counts[static_cast<std::size_t>(what)] -= amount;
    }
    std::uint64_t& of(counted what) noexcept { return counts[static_cast<std::size_t>(what)]; }
    void saw(const identifier& queue, bool notified) noexcept {
        for (auto& each : active) each.add(queue);
        if (!notified) return;
        for (auto& each : active_notified) each.add(queue);
    }
    void end(period which) noexcept {
        active[static_cast<std::size_t>(which)].clear();
        active_notified[static_cast<std::size_t>(which)].clear();
    }
    void merge(const statistics& other) noexcept;
};

/// As kept in the store. `clean`: nothing was counted since.
bytes encode(statistics& value, bool clean, std::int64_t from);
struct kept_statistics {
    statistics value;
    bool clean = false;
    std::int64_t from = 0; ///< Unix time
};
std::optional<kept_statistics> decode_statistics(bytes_view data);

} // namespace plexus::smp_server
