#include "health.hpp"

#include <boost/json/array.hpp>

#include <algorithm>

namespace plexus::network {

namespace {

std::string wall_text(nanoseconds time) {
    return encoding::to_text(
        encoding::time_point(std::chrono::duration_cast<std::chrono::microseconds>(time)));
}

} // namespace

std::shared_ptr<health::server> health::dialing(const std::string& name) {
    const std::lock_guard held(guard_);
    auto found = servers_.find(name);
    if (found == servers_.end()) {
        if (servers_.size() >= most_servers) make_room();
        found = servers_.emplace(name, std::make_shared<server>()).first;
        found->second->name = name;
    }
    ++found->second->dialing;
    return found->second;
}

/// The one that failed longest ago of those that nobody is connected to. A server in use always has a place.
void health::make_room() {
    auto oldest = servers_.end();
    for (auto each = servers_.begin(); each != servers_.end(); ++each) {
        const auto& one = *each->second;
        if (one.dialing > 0 || !one.links.empty()) continue;
        if (oldest == servers_.end() || one.last_error_at < oldest->second->last_error_at) oldest = each;
    }
    if (oldest != servers_.end()) servers_.erase(oldest);
}

std::unique_ptr<health::link> health::connected(const std::shared_ptr<server>& to, std::string host, road by,
                                                nanoseconds now) {
    auto made = std::make_unique<link>();
    made->to = to;
    made->host = std::move(host);
    made->by = by;
    made->since = now;
    const std::lock_guard held(guard_);
    --to->dialing;
    to->failures = 0;
    to->links.insert(made.get());
    return made;
}

void health::failed(server& to, std::string_view why, nanoseconds now, bool forget) {
    const std::lock_guard held(guard_);
    --to.dialing;
    if (forget) return;
    to.last_error = why;
    to.last_error_at = now;
    ++to.failures;
}

void health::answered(link& one, nanoseconds took) {
    const std::lock_guard held(guard_);
    one.round_trip = took;
}

void health::closed(std::unique_ptr<link> one, std::string_view why, nanoseconds now) {
    const std::lock_guard held(guard_);
    one->to->links.erase(one.get());
    if (why.empty()) return;
    one->to->last_error = why;
    one->to->last_error_at = now;
}

json::array health::to_json(std::string_view road_name) const {
    const std::lock_guard held(guard_);
    json::array out;
    for (const auto& [name, one] : servers_) {
        json::object shown{{"server", name}};
        json::array links;
        for (const auto* each : one->links) {
            json::object connection{
                {"host", each->host},
                {"route", each->by == road::direct ? std::string_view("direct") : road_name},
                {"since", wall_text(each->since)}};
            if (each->round_trip.count() >= 0) {
                const auto whole = std::chrono::floor<std::chrono::microseconds>(each->round_trip);
                connection["roundTripMs"] = std::chrono::duration<double, std::milli>(whole).count();
            }
            links.emplace_back(std::move(connection));
        }
        shown["state"] = !links.empty() ? "connected" : one->dialing > 0 ? "connecting" : "disconnected";
        if (!links.empty()) shown["connections"] = std::move(links);
        if (!one->last_error.empty()) {
            shown["lastError"] = one->last_error;
            shown["lastErrorAt"] = wall_text(one->last_error_at);
            if (one->failures > 0) shown["failures"] = one->failures;
        }
        out.emplace_back(std::move(shown));
    }
    return out;
}

} // namespace plexus::network
