#include "metrics.hpp"

#include <array>
#include <string_view>

namespace plexus::smp_web {
namespace {

namespace json = boost::json;

struct sample {
    const char* name;  ///< without "simplex_smp_"
    const char* label; ///< or empty
    const char* key;   ///< in the answer
    bool gauge;
    const char* help;
};

/// Source of the names: Simplex.Messaging.Server.Prometheus (6.5), misspellings included. Unlike there a
/// counter never goes back to zero at the end of a day. Samples of one name stand together.
constexpr std::array samples = {
    sample{"queues_created", "", "qCreated", false, "Queues that were created"},
    sample{"queues_secured", "", "qSecured", false, "Queues that were secured"},
    sample{"queues_deleted", "type=\"all\"", "qDeletedAll", false, "Queues that were deleted"},
    sample{"queues_deleted", "type=\"new\"", "qDeletedNew", false, ""},
    sample{"queues_deleted", "type=\"secured\"", "qDeletedSecured", false, ""},
    sample{"queues_blocked", "", "qBlocked", false, "Queues that the operator blocked"},
    sample{"queues_total1", "", "qCount", true, "Queues in the store"},
    sample{"queues_daily", "", "dayCount", true, "Queues with messages today, about"},
    sample{"queues_weekly", "", "weekCount", true, "Queues with messages this week, about"},
    sample{"queues_monthly", "", "monthCount", true, "Queues with messages this month, about"},
    sample{"queues_notify_daily", "", "dayCountNtf", true, "Queues with notifying messages today, about"},
    sample{"queues_notify_weekly", "", "weekCountNtf", true,
           "Queues with notifying messages this week, about"},
    sample{"queues_notify_monthly", "", "monthCountNtf", true,
           "Queues with notifying messages this month, about"},
    sample{"subscribtion_successes", "", "qSub", false, "Subscriptions"},
    sample{"subscribtion_end", "", "qSubEnd", false, "Subscriptions that another one ended"},
    sample{"subscribtion_errors", "type=\"auth\"", "qSubAuth", false, "Subscriptions that were refused"},
    sample{"subscribtion_errors", "type=\"duplicate\"", "qSubDuplicate", false, ""},
    sample{"subscribtion_errors", "type=\"prohibited\"", "qSubProhibited", false, ""},
    sample{"messages_sent", "", "msgSent", false, "Messages taken from senders"},
    sample{"messages_sent_errors", "type=\"auth\"", "msgSentAuth", false, "Messages that were refused"},
    sample{"messages_sent_errors", "type=\"quota\"", "msgSentQuota", false, ""},
    sample{"messages_sent_errors", "type=\"large\"", "msgSentLarge", false, ""},
    sample{"messages_received", "", "msgRecv", false, "Messages that recipients acknowledged"},
    sample{"messages_expired", "", "msgExpired", false, "Messages that nobody took in time"},
    sample{"messages_total", "", "msgCount", true, "Messages that wait"},
    sample{"messages_notify_sent", "", "msgSentNtf", false, "Messages that notify, taken from senders"},
    sample{"messages_notify_received", "", "msgRecvNtf", false, "Messages that notify, acknowledged"},
    sample{"messages_notify_get_sent", "", "msgGet", false, "Messages fetched with GET"},
    sample{"messages_notify_get_received", "", "msgRecvGet", false,
           "Messages fetched with GET and acknowledged"},
    sample{"messages_notify_get_errors", "type=\"nomsg\"", "msgGetNoMsg", false, "GET without a message"},
    sample{"messages_notify_get_errors", "type=\"auth\"", "msgGetAuth", false, ""},
    sample{"messages_notify_get_errors", "type=\"duplicate\"", "msgGetDuplicate", false, ""},
    sample{"messages_notify_get_errors", "type=\"prohibited\"", "msgGetProhibited", false, ""},
    sample{"relay_messages_received", "", "pMsgFwdsRecv", false,
           "Commands that proxies forwarded to this server"},
};
constexpr std::array states = {
    sample{"clients_total", "", "clients", true, "Clients that are connected"},
    sample{"subscribtion_total", "", "subscribed", true, "Queues that are subscribed to"},
    sample{"loaded_queues_queue_count", "", "loaded", true, "Queues in memory"},
};

template <typename Samples>
void append(std::string& out, const Samples& from, const json::object& values) {
    for (const auto& each : from) {
        const auto* found = values.if_contains(each.key);
        if (found == nullptr) continue;
        json::error_code failure;
        const auto value = found->template to_number<std::int64_t>(failure);
        if (failure) continue;
        const std::string name = std::string("simplex_smp_") + each.name;
        if (*each.help != '\0')
            out += "# HELP " + name + " " + each.help + ".\n# TYPE " + name +
                   (each.gauge ? " gauge\n" : " counter\n");
        out += name;
        if (*each.label != '\0') out += std::string("{") + each.label + "}";
        out += " " + std::to_string(value) + "\n";
    }
}

} // namespace

std::string metrics_text(const json::object& stats, const json::object& queues) {
    std::string out;
    append(out, samples, stats);
    append(out, states, queues);
    return out;
}

} // namespace plexus::smp_web
