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

/// Source of the names: Simplex.Messaging.Server.Prometheus (7.0), misspellings included. Unlike there a
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
    sample{"subscribtion_successes", "", "qSub", false, "Subscriptions that were given a message at once"},
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
    sample{"queues_notify_created", "", "ntfCreated", false, "Notifiers that were set"},
    sample{"queues_notify_new_created", "", "ntfNewCreated", false, "Notifiers that came with a new queue"},
    sample{"queues_notify_deleted", "", "ntfDeleted", false, "Notifiers that were deleted"},
    sample{"queues_notify_total1", "", "ntfCount", true, "Notifications that wait"},
    sample{"queues_notify_total2", "", "notifierCount", true, "Notifiers in the store"},
    sample{"messages_ntf_successes", "", "msgNtfs", false, "Notifications that were sent"},
    sample{"messages_ntf_errors", "type=\"lost\"", "msgNtfLost", false, "Notifications that nobody got"},
    sample{"messages_ntf_errors", "type=\"expired\"", "msgNtfExpired", false, ""},
    sample{"subscription_ntf_requests", "", "ntfSub", false, "Subscriptions of notifiers"},
    sample{"subscribtion_ntf_errors", "type=\"auth\"", "ntfSubAuth", false,
           "Subscriptions of notifiers that were refused"},
    sample{"subscribtion_ntf_errors", "type=\"duplicate\"", "ntfSubDuplicate", false, ""},
    sample{"relay_sessions_requests", "source=\"all\"", "pRelays_pRequests", false,
           "Sessions with other servers that clients asked for"},
    sample{"relay_sessions_requests", "source=\"own\"", "pRelaysOwn_pRequests", false, ""},
    sample{"relay_sessions_successes", "source=\"all\"", "pRelays_pSuccesses", false,
           "Sessions with other servers that came about"},
    sample{"relay_sessions_successes", "source=\"own\"", "pRelaysOwn_pSuccesses", false, ""},
    sample{"relay_sessions_errors", "source=\"all\",type=\"connect\"", "pRelays_pErrorsConnect", false,
           "Sessions with other servers that failed"},
    sample{"relay_sessions_errors", "source=\"all\",type=\"compat\"", "pRelays_pErrorsCompat", false, ""},
    sample{"relay_sessions_errors", "source=\"all\",type=\"other\"", "pRelays_pErrorsOther", false, ""},
    sample{"relay_sessions_errors", "source=\"own\",type=\"connect\"", "pRelaysOwn_pErrorsConnect", false,
           ""},
    sample{"relay_sessions_errors", "source=\"own\",type=\"compat\"", "pRelaysOwn_pErrorsCompat", false, ""},
    sample{"relay_sessions_errors", "source=\"own\",type=\"other\"", "pRelaysOwn_pErrorsOther", false, ""},
    sample{"relay_messages_requests", "source=\"all\"", "pMsgFwds_pRequests", false,
           "Commands for other servers that clients asked for"},
    sample{"relay_messages_requests", "source=\"own\"", "pMsgFwdsOwn_pRequests", false, ""},
    sample{"relay_messages_successes", "source=\"all\"", "pMsgFwds_pSuccesses", false,
           "Commands for other servers that came about"},
    sample{"relay_messages_successes", "source=\"own\"", "pMsgFwdsOwn_pSuccesses", false, ""},
    sample{"relay_messages_errors", "source=\"all\",type=\"connect\"", "pMsgFwds_pErrorsConnect", false,
           "Commands for other servers that failed"},
    sample{"relay_messages_errors", "source=\"all\",type=\"compat\"", "pMsgFwds_pErrorsCompat", false, ""},
    sample{"relay_messages_errors", "source=\"all\",type=\"other\"", "pMsgFwds_pErrorsOther", false, ""},
    sample{"relay_messages_errors", "source=\"own\",type=\"connect\"", "pMsgFwdsOwn_pErrorsConnect", false,
           ""},
    sample{"relay_messages_errors", "source=\"own\",type=\"compat\"", "pMsgFwdsOwn_pErrorsCompat", false, ""},
    sample{"relay_messages_errors", "source=\"own\",type=\"other\"", "pMsgFwdsOwn_pErrorsOther", false, ""},
    sample{"rcv_services_count", "", "rcvServiceCount", true, "Services for messages"},
    sample{"rcv_services_queues_count", "", "rcvServiceQueuesCount", true,
           "What services for messages have of queues"},
    sample{"rcv_services_assoc_new", "", "rcvServices_srvAssocNew", false, "Queues that came to a service"},
    sample{"rcv_services_assoc_duplicate", "", "rcvServices_srvAssocDuplicate", false,
           "Queues that a service had before"},
    sample{"rcv_services_assoc_updated", "", "rcvServices_srvAssocUpdated", false,
           "Queues that went to another service"},
    sample{"rcv_services_assoc_removed", "", "rcvServices_srvAssocRemoved", false,
           "Queues that left a service"},
    sample{"rcv_services_sub_count", "", "rcvServices_srvSubCount", false,
           "Subscriptions of services for messages"},
    sample{"rcv_services_sub_duplicate", "", "rcvServices_srvSubDuplicate", false,
           "Repeated subscriptions of services for messages"},
    sample{"rcv_services_sub_queues", "", "rcvServices_srvSubQueues", false,
           "Queues that services subscribed to"},
    sample{"rcv_services_sub_end", "", "rcvServices_srvSubEnd", false,
           "Subscriptions of services for messages that ended"},
    sample{"ntf_services_count", "", "ntfServiceCount", true, "Services for notifications"},
    sample{"ntf_services_queues_count", "", "ntfServiceQueuesCount", true,
           "What services for notifications have of notifiers"},
    sample{"ntf_services_assoc_new", "", "ntfServices_srvAssocNew", false,
           "Notifiers that came to a service"},
    sample{"ntf_services_assoc_duplicate", "", "ntfServices_srvAssocDuplicate", false,
           "Notifiers that a service had before"},
    sample{"ntf_services_assoc_updated", "", "ntfServices_srvAssocUpdated", false,
           "Notifiers that went to another service"},
    sample{"ntf_services_assoc_removed", "", "ntfServices_srvAssocRemoved", false,
           "Notifiers that left a service"},
    sample{"ntf_services_sub_count", "", "ntfServices_srvSubCount", false,
           "Subscriptions of services for notifications"},
    sample{"ntf_services_sub_duplicate", "", "ntfServices_srvSubDuplicate", false,
           "Repeated subscriptions of services for notifications"},
    sample{"ntf_services_sub_queues", "", "ntfServices_srvSubQueues", false,
           "Notifiers that services subscribed to"},
    sample{"ntf_services_sub_end", "", "ntfServices_srvSubEnd", false,
           "Subscriptions of services for notifications that ended"},
    sample{"names_reqs", "", "rslv_requests", false, "Names that were asked for"},
    sample{"names_success", "", "rslv_found", false, "Names that were found"},
    sample{"names_not_found", "", "rslv_notFound", false, "Names that nobody has"},
    sample{"names_resolver_errs", "", "rslv_errors", false, "Names that the resolver could not tell"},
    sample{"names_disabled", "", "rslv_disabled", false, "Names that were asked for without a resolver"},
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
