#include "daily.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace plexus::smp_admin {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

/// Source: logServerStats in Simplex.Messaging.Server (7.0; the last five columns are new there). A name
/// without a mark is a counter, of which the day's part is written; "=" is a number as it stands; "~" is that
/// of a period that ends; "0" is no longer counted.
constexpr std::array columns = {"qCreated",
                                "qSecured",
                                "qDeletedAll",
                                "msgSent",
                                "msgRecv",
                                "~dayCount",
                                "~weekCount",
                                "~monthCount",
                                "msgSentNtf",
                                "msgRecvNtf",
                                "~dayCountNtf",
                                "~weekCountNtf",
                                "~monthCountNtf",
                                "=qCount",
                                "=msgCount",
                                "msgExpired",
                                "qDeletedNew",
                                "qDeletedSecured",
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
                                "pMsgFwdsRecv",
                                "qSub",
                                "qSubAuth",
                                "qSubDuplicate",
                                "qSubProhibited",
                                "msgSentAuth",
                                "msgSentQuota",
                                "msgSentLarge",
                                "msgNtfs",
                                "msgNtfNoSub",
                                "msgNtfLost",
                                "0",
                                "msgRecvGet",
                                "msgGet",
                                "msgGetNoMsg",
                                "msgGetAuth",
                                "msgGetDuplicate",
                                "msgGetProhibited",
                                "0",
                                "0",
                                "0",
                                "=qCount",
                                "ntfCreated",
                                "ntfDeleted",
                                "ntfSub",
                                "ntfSubAuth",
                                "ntfSubDuplicate",
                                "=notifierCount",
                                "qDeletedAllB",
                                "qSubAllB",
                                "qSubEnd",
                                "qSubEndB",
                                "ntfDeletedB",
                                "ntfSubB",
                                "msgNtfsB",
                                "msgNtfExpired",
                                "=ntfCount",
                                "=rcvServiceCount",
                                "=ntfServiceCount",
                                "=rcvServiceQueuesCount",
                                "=ntfServiceQueuesCount",
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
                                "rslv_requests",
                                "rslv_found",
                                "rslv_notFound",
                                "rslv_errors",
                                "rslv_disabled"};

std::int64_t number(const json::object& from, std::string_view name) {
    const auto* found = from.if_contains(name);
    if (found == nullptr) return 0;
    json::error_code failure;
    const auto value = found->to_number<std::int64_t>(failure);
    return failure ? 0 : value;
}

std::chrono::year_month_day day_of(seconds time) {
    return std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(time));
}

} // namespace

seconds due_after(seconds from, seconds at) {
    const seconds midnight = std::chrono::floor<std::chrono::days>(from);
    const seconds today = midnight + at;
    return today > from ? today : today + std::chrono::days(1);
}

std::string date_of(seconds time) {
    const auto day = day_of(time);
    char text[48];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(day.year()),
                  static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
    return text;
}

std::vector<std::string> periods_ending(seconds time) {
    std::vector<std::string> out{"day"};
    const auto day = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(time));
    if (std::chrono::weekday(day) == std::chrono::Monday) out.emplace_back("week");
    if (day_of(time).day() == std::chrono::day(1)) out.emplace_back("month");
    return out;
}

std::string daily_line(const json::object& before, const json::object& now, seconds from, seconds time) {
    const auto ending = periods_ending(time);
    const auto ends = [&ending](std::string_view name) {
        return std::any_of(ending.begin(), ending.end(),
                           [name](const std::string& each) { return name.substr(0, each.size()) == each; });
    };
    std::string out = date_of(from);
    for (const std::string_view column : columns) {
        out += ',';
        const auto name = column.substr(1);
        if (column[0] == '~')
            out += ends(name) ? std::to_string(number(now, name)) : "";
        else if (column[0] == '=')
            out += std::to_string(number(now, name));
        else // after a crash the counters may be some seconds behind what the last line saw
            out += std::to_string(std::max<std::int64_t>(0, number(now, column) - number(before, column)));
    }
    return out;
}

} // namespace plexus::smp_admin
