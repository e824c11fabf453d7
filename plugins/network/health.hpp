// How each server fares: connected by which host and road, since when, how far away, what went wrong last.
// Any thread.
#pragma once

#include "policy.hpp"

#include <boost/json/object.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace plexus::network {

namespace json = boost::json;

/// Servers that are remembered; above it those go first that nobody is connected to.
inline constexpr std::size_t most_servers = 1'000;

class health {
  public:
    struct server;
    struct link;

    /// An attempt to reach the server begins; it ends with connected() or failed().
    std::shared_ptr<server> dialing(const std::string& name);
    /// `now`: wall clock.
    std::unique_ptr<link> connected(const std::shared_ptr<server>& to, std::string host, road by,
                                    nanoseconds now);
    /// `forget`: it was given up by whoever wanted it.
    void failed(server& to, std::string_view why, nanoseconds now, bool forget);
    void answered(link& one, nanoseconds took);
    void closed(std::unique_ptr<link> one, std::string_view why, nanoseconds now);

    /// `road_name`: what the proxied road is called.
    json::array to_json(std::string_view road_name) const;

  private:
    void make_room();

    mutable std::mutex guard_;
    std::map<std::string, std::shared_ptr<server>> servers_;
};

struct health::server {
    std::string name;
    std::size_t dialing = 0;
    std::set<const link*> links;
    std::string last_error;
    nanoseconds last_error_at{};
    std::uint64_t failures = 0; ///< since it was connected last
};

struct health::link {
    std::shared_ptr<server> to;
    std::string host;
    road by = road::direct;
    nanoseconds since{};
    nanoseconds round_trip{-1};
};

} // namespace plexus::network
